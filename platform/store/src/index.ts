export type { CopiedFiles, CopyCounts } from './copies.ts'
export { countCopies, damageOf, lastCheckpointOf, settleCopies, uploadFilesOf } from './copies.ts'
export { StoreDamagedError, StoreUnavailableError } from './damaged.ts'
export type { HistoryErrorCode } from './history/errors.ts'
export { HistoryError } from './history/errors.ts'
export type { HistoryOptions, HistoryStatistics } from './history/history.ts'
export { History } from './history/history.ts'
export type {
  HistoryEvent,
  HistoryThread,
  HistoryThreadData,
  HistoryThreadOptions,
} from './history/history-dispatch.ts'
export type { Telling, Told } from './history/digest-tables.ts'
export type {
  DigestFinding,
  DigestFindingKind,
  DigestVerification,
  TelemetryRecord,
} from './history/digest-verification.ts'
export { readTelemetryRecord, tellingOf } from './history/telling-event.ts'
export type { DataKey as HistoryKey } from './history/key-ring.ts'
export type { Dropped, Retention } from './history/retention.ts'
export type { Verification } from './history/verification.ts'
export type { LogControl, LogProgress, LogThread, LogThreadData, LogThreadStatistics } from './log/log-dispatch.ts'
export type { LogStatistics, TelemetryLogOptions } from './log/telemetry-log.ts'
export { SqliteTelemetryLog } from './log/telemetry-log.ts'
export type {
  AuditCheckpoint,
  AuditEntry,
  AuditHead,
  AuditPage,
  AuditQuery,
  AuditStore,
  Contradiction,
  ShredWish,
} from './state/audit/port.ts'
export type { BackupStore, StoredBackup } from './state/backups.ts'
export { BACKUPS_MAX } from './state/backups.ts'
export type { IdempotencyStore, KeptAnswer, Reservation, Reserved } from './state/idempotency.ts'
export type { ActiveDevice, MoveEvidence, MoveEvidenceKind, MoveEvidenceStore } from './state/move-evidence.ts'
export type { PresenceRecord, PresenceStore, PresenceWrite } from './state/presence.ts'
export type { QueryOutcome, QueryRequest, QueryStore } from './state/query/queries.ts'
export type { ResealOutcome } from './state/reseal.ts'
export type { SettingStore } from './state/settings.ts'
export type { StateThread, StateThreadData } from './state/state-dispatch.ts'
export type { EventStore, StateOptions, StateService, StateUpkeep } from './state/state-store.ts'
export type { StateKeys } from './state/value-sealer.ts'
