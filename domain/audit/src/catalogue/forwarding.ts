/** Who hears of events, and what became of that. The subject is `sink/NAME`. */

import { ofHub } from './definition.ts'

export const FORWARDING_EVENTS = {
  'sink.created': ofHub({ kind: 'text', address: 'text', filter: 'text' }),
  'sink.changed': ofHub({ changed: 'text', address: 'text' }),
  'sink.deleted': ofHub({ address: 'text' }),
  'sink.secret-rotated': ofHub({ overlapSeconds: 'number' }),
  'sink.private-set': ofHub({ allowed: 'flag', address: 'text' }),
  'sink.failing': ofHub({ failures: 'number', reason: 'text' }),
  'sink.recovered': ofHub({}),
  /** `standing`: how many times something waits, this one counted. Told at 1, 2, 4 and so on. */
  'sink.set-aside': ofHub({ first: 'number', last: 'number', count: 'number', standing: 'number', reason: 'text' }),
  'sink.retried': ofHub({ taken: 'number', left: 'number' }),
  'sink.dismissed': ofHub({ count: 'number' }),
} as const
