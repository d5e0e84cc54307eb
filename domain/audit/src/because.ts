/** The events that a write brings: told by whoever asks for it, kept by the store that does it. */

import type { SecurityEvent } from './event.ts'

/** Events that describe a change: a store that takes them keeps them in the transaction of the change, or not at all. */
export type Because = SecurityEvent | readonly SecurityEvent[]

/** As a list, in order. */
export function eventsOf(because: Because | undefined): readonly SecurityEvent[] {
  if (because === undefined) return []
  return isList(because) ? because : [because]
}

/** For stores: each event with what only the write knows (a version, a count). The store's method says what it adds. */
export function completed(because: Because | undefined, facts: SecurityEvent['detail']): readonly SecurityEvent[] {
  return eventsOf(because).map((event) => ({ ...event, detail: { ...event.detail, ...facts } }))
}

function isList(because: Because): because is readonly SecurityEvent[] {
  return Array.isArray(because)
}
