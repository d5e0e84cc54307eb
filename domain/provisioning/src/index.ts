export type {
  Attested,
  Credentials,
  DenialCode,
  Denied,
  PresentedCertificate,
  Proof,
  RegistrationClaim,
  Verdict,
} from './claim.ts'
export type { CertificateOutcome, CertificateWish, DeviceCertificates } from './certificate-issuing.ts'
export type { BulkError, WriteMatch } from './enrollments.ts'
export { Enrollments } from './enrollments.ts'
export { RETRY_AFTER_SECONDS } from './limits.ts'
export type { Results } from './paging.ts'
export { pkiRules } from './pki-rules.ts'
export type {
  AttemptThrottle,
  CertificateFacts,
  CertificateRules,
  ChainVerdict,
  DeviceDirectory,
  NewDevice,
  RandomBytes,
  SupplyRules,
  TpmParts,
} from './ports.ts'
export type { ProvisioningParts } from './provisioning.ts'
export { Provisioning } from './provisioning.ts'
export { registryDirectory } from './registry-directory.ts'
export type { Attestation, Enrollment, Page, ProvisioningStore, Registration } from './store.ts'
