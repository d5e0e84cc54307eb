/**
 * Where every security event passes. It is written down first, in the order in which events are told; log lines, memory and
 * whoever follows hear of it when it is on disk. An act is answered when its events are (`durable`).
 */

import {
  type EventSink,
  EventThrottle,
  faultsOf,
  keepable,
  type RecordedEvent,
  type SecurityEvent,
} from '@holdfast/audit'
import type { Clock, Instant } from '@holdfast/base'
import { byItself, currentAct } from './act-context.ts'
import { LostEvents } from './lost-events.ts'

/** Events remembered for `holdfast events` and the live view; the log in `state.db` has them all. */
export const REMEMBERED_EVENTS_MAX = 1_000

/** Acts of one kind that one service may have told one by one. */
const FREQUENT = { perSecond: 20, burst: 100 }

/** Events that wait for the disk, some 500 bytes each. Those that come on top of them are counted, and the count is kept. */
export const WAITING_EVENTS_MAX = 16_384

/** Events written in one call: some 30 ms of the state thread. */
const GROUP_EVENTS_MAX = 500

/** Its line waits for no disk: that there is none to wait for may be what it tells. */
const TOLD_AT_ONCE = 'store.unavailable'

/** How long after a failure the next attempt is made unless somebody asks for it before, in milliseconds. */
const RETRY_MS = 1_000

/** How long the end waits to hear of what is on disk already, in turns of the event loop. */
const END_TURNS_MAX = 1_000

/** Where the events are kept; the first call after a failure is told again what was not kept. */
export interface EventStore {
  recordEvents(events: readonly SecurityEvent[]): Promise<unknown>
}

export interface EventLogParts {
  readonly clock: Clock
  /** Writes a line for whoever reads the process's log. */
  readonly write: EventSink
  /** An event that is not as the catalogue has it: a bug of ours. */
  readonly fault: (error: unknown) => void
}

export interface OpenedWith {
  /** The newest of the log as it was found, oldest of them first. */
  readonly recent?: readonly RecordedEvent[]
  /** Told that the log cannot be written, and why; undefined when it can again. */
  readonly blocked?: (detail: string | undefined) => void
}

interface Waiter {
  /** Is let go when so many have been recorded. */
  readonly until: number
  resolve(): void
  reject(error: unknown): void
}

interface Blockade {
  readonly since: Instant
  readonly reason: string
  refused: number
}

export class EventLog {
  readonly #parts: EventLogParts
  readonly #throttle: EventThrottle
  readonly #frequent: EventThrottle
  readonly #listeners = new Set<(event: RecordedEvent) => void>()
  readonly #lost = new LostEvents()
  #store: EventStore | undefined
  #blocked: NonNullable<OpenedWith['blocked']> = () => undefined
  #waiting: SecurityEvent[] = []
  #waiters: Waiter[] = []
  /** Events told, and of them those that are on disk or given up, since the start. */
  #told = 0
  #recorded = 0
  /** The newest that was told, until it is heard of. */
  #unheard: SecurityEvent | undefined
  #isRecording = false
  #blockade: Blockade | undefined
  #retry: NodeJS.Timeout | undefined
  #latest: RecordedEvent[] = []

  constructor(parts: EventLogParts) {
    this.#parts = parts
    this.#throttle = new EventThrottle(this.sink)
    this.#frequent = new EventThrottle(this.sink, FREQUENT)
  }

  /** For events that peers can cause at will: a flood of them is summarised. */
  readonly throttled: EventSink = (event) => this.#throttle.report(fromHere(event), this.#parts.clock.monotonic())

  /** For what services do by the thousand: told one by one as long as somebody could read it, then counted. */
  readonly frequent: EventSink = (event) => this.#frequent.report(fromHere(event), this.#parts.clock.monotonic())

  /** Tells what is held back of floods; to be called every second or so and at the end. */
  flush(): void {
    this.#throttle.flush()
    this.#frequent.flush()
  }

  readonly sink: EventSink = (event) => {
    const faults = faultsOf(event)
    if (faults.length > 0) {
      this.#parts.fault(new TypeError(`an event that is not as the catalogue has it: ${faults.join('; ')}`))
    }
    const kept = fromHere(keepable(event))
    if (this.#waiting.length >= WAITING_EVENTS_MAX) {
      // Nobody will find it in the log but as one of a count, so its line is written now.
      this.#lost.add(kept)
      this.#parts.write(kept)
      return
    }
    if (kept.type === TOLD_AT_ONCE) this.#parts.write(kept)
    this.#waiting.push(kept)
    this.#unheard = kept
    this.#told += 1
    const act = currentAct()
    if (act !== undefined) act.told = this.#told
    this.#drain()
  }

  /** The store is open: what was told before is written, and what comes from now on. */
  open(store: EventStore, { recent = [], blocked = () => undefined }: OpenedWith = {}): void {
    this.#store = store
    this.#blocked = blocked
    this.#latest = [...recent, ...this.#latest]
    this.#drain()
  }

  /**
   * Resolves when what the act under way has told is on disk; outside of an act, all that was told so far. It is undefined
   * where nothing is waited for.
   * @throws what kept the store from taking it: then the act must be refused. The events stay, to be kept later.
   */
  durable(): Promise<void> | undefined {
    const act = currentAct()
    const until = act === undefined ? this.#told : (act.told ?? 0)
    if (until <= this.#recorded) return undefined
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#waiters.push({ until, resolve, reject })
    // While the store is blocked, whoever waits has it tried again at once.
    this.#drain()
    return promise
  }

  /** What has come to be on disk, in the order of the log, whoever had it written. */
  recorded(events: readonly RecordedEvent[]): void {
    for (const event of events) {
      const { type, at } = event
      if (type === this.#unheard?.type && at === this.#unheard.at) this.#unheard = undefined
      if (type !== TOLD_AT_ONCE) this.#parts.write(event)
      this.#latest.push(event)
      for (const listener of this.#listeners) listener(event)
    }
    if (this.#latest.length >= REMEMBERED_EVENTS_MAX * 2) this.#latest = this.#latest.slice(-REMEMBERED_EVENTS_MAX)
  }

  /** The newest `limit`, oldest of them first. */
  recent(limit: number): readonly RecordedEvent[] {
    return limit === 0 ? [] : this.#latest.slice(-Math.min(limit, REMEMBERED_EVENTS_MAX))
  }

  /** @returns what ends it. */
  subscribe(listener: (event: RecordedEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /**
   * Waits for what was told to be on disk, and to have been heard of; what cannot be written down goes to the process's log,
   * so that it is not gone without a trace.
   */
  async end(): Promise<void> {
    try {
      await byItself(() => this.durable())
      // Those on disk come back over a port of their own, some turns later.
      for (let turn = 0; turn < END_TURNS_MAX && this.#unheard !== undefined; turn += 1) {
        await new Promise((resolve) => setImmediate(resolve))
      }
    } catch {
      // Told below, event by event.
    }
    clearTimeout(this.#retry)
    this.#store = undefined
    for (const event of this.#waiting) if (event.type !== TOLD_AT_ONCE) this.#parts.write(event)
    this.#waiting = []
    this.#refuse(new Error('the hub is stopping'))
  }

  #drain(): void {
    if (this.#isRecording || this.#store === undefined) return
    if (this.#waiting.length === 0 && this.#lost.count === 0) return
    this.#isRecording = true
    clearTimeout(this.#retry)
    const store = this.#store
    // Not as part of the act that happens to be the first of the group.
    void byItself(() => this.#record(store)).finally(() => {
      this.#isRecording = false
      if (this.#blockade === undefined) this.#drain()
      else this.#later()
    })
  }

  /** One group. Those that are told meanwhile are the next: while one is on its way to the disk, the others gather. */
  async #record(store: EventStore): Promise<void> {
    const group = this.#waiting.slice(0, GROUP_EVENTS_MAX)
    const lost = this.#lost.take()
    const first = this.#blockade === undefined && lost.count === 0 ? [] : [this.#account(lost)]
    try {
      await store.recordEvents([...first, ...group])
    } catch (error) {
      this.#lost.putBack(lost)
      this.#block(error)
      return
    }
    this.#waiting = this.#waiting.slice(group.length)
    this.#recorded += group.length
    if (this.#blockade !== undefined) {
      this.#blockade = undefined
      this.#blocked(undefined)
    }
    const waiting = this.#waiters
    this.#waiters = waiting.filter(({ until }) => until > this.#recorded)
    for (const waiter of waiting) if (waiter.until <= this.#recorded) waiter.resolve()
  }

  /** The first entry after the log could not be written: how long, why, how many acts were refused, what is not in it. */
  #account({ count, types }: { readonly count: number; readonly types: string }): SecurityEvent {
    const { clock } = this.#parts
    const { since = clock.monotonic(), reason = 'too many at once', refused = 0 } = this.#blockade ?? {}
    return {
      type: 'audit.blocked',
      at: clock.wall(),
      subject: 'hub',
      actor: 'hub',
      detail: {
        reason,
        refused,
        seconds: Math.round((clock.monotonic() - since) / 1_000),
        waiting: Math.min(this.#waiting.length, WAITING_EVENTS_MAX),
        ...(count === 0 ? {} : { lost: count, types }),
      },
      source: 'hub',
    }
  }

  #block(error: unknown): void {
    const reason = (error instanceof Error ? error.message : String(error)).slice(0, 1_000).toWellFormed()
    if (this.#blockade === undefined) {
      this.#blockade = { since: this.#parts.clock.monotonic(), reason, refused: 0 }
      this.#blocked(reason)
    }
    this.#blockade.refused += this.#waiters.length
    this.#refuse(error)
  }

  #refuse(error: unknown): void {
    const waiters = this.#waiters
    this.#waiters = []
    for (const waiter of waiters) waiter.reject(error)
  }

  #later(): void {
    clearTimeout(this.#retry)
    this.#retry = setTimeout(() => this.#drain(), RETRY_MS)
    this.#retry.unref()
  }
}

/** With the source of the act under way; what the hub does by itself came in by nothing else. */
function fromHere(event: SecurityEvent): SecurityEvent {
  return event.source === undefined ? { ...event, source: currentAct()?.source ?? 'hub' } : event
}
