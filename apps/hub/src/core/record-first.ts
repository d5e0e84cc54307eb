/**
 * Acts on files that cannot be undone: a key that is destroyed, a root that is taken away. Files share no transaction with
 * the log, so the event is on disk before the act is begun; what did not come to pass is told after it, as `act.failed`.
 */

import type { SecurityEvent } from '@holdfast/audit'
import type { EventLog } from './event-log.ts'

/**
 * Does `act` once `event` is on disk.
 * @throws what kept the log from taking the event: then nothing was done; else what `act` throws.
 */
export type RecordFirst = <T>(event: SecurityEvent, act: () => Promise<T>) => Promise<T>

/** Characters of a reason: one clause for people. */
const REASON_CHARACTERS_MAX = 256

export function recordFirst(events: Pick<EventLog, 'sink' | 'durable'>): RecordFirst {
  return async (event, act) => {
    events.sink(event)
    try {
      await events.durable()
      return await act()
    } catch (error) {
      // Also where the log could not take it: it keeps the event for later, and what was not done must not stand there alone.
      const reason = (error instanceof Error ? error.message : String(error)).slice(0, REASON_CHARACTERS_MAX)
      const detail = { act: event.type, reason: reason.toWellFormed() }
      events.sink({ type: 'act.failed', at: event.at, subject: event.subject, actor: event.actor, detail })
      throw error
    }
  }
}
