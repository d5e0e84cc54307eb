export { connectBytes, FrontStage, publishPacket } from './front-stage.ts'
export { MemorySessionStore } from './memory-session-store.ts'
export type { LogTrouble } from './memory-telemetry-log.ts'
export { MemoryTelemetryLog, SimulatedCrash } from './memory-telemetry-log.ts'
