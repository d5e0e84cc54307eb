export * as AttestationApi from './attestation.ts'
export * as Api from './management.ts'
export * as RevocationApi from './revocation.ts'
