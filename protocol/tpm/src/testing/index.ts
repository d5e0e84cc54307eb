export { bootTargets } from './boot-targets.ts'
export type { FuzzTarget } from './boot-targets.ts'
export type { WrittenEvent } from './event-log-writer.ts'
export { eventBytes, measurementOf, specIdEvent, writeEventLog, writeSha1EventLog } from './event-log-writer.ts'
