export { Attestations, standingIn } from './attestations.ts'
export type {
  AttestationsParts,
  AttestingDevice,
  Challenge,
  Endorsement,
  EndorsementKeyHolders,
  KeyRequest,
} from './attestations.ts'
export { checkAttestationKey, checkEndorsementKey } from './attestation-key.ts'
export type {
  EndorsementRoot,
  EndorsementRootsParts,
  EndorsementRootStore,
  StoredEndorsementRoot,
} from './endorsement-roots.ts'
export { EndorsementRoots } from './endorsement-roots.ts'
export type { AttestationErrorCode } from './errors.ts'
export { AttestationError } from './errors.ts'
export type { EventDifference, FoundEvent } from './event-comparison.ts'
export { compareEvents } from './event-comparison.ts'
export type { Evidence, EvidenceContext, Judgement, Reason, ReasonCode, TpmState } from './judge-evidence.ts'
export { firmwareText, judgeEvidence } from './judge-evidence.ts'
export {
  ATTEST_BYTES_MAX,
  DOCUMENT_BYTES_MAX,
  ENDORSEMENT_CERTIFICATE_BYTES_MAX,
  SIGNATURE_BYTES_MAX,
} from './limits.ts'
export type { FoundPolicy, PoliciesParts } from './policies.ts'
export { AttestationPolicies } from './policies.ts'
export type { AttestationPolicy, Bank } from './policy.ts'
export { BANKS, DEFAULT_POLICY, readAttestationPolicy } from './policy.ts'
export type { ReferenceEvent, ReferenceValues } from './reference-values.ts'
export { isReferenceName, readSignerKey, REFERENCE_FORMAT, verifyReferenceValues } from './reference-values.ts'
export type { KnownReferenceValues, ReferencesParts } from './references.ts'
export { References } from './references.ts'
export type { Standing, StandingVerdict } from './standing.ts'
export { decideStanding, standingOf } from './standing.ts'
export type {
  AttestationRecord,
  AttestationStore,
  AttestedVerdict,
  ReferenceSigner,
  StoredPolicy,
  StoredReferenceValues,
  StoredStanding,
} from './store.ts'
