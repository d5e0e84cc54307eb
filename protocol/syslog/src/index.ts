export { encodeFrame } from './frame.ts'
export { MESSAGE_BYTES_MAX } from './limits.ts'
export type { Severity, StructuredData, SyslogMessage } from './message.ts'
export { encodeMessage, FACILITY_LOG_AUDIT, SEVERITIES } from './message.ts'
