/** Where every security event passes: into the log, the memory of the latest ones, and whoever follows. */

import { type EventSink, EventThrottle, type SecurityEvent } from '@holdfast/audit'
import type { Clock } from '@holdfast/base'

/** Events remembered for `holdfast events` and the live view; the audit log will keep them all. */
const REMEMBERED_MAX = 1_000

/** Acts of one kind that one service may have told one by one. */
const FREQUENT = { perSecond: 20, burst: 100 }

export class EventLog {
  readonly #write: EventSink
  readonly #clock: Clock
  readonly #throttle: EventThrottle
  readonly #frequent: EventThrottle
  readonly #listeners = new Set<(event: SecurityEvent) => void>()
  #latest: SecurityEvent[] = []

  constructor(write: EventSink, clock: Clock) {
    this.#write = write
    this.#clock = clock
    this.#throttle = new EventThrottle(this.sink)
    this.#frequent = new EventThrottle(this.sink, FREQUENT)
  }

  /** For events that peers can cause at will: a flood of them is summarised. */
  readonly throttled: EventSink = (event) => this.#throttle.report(event, this.#clock.monotonic())

  /** For what services do by the thousand: told one by one as long as somebody could read it, then counted. */
  readonly frequent: EventSink = (event) => this.#frequent.report(event, this.#clock.monotonic())

  /** Tells what is held back of floods; to be called every second or so and at the end. */
  flush(): void {
    this.#throttle.flush()
    this.#frequent.flush()
  }

  readonly sink: EventSink = (event) => {
    this.#write(event)
    this.#latest.push(event)
    if (this.#latest.length >= REMEMBERED_MAX * 2) this.#latest = this.#latest.slice(-REMEMBERED_MAX)
    for (const listener of this.#listeners) listener(event)
  }

  /** The newest `limit`, oldest of them first. */
  recent(limit: number): readonly SecurityEvent[] {
    return limit === 0 ? [] : this.#latest.slice(-Math.min(limit, REMEMBERED_MAX))
  }

  /** @returns what ends it. */
  subscribe(listener: (event: SecurityEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}
