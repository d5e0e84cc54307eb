/** Security events as lines of the log. */

import type { EventSink, EventType } from '@holdfast/audit'
import { formatTimestamp } from '@holdfast/base'
import type { Log } from './log.ts'

/** `warn` is what an operator should look at; `error` is what stops the hub from doing its work. */
const LEVELS: Readonly<Partial<Record<EventType, 'warn' | 'error'>>> = {
  'hub.configuration-refused': 'error',
  'store.unavailable': 'error',
  'store.damaged': 'error',
  'authority.verification-failed': 'warn',
  'registration.refused': 'warn',
  'session.refused': 'warn',
  'session.cut-off': 'warn',
  'connection.turned-away': 'warn',
  'request.refused': 'warn',
  'key.dropped': 'warn',
}

/**
 * A sink that writes every event with its type as `event`; the line's message is the type, too, so that both readers
 * find it. Holding back floods is `EventThrottle`'s part, in front of this. Never throws.
 */
export function eventLog(log: Log): EventSink {
  return (event) => {
    const { type, subject, actor, detail } = event
    log[LEVELS[type] ?? 'info'](type, { event: type, at: formatTimestamp(event.at), subject, actor, detail })
  }
}
