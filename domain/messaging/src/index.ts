export type { RecordSpan } from './batch.ts'
export { BatchBuilder, openBatch, openBatchBytes, recordSpans } from './batch.ts'
export type { CutOffReport } from './cut-off.ts'
export type { DeviceRequest } from './device-request.ts'
export type { MessagingErrorCode } from './errors.ts'
export { MessagingError } from './errors.ts'
export type { FrontCounters, FrontEffects } from './front.ts'
export { Front } from './front.ts'
export type { PeerSource } from './front-inside.ts'
export type {
  Admission,
  CertificateFacts,
  CloseReason,
  CoreToFront,
  FrontToCore,
  FrontToLog,
  HubClaim,
  LogToFront,
  PeerFacts,
  ProvisioningClaim,
  RefusalCode,
  Subscription,
  Unacknowledged,
} from './front-messages.ts'
export type { FrontLimits } from './limits.ts'
export {
  BATCH_BYTES_MAX,
  BATCH_MESSAGES_MAX,
  FRONT_LIMITS,
  MESSAGE_BYTES_MAX,
  PAGE_BYTES_MAX,
  PAGE_MESSAGES_MAX,
  PARTITIONS_MAX,
  RECORD_BYTES_MAX,
} from './limits.ts'
export type { LogWriterLimits } from './log-writer.ts'
export { LOG_WRITER_LIMITS, LogWriter } from './log-writer.ts'
export type { PageHeader, PageRecord } from './page.ts'
export { decodePage, encodePage, openPage, pageRecordBytes, pageSpans, sealPage } from './page.ts'
export { partitionOf } from './partition.ts'
export type { RecordOrigin } from './record.ts'
export { decodeRecord, encodePrefix, RECORD_HEAD_BYTES, recordDevice, recordEnd, recordTime } from './record.ts'
export type { SealedBatch, StoredBatch } from './sealed-batch.ts'
export type { KeyForEpoch, SealingPurpose } from './sealing.ts'
export { KEY_BYTES, openBytes, SALT_BYTES, SealingKey, sealBytes } from './sealing.ts'
export type { Session, SessionSubject } from './session-basis.ts'
export type {
  ConnectionState,
  Credentials,
  Publication,
  SessionEffects,
  SessionEnd,
  SessionLimits,
} from './session-directory.ts'
export { SESSION_LIMITS, SessionDirectory } from './session-directory.ts'
export type { SessionAnswer, SessionRequest } from './session-requests.ts'
export { runSessionRequest } from './session-requests.ts'
export type { SessionStore } from './session-store.ts'
export type { TelemetryMessage } from './telemetry-message.ts'
export type { OutgoingRecord, Sender } from './telemetry-outbox.ts'
export { TelemetryOutbox } from './telemetry-outbox.ts'
export type { AppendOutcome, PartitionState, Position, TelemetryLog, TelemetryReader } from './telemetry-store.ts'
