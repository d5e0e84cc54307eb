/** Security events as they come. */

import { type Api, OPERATIONS } from '@holdfast/api'
import type { SecurityEvent } from '@holdfast/audit'
import { formatTimestamp } from '@holdfast/base'
import { ndjson } from './ndjson.ts'
import { type Route, serve } from './route.ts'
import type { ManagementServices } from './services.ts'

/** Events of one answer unless told. */
const EVENTS_DEFAULT = 100

/** Events held for a follower that reads more slowly than they come; one more and it is let go. */
const EVENTS_WAITING_MAX = 1_000

export const EVENT_ROUTES: readonly Route[] = [
  serve(OPERATIONS.event.read, async ({ services, streams, actor, query }) => {
    const lease = streams.open(actor)
    const { limit = EVENTS_DEFAULT, follow = false } = query
    return ndjson(pages(services, { limit, follow }, lease.signal), lease)
  }),
]

async function* pages(
  services: ManagementServices,
  request: { readonly limit: number; readonly follow: boolean },
  signal: AbortSignal,
): AsyncGenerator<readonly Api.Event[]> {
  const follower = request.follow ? new Follower(services.events.subscribe, signal) : undefined
  try {
    const recent = request.limit === 0 ? [] : await services.events.recent(request.limit)
    yield recent.map(eventJson)
    // What came while the recent ones were read may be among them already.
    const known = new Set(recent)
    while (follower !== undefined && !signal.aborted) {
      const fresh = await follower.take()
      yield fresh.filter((event) => !known.has(event)).map(eventJson)
    }
  } finally {
    follower?.end()
  }
}

class Follower {
  readonly #unsubscribe: () => void
  #waiting: SecurityEvent[] = []
  #isTooSlow = false
  #wake: (() => void) | undefined

  constructor(subscribe: (listener: (event: SecurityEvent) => void) => () => void, signal: AbortSignal) {
    this.#unsubscribe = subscribe((event) => {
      if (this.#waiting.length >= EVENTS_WAITING_MAX) this.#isTooSlow = true
      else this.#waiting.push(event)
      this.#wake?.()
    })
    signal.addEventListener('abort', () => this.#wake?.(), { once: true })
  }

  /** Resolves with what came, or with nothing when the stream is to end. */
  async take(): Promise<readonly SecurityEvent[]> {
    if (this.#waiting.length === 0) await new Promise<void>((resolve) => (this.#wake = resolve))
    this.#wake = undefined
    const taken = this.#waiting
    this.#waiting = []
    // Broken off rather than thinned out: whoever follows must not take a gap for silence.
    if (this.#isTooSlow) throw new Error('the reader of the events is too slow')
    return taken
  }

  end(): void {
    this.#unsubscribe()
  }
}

export function eventJson(event: SecurityEvent): Api.Event {
  return {
    type: event.type,
    time: formatTimestamp(event.at),
    subject: event.subject,
    actor: event.actor,
    detail: { ...event.detail },
  }
}
