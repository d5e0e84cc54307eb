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
} from './front-messages.ts'
export type { SealedBatch, StoredBatch } from './sealed-batch.ts'
export type { SessionStore } from './session-store.ts'
export type { TelemetryMessage } from './telemetry-message.ts'
export type { AppendOutcome, PartitionState, Position, TelemetryLog, TelemetryReader } from './telemetry-store.ts'
