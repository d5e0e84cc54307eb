import { addressBlock, type Instant, LruMap, TokenBucket } from '@holdfast/base'
import type { EventSink, SecurityEvent } from './event.ts'

/** Sources remembered at once; one more forgets the one that was quiet longest. */
const SOURCES_MAX = 4_096

interface Source {
  readonly bucket: TokenBucket
  held: number
  /** Sum of the counts of those held, for an event may stand for several itself. */
  count: number
  last: SecurityEvent
}

/**
 * Lets a few events of one kind from one actor through, then counts them and tells the count once: a flood of refusals
 * is summarised, never dropped in silence. Subjects are not part of the key, for an attacker chooses them; nor is the
 * half of an IPv6 address that its owner chooses.
 */
export class EventThrottle {
  readonly #sink: EventSink
  readonly #limits: { readonly perSecond: number; readonly burst: number }
  readonly #sources = new LruMap<string, Source>(SOURCES_MAX)
  readonly #holding = new Set<Source>()

  constructor(sink: EventSink, limits = { perSecond: 0.2, burst: 5 }) {
    this.#sink = sink
    this.#limits = limits
  }

  report(event: SecurityEvent, now: Instant): void {
    const key = `${event.type} ${sourceOf(event.actor)}`
    let source = this.#sources.get(key)
    if (source === undefined) {
      source = { bucket: new TokenBucket(now, this.#limits), held: 0, count: 0, last: event }
      this.#sources.set(key, source)
    }
    if (source.bucket.take(now)) {
      this.#tell(source)
      this.#sink(event)
    } else {
      source.held += 1
      source.count += countOf(event) ?? 1
      source.last = event
      this.#holding.add(source)
      // The forgotten of a full map may still hold a count: bounded likewise, told now.
      if (this.#holding.size > SOURCES_MAX) this.flush()
    }
  }

  /** Tells every held count; call every few seconds and at the end. */
  flush(): void {
    for (const source of this.#holding) this.#tell(source)
  }

  #tell(source: Source): void {
    this.#holding.delete(source)
    if (source.held === 0) return
    const { last, held, count } = source
    source.held = 0
    source.count = 0
    const summed = countOf(last) === undefined ? {} : { count }
    this.#sink({ ...last, detail: { ...last.detail, ...summed, repeated: held } })
  }
}

const ADDRESS = 'address/'

function sourceOf(actor: string): string {
  return actor.startsWith(ADDRESS) ? `${ADDRESS}${addressBlock(actor.slice(ADDRESS.length))}` : actor
}

/** How many things an event that is a summary itself stands for. */
function countOf({ detail }: SecurityEvent): number | undefined {
  const { count } = detail
  return typeof count === 'number' ? count : undefined
}
