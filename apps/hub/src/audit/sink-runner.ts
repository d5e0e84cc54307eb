/** Drives one sink: performs what its machine says, and comes back when it is time. Decides nothing. */

import type { SecurityEvent } from '@holdfast/audit'
import type { Clock, Timestamp } from '@holdfast/base'
import {
  Delivery,
  type DeliveryInput,
  type DeliveryOutput,
  type Outcome,
  type Sink,
  type SinkStore,
} from '@holdfast/forwarding'
import { type EntryReader, matcher, type LogEntry } from '@holdfast/review'
import type { Delivered } from './sink-sender.ts'

export interface RunnerParts {
  readonly clock: Clock
  readonly reader: EntryReader
  readonly store: Pick<SinkStore, 'moveSink'>
  readonly send: (sink: Sink, what: Delivered) => Promise<Outcome>
  /** From 0 to 1. */
  readonly chance: () => number
  /** What happened to it, as the log has it. */
  readonly told: (event: SecurityEvent) => void
  /** It began to fail, was set back to work, or set something aside. */
  readonly changed: () => void
  /** Told of bugs of ours and of a disk's failing. */
  readonly fault: (error: unknown) => void
}

/** The longest that a timer waits at once, in milliseconds; Node's own bound is 2^31. */
const TIMER_MS_MAX = 3_600_000

export class SinkRunner {
  readonly sink: Sink
  readonly #parts: RunnerParts
  readonly #delivery: Delivery
  readonly #stopped = new AbortController()
  #setAside: number
  #timer: NodeJS.Timeout | undefined
  #underWay: Promise<void> = Promise.resolve()
  #isBusy = false
  lastTaken: Timestamp | undefined

  constructor(sink: Sink, at: { readonly cursor: number; readonly setAside: number }, parts: RunnerParts) {
    this.sink = sink
    this.#parts = parts
    this.#setAside = at.setAside
    const matches = matcher(sink.filter)
    this.#delivery = new Delivery({ ...at, matches, chance: parts.chance })
  }

  get delivery(): Pick<Delivery, 'cursor' | 'failures' | 'reason' | 'isFailing' | 'isHeld'> {
    return this.#delivery
  }

  get isBusy(): boolean {
    return this.#isBusy
  }

  get setAside(): number {
    return this.#setAside
  }

  /** The log may have grown. */
  wake(): void {
    this.#handle({ kind: 'grown' })
  }

  /** Somebody dealt with what was set aside. */
  released(setAside: number): void {
    this.#setAside = setAside
    this.#delivery.released(setAside)
  }

  /** Breaks off what is under way; resolves when nothing is. */
  async stop(): Promise<void> {
    this.#stopped.abort()
    clearTimeout(this.#timer)
    await this.#underWay
  }

  #handle(input: DeliveryInput): void {
    if (this.#stopped.signal.aborted) return
    const now = this.#parts.clock.monotonic()
    for (const output of this.#delivery.handle(input, now)) this.#perform(output)
    clearTimeout(this.#timer)
    const { deadline } = this.#delivery
    if (deadline === undefined) return
    this.#timer = setTimeout(() => this.#handle({ kind: 'tick' }), Math.min(TIMER_MS_MAX, Math.max(0, deadline - now)))
    this.#timer.unref()
  }

  #perform(output: DeliveryOutput): void {
    switch (output.kind) {
      case 'read':
        this.#await(this.#parts.reader.readEntries(output.from, output.limit), (entries) => ({
          kind: 'entries',
          entries,
        }))
        break
      case 'deliver':
        this.#await(this.#deliver(output), (outcome) => ({ kind: 'outcome', outcome }))
        break
      case 'save':
        this.#await(this.#save(output), () => ({ kind: 'saved' }))
        break
      case 'failing':
        this.#tell('sink.failing', { failures: output.failures, reason: output.reason })
        break
      case 'recovered':
        this.#tell('sink.recovered', {})
        break
    }
  }

  /** The machine asks for one thing at a time. */
  #await<T>(promise: Promise<T>, inputOf: (value: T) => DeliveryInput): void {
    this.#isBusy = true
    this.#underWay = promise.then(
      (value) => {
        this.#isBusy = false
        this.#handle(inputOf(value))
      },
      (error: unknown) => {
        this.#isBusy = false
        if (!this.#stopped.signal.aborted) this.#parts.fault(error)
        this.#handle({ kind: 'unavailable' })
      },
    )
  }

  async #deliver({
    entries,
    attempt,
  }: {
    readonly entries: readonly LogEntry[]
    readonly attempt: number
  }): Promise<Outcome> {
    const { clock, send, fault } = this.#parts
    try {
      const outcome = await send(this.sink, { entries, attempt, now: clock.wall(), signal: this.#stopped.signal })
      if (outcome.kind === 'taken' || outcome.kind === 'partly') this.lastTaken = clock.wall()
      return outcome
    } catch (error) {
      // A bug of ours must neither lose an entry nor end the sink.
      fault(error)
      return { kind: 'failed', reason: 'the hub failed in sending; see its log', retryAfterMs: 0 }
    }
  }

  async #save({ cursor, setAside }: Extract<DeliveryOutput, { kind: 'save' }>): Promise<void> {
    const { clock, store } = this.#parts
    if (setAside === undefined) {
      await store.moveSink(this.sink, { cursor })
      return
    }
    const at = clock.wall()
    const standing = this.#setAside + 1
    const { first, last, count, reason } = setAside
    const detail = { first, last, count, standing, reason }
    // Told at 1, 2, 4 and so on: what is told is forwarded, too, and may be refused in its turn.
    const isTold = (standing & (standing - 1)) === 0
    const event = this.#event('sink.set-aside', detail, at)
    const move = { cursor, setAside: { ...setAside, at } }
    if (await store.moveSink(this.sink, move, isTold ? event : undefined)) this.#setAside = standing
    this.#parts.changed()
  }

  #tell(type: SecurityEvent['type'], detail: SecurityEvent['detail']): void {
    this.#parts.told(this.#event(type, detail, this.#parts.clock.wall()))
    this.#parts.changed()
  }

  #event(type: SecurityEvent['type'], detail: SecurityEvent['detail'], at: Timestamp): SecurityEvent {
    return { type, at, subject: `sink/${this.sink.name}`, actor: 'hub', detail }
  }
}
