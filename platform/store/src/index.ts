export { StoreDamagedError, StoreUnavailableError } from './damaged.ts'
export type { LogStatistics, TelemetryLogOptions } from './log/telemetry-log.ts'
export { SqliteTelemetryLog } from './log/telemetry-log.ts'
