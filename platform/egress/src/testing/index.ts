export type { Certificates, KeyPair } from './certificates.ts'
export { makeCertificates } from './certificates.ts'
