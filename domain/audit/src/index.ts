export type { Because } from './because.ts'
export { completed, eventsOf } from './because.ts'
export type { EntryKeys } from './body.ts'
export {
  commitTo,
  decodeBody,
  encodeBody,
  entryKeys,
  isCommitted,
  OPENING_BYTES,
  openBody,
  SALT_BYTES,
  SECRET_BYTES,
  sealBody,
} from './body.ts'
export type {
  BundleCheckpoint,
  BundleContent,
  BundleEnd,
  BundleEntry,
  BundleHeader,
  BundleLine,
  BundleTile,
} from './bundle.ts'
export { BUNDLE_LINE_CHARACTERS_MAX, BUNDLE_VERSION, formatBundleLine, parseBundleLine, tilesBefore } from './bundle.ts'
export type { CanonicalValue } from './canonical.ts'
export { canonicalJson } from './canonical.ts'
export type { DetailSchema, EventDefinition, FactKind } from './catalogue/definition.ts'
export type { EventType } from './catalogue/index.ts'
export { EVENT_TYPES, EVENTS, isEventType } from './catalogue/index.ts'
export { checkEvent, faultsOf, keepable } from './check.ts'
export type { EventSink, RecordedEvent, SecurityEvent } from './event.ts'
export { EventThrottle } from './event-throttle.ts'
export type { Leaf } from './leaf.ts'
export { decodeLeaf, encodeLeaf, LEAF_BYTES_MAX, LEAF_VERSION } from './leaf.ts'
export { HUB_OWNER, ownerOf, sealOwnerOf } from './owner.ts'
export type { CosignedBy, ForeignCheckpoint, Verdict, VerifyOptions } from './verify.ts'
export { BundleVerifier, FINDINGS_MAX, FOREIGN_CHECKPOINTS_MAX } from './verify.ts'
export type { Finding, FindingKind } from './verify-finding.ts'
export { formatFinding } from './verify-finding.ts'
export type { BundleSource } from './write-bundle.ts'
export { writeBundle } from './write-bundle.ts'
