/**
 * Group commit: what the log thread does with the appends of the fronts. Everything that waits goes to the disk in one
 * append; when it is there, each front hears of its tickets. While the disk refuses, what was handed over is kept
 * (a front never has more than a few appends out) and tried again.
 */

import { type Instant, later } from '@holdfast/base'
import type { FrontToLog, LogToFront } from './front-messages.ts'
import type { SealedBatch } from './sealed-batch.ts'
import type { TelemetryLog } from './telemetry-store.ts'

export interface LogWriterLimits {
  /** Sealed bytes of one append to the log; at least one front's append goes in whatever its size. */
  readonly commitBytesMax: number
  /** Appends a front may have waiting here; more is a bug in the front. */
  readonly appendsMax: number
  /** Pause after the log refused, in milliseconds. */
  readonly retryMs: number
}

export const LOG_WRITER_LIMITS: LogWriterLimits = {
  // A commit of 32 MiB takes a slow disk some hundred milliseconds; longer would make acknowledgements late.
  commitBytesMax: 32 * 1024 * 1024,
  appendsMax: 8,
  retryMs: 500,
}

interface Waiting {
  readonly front: number
  readonly ticket: number
  readonly batches: readonly SealedBatch[]
  readonly bytes: number
}

export class LogWriter {
  readonly #log: TelemetryLog
  readonly #answer: (front: number, message: LogToFront) => void
  readonly #limits: LogWriterLimits
  readonly #fronts = new Map<number, { appends: number }>()
  #waiting: Waiting[] = []
  #unavailable: string | undefined
  #retryAt: Instant | undefined

  /** @param options `answer` is called from within `run`, never from within `received`. */
  constructor(options: {
    readonly log: TelemetryLog
    readonly answer: (front: number, message: LogToFront) => void
    readonly limits?: LogWriterLimits
  }) {
    this.#log = options.log
    this.#answer = options.answer
    this.#limits = options.limits ?? LOG_WRITER_LIMITS
  }

  /** Why the log takes nothing just now, or undefined. */
  get unavailable(): string | undefined {
    return this.#unavailable
  }

  /** When to call `run` if nothing arrives before; undefined: not at all. */
  get deadline(): Instant | undefined {
    return this.#waiting.length > 0 ? this.#retryAt : undefined
  }

  /** Appends waiting for the disk. */
  get waiting(): number {
    return this.#waiting.length
  }

  /** A front that will append; it hears at once if the log is unavailable. */
  attach(front: number): void {
    if (this.#fronts.has(front)) throw new TypeError(`front ${front} is attached already`)
    this.#fronts.set(front, { appends: 0 })
    if (this.#unavailable !== undefined) {
      this.#answer(front, { kind: 'state', available: false, reason: this.#unavailable })
    }
  }

  /** A front that is gone. What it handed over still goes to the disk; nobody is told. */
  detach(front: number): void {
    this.#fronts.delete(front)
  }

  /** Takes an append; call `run` when everything that has arrived was taken. */
  received(front: number, message: FrontToLog): void {
    const state = this.#fronts.get(front)
    if (state === undefined) throw new TypeError(`front ${front} is not attached`)
    if (state.appends >= this.#limits.appendsMax) throw new TypeError(`front ${front} has too many appends waiting`)
    state.appends += 1
    const bytes = message.batches.reduce((sum, batch) => sum + batch.sealed.length, 0)
    this.#waiting.push({ front, ticket: message.ticket, batches: message.batches, bytes })
  }

  /**
   * Commits what waits, in the order it came, and answers. Blocks for as long as the log does.
   * @returns true if more waits and can be tried at once.
   */
  run(now: Instant): boolean {
    if (this.#waiting.length === 0) return false
    if (this.#retryAt !== undefined && now < this.#retryAt) return false
    const appends = this.#group()
    const outcome = this.#log.append(appends.flatMap((append) => append.batches))
    if (outcome.kind === 'unavailable') {
      this.#retryAt = later(now, this.#limits.retryMs)
      this.#tellState(`${outcome.reason}: ${outcome.detail}`)
      return false
    }
    this.#retryAt = undefined
    this.#tellState(undefined)
    this.#waiting.splice(0, appends.length)
    for (const { front, ticket } of appends) {
      const state = this.#fronts.get(front)
      if (state === undefined) continue
      state.appends -= 1
      this.#answer(front, { kind: 'committed', ticket })
    }
    return this.#waiting.length > 0
  }

  #group(): readonly Waiting[] {
    let bytes = 0
    let count = 0
    for (const append of this.#waiting) {
      bytes += append.bytes
      if (count > 0 && bytes > this.#limits.commitBytesMax) break
      count += 1
    }
    return this.#waiting.slice(0, count)
  }

  #tellState(unavailable: string | undefined): void {
    if (this.#unavailable === unavailable) return
    this.#unavailable = unavailable
    const message: LogToFront =
      unavailable === undefined
        ? { kind: 'state', available: true, reason: '' }
        : { kind: 'state', available: false, reason: unavailable }
    for (const front of this.#fronts.keys()) this.#answer(front, message)
  }
}
