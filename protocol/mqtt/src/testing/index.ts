export { arbitraryPacket, arbitraryPublish, arbitraryTopicFilter, arbitraryTopicName } from './arbitrary-packet.ts'
export { fuzzTarget } from './fuzz-target.ts'
export { ClientRecord, hex, ServerRecord } from './records.ts'
export type { Entry } from './records.ts'
