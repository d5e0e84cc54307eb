export type { ClaimBy, ClaimRequest } from './claims.ts'
export { Claims } from './claims.ts'
export type { DeviceLife, HistoryDraft, LifeChange, LifeFacts, LifeOutcome } from './device-life.ts'
export { applyLifeChange, isAbout } from './device-life.ts'
export type { SupplyErrorCode } from './errors.ts'
export { SupplyError } from './errors.ts'
export type { LifeMove, LifeState } from './life.ts'
export { LIFE_STATES, movesFrom, planMove } from './life.ts'
export type { LifeVerdict } from './life-rules.ts'
export { judgeLife } from './life-rules.ts'
export { CLAIM_LIFE_MS, MANIFEST_BYTES_MAX, SIGNATURE_BYTES_MAX } from './limits.ts'
export { expiryEvent, lifeEvents } from './life-events.ts'
export { Lives } from './lives.ts'
export type { EntryKey, KeyStorage } from './manifest-entry.ts'
export { digestOf } from './manifest-entry.ts'
export type { LineReport, VerifiedManifest } from './manifest-import.ts'
export { ManifestImports } from './manifest-import.ts'
export { ManifestSignature } from './manifest-signature.ts'
export { Manufacturers } from './manufacturers.ts'
export type { OwnedDevices } from './owned-devices.ts'
export { Owners } from './owners.ts'
export { provisioningRules } from './provisioning-rules.ts'
export { Retirements } from './retirement.ts'
export type {
  HistoryEntry,
  ImportCounts,
  KeyDigest,
  ManifestRecord,
  Manufacturer,
  Owner,
  Page,
  Stamp,
  SupplyStore,
  Tombstone,
  Transfer,
} from './store.ts'
export type { EntryState, ImportOutcome, NewEntry, SupplyEntry } from './supply-entry.ts'
export { judgeNewEntry, planClaim } from './supply-entry.ts'
export { Transfers } from './transfers.ts'
