export type { AuthenticationDraft } from './authentication.ts'
export { normaliseThumbprint, thumbprintsOf } from './authentication.ts'
export { authMethodOf } from './auth-method.ts'
export type { Allowed, AuthenticatorParts, Claimant, Decision, Denied, DenialCode } from './authenticator.ts'
export { Authenticator } from './authenticator.ts'
export type {
  AuthoritiesParts,
  Authority,
  ChainDenial,
  ChainJudgement,
  PresentedCertificate,
} from './authorities.ts'
export { Authorities } from './authorities.ts'
export type { Basis, Cut, KeySlot, Standing } from './credential.ts'
export { closeReasonOf, cuts } from './credential.ts'
export type { IdentityErrorCode } from './errors.ts'
export { IdentityError } from './errors.ts'
export { FailureThrottle } from './failure-throttle.ts'
export type { IdentityChange } from './identity-change.ts'
export { checkIdentityKey, identitySubject, identityText, isIdentityKey } from './identity-key.ts'
export type {
  Authentication,
  Expectation,
  Identity,
  IdentityKey,
  IdentityWriteOutcome,
  WriteOutcome,
} from './identity.ts'
export type { KeyClaim, KeyClaimOutcome, KeyRegisterParts, KeyUseStore, KeyVerdict } from './key-register.ts'
export { KeyRegister, spkiSha256Of } from './key-register.ts'
export type { Lane } from './lane.ts'
export { LANES, narrower } from './lane.ts'
export type {
  FoundCertificate,
  IssuedCertificateJudge,
  IssuedDenial,
  IssuedJudgement,
} from './issued-certificates.ts'
export { NO_ISSUED_CERTIFICATES } from './issued-certificates.ts'
export { AUTHORITIES_MAX, MODULES_PER_DEVICE_MAX, PAGE_ITEMS_MAX, STATUS_REASON_CHARACTERS_MAX } from './limits.ts'
export type { PoliciesParts, PolicyDenial, PolicyVerdict, Principal, ScopedVerdict } from './policies.ts'
export { DEFAULT_POLICIES, Policies } from './policies.ts'
export { linksOf } from './path-links.ts'
export type { RandomBytes } from './random.ts'
export type { Applied, Found, IdentityChanged, IdentityDraft, RegistryParts } from './registry.ts'
export { Registry } from './registry.ts'
export type {
  PathLink,
  RevocationDenial,
  RevocationFinding,
  RevocationJudge,
  RevocationListStore,
  RevokedSerials,
  StoredRevocationList,
  WhenStale,
} from './revocation.ts'
export { NO_REVOCATION } from './revocation.ts'
export type {
  KnownRevocationList,
  RevocationChange,
  RevocationListDraft,
  RevocationListsParts,
} from './revocation-lists.ts'
export { RevocationLists } from './revocation-lists.ts'
export type { StaleList } from './stale-list.ts'
export { edgeScope, scopedDevice, scopesOf, unknownScope } from './scope.ts'
export type {
  AccessPolicy,
  DeviceFilter,
  AuthorityStore,
  CustomerAuthority,
  IdentityStore,
  PolicyStore,
  Right,
} from './store.ts'
export {
  otherSlot,
  POLICY_KEY_AGE_MAX_MS,
  POLICY_OVERLAP_DEFAULT_MS,
  POLICY_OVERLAP_MAX_MS,
  type PolicyRotation,
  type RotationOptions,
} from './policy-rotation.ts'
