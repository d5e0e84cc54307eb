export * as AttestationApi from './attestation.ts'
export * as CertificateApi from './certificates.ts'
export * as Api from './management.ts'
export * as RevocationApi from './revocation.ts'
