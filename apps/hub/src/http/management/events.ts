/** Security events as they come. */

import { type Api, OPERATIONS } from '@holdfast/api'
import type { SecurityEvent } from '@holdfast/audit'
import { formatTimestamp } from '@holdfast/base'
import type { AuditEntry } from '@holdfast/store'
import { type Live, lastEventId, live } from './live.ts'
import { type Route, serve } from './route.ts'
import type { ManagementServices } from './services.ts'

/** Events of one answer unless told. */
const EVENTS_DEFAULT = 100

/** Events held for a follower that reads more slowly than they come; one more and it is let go. */
const EVENTS_WAITING_MAX = 1_000

/** Entries read at a time by whoever comes back. */
const PAGE_ENTRIES = 200

export const EVENT_ROUTES: readonly Route[] = [
  serve(OPERATIONS.event.read, async ({ context, services, streams, actor, query }) => {
    const after = lastEventId(context)
    const lease = streams.open(actor)
    const { limit = EVENTS_DEFAULT, follow = false } = query
    return live(context, pages(services, { limit, follow, after }, lease.signal), lease)
  }),
]

interface Asked {
  readonly limit: number
  readonly follow: boolean
  /** Where whoever comes back goes on; as many as come then, whatever the limit. */
  readonly after: number | undefined
}

async function* pages(
  services: ManagementServices,
  asked: Asked,
  signal: AbortSignal,
): AsyncGenerator<readonly Live[]> {
  const follower = asked.follow ? new Follower(services.events.subscribe, signal) : undefined
  try {
    // What came while the past was read may be part of it already.
    let last = -1
    const known = new Set<SecurityEvent>()
    for await (const page of past(services, asked)) {
      if (signal.aborted) return
      for (const one of page) last = Math.max(last, one.id ?? -1)
      for (const { event } of page) if (event !== undefined) known.add(event)
      yield page
    }
    while (follower !== undefined && !signal.aborted) {
      const fresh = (await follower.take()).filter((event) => !known.has(event) && (indexOf(event) ?? last + 1) > last)
      yield fresh.map(liveOf)
    }
  } finally {
    follower?.end()
  }
}

interface Past extends Live {
  readonly event?: SecurityEvent
}

async function* past({ events, audit }: ManagementServices, { limit, after }: Asked): AsyncGenerator<readonly Past[]> {
  if (after === undefined || audit === undefined) {
    const recent = limit === 0 ? [] : await events.recent(limit)
    yield recent.map((event) => ({ ...liveOf(event), event }))
    return
  }
  let from: number | undefined = after
  while (from !== undefined) {
    const { entries, next } = await audit.list({ order: 'oldest', after: from, limit: PAGE_ENTRIES })
    yield entries.map((entry) => ({ id: entry.index, data: entryJson(entry) }))
    from = next
  }
}

/** Of what was destroyed or altered, type and time are left. */
function entryJson({ index, type, time, content }: AuditEntry): Api.Event {
  const common = { type, time: formatTimestamp(time), index }
  if (content.kind !== 'body') return { ...common, subject: '', actor: '', detail: {}, content: content.kind }
  const { subject, actor, detail } = content
  return { ...common, subject, actor, detail: { ...detail } }
}

function indexOf(event: SecurityEvent): number | undefined {
  return 'index' in event && typeof event.index === 'number' ? event.index : undefined
}

function liveOf(event: SecurityEvent): Live {
  return { id: indexOf(event), data: eventJson(event) }
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
  const index = indexOf(event)
  return {
    type: event.type,
    time: formatTimestamp(event.at),
    subject: event.subject,
    actor: event.actor,
    ...(index === undefined ? {} : { index }),
    detail: { ...event.detail },
  }
}
