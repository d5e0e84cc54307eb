export type { Lapse, LapseCursor, LapseKind, LapsePage, LapseSource } from './calendar.ts'
export { compareLapses, issuedLapses, LAPSE_KINDS, listedLapses, listLapses } from './calendar.ts'
export type {
  CredentialServiceParts,
  Issued,
  IssueWish,
  RandomBytes,
  RecordPage,
  RenewalWish,
  Revoked,
} from './credential-service.ts'
export { CredentialService } from './credential-service.ts'
export type { CredentialErrorCode } from './errors.ts'
export { CredentialError } from './errors.ts'
export type { EstAuthorization } from './est/authorization.ts'
export { identityKeyOf, parseEstAuthorization } from './est/authorization.ts'
export { decodeEstBody, encodeEstBody } from './est/body.ts'
export { encodeCsrAttributes } from './est/csr-attributes.ts'
export type { EstOperation, EstPath } from './est/path.ts'
export { isEstPath, parseEstPath } from './est/path.ts'
export type { HubIssuer } from './hub-issuer.ts'
export { IdentityFollower } from './identity-follower.ts'
export type { CertificateState, IssuedCertificate, RevocationReason } from './issued-certificate.ts'
export { CERTIFICATE_STATES, isLive, REVOCATION_REASONS } from './issued-certificate.ts'
export type { CertificateNews, IssuedCertificatesParts } from './issued-certificates.ts'
export { IssuedCertificates } from './issued-certificates.ts'
export { EST_BODY_BYTES_MAX, LIVE_MAX, PAGE_ITEMS_MAX } from './limits.ts'
export type { IssuanceProfile } from './profile.ts'
export { DEFAULT_PROFILE, isProfileName, KEY_KINDS } from './profile.ts'
export type { ProfileChange, ProfilesParts, ProfileStore } from './profiles.ts'
export { Profiles } from './profiles.ts'
export type { AfterRecord, CertificateChange, CertificateMove, IssuedCertificateStore } from './store.ts'
