export type { EntryBody, EntryDocument, EntryReader, LogEntry } from './entry.ts'
export { entryDocument } from './entry.ts'
export type { EventFilter, OrganisationOf } from './event-filter.ts'
export { faultsOfFilter, matcher } from './event-filter.ts'
