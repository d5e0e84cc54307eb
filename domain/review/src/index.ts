export type { EntryBody, EntryDocument, EntryReader, LogEntry } from './entry.ts'
export { entryDocument } from './entry.ts'
export type { EventFilter } from './event-filter.ts'
export { faultsOfFilter, matcher } from './event-filter.ts'
export type { ReviewChange, ReviewKind, ReviewPage, ReviewRecord, ReviewStore } from './store.ts'
export { REVIEW_KINDS } from './store.ts'
export { isName } from './name.ts'
export type { DeviceState, Since } from './timeline.ts'
export { afterEntry, NOTHING_KNOWN, sinceItCame, stateAsOf } from './timeline.ts'
export { TIMELINE_ENTRIES_MAX, TIMELINE_READ_MAX } from './limits.ts'
export type { Duty, Finding, Plan, Review, Signature, View } from './review.ts'
export { overdueOf, signedBy, unsignedOf } from './review.ts'
export { digestOf, isDangerous, Sampling } from './sample.ts'
export type { Cadence } from './schedule.ts'
export { CADENCES, nextOf } from './schedule.ts'
export {
  FINDINGS_MAX,
  PLANS_MAX,
  REVIEW_ENTRIES_MAX,
  REVIEWS_OPEN_MAX,
  SAMPLE_ENTRIES_MAX,
  STATEMENT_CHARACTERS_MAX,
  VIEWS_MAX,
} from './limits.ts'
