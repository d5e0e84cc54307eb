/**
 * One sink on its way through the log: at least once, in order, nothing left out in silence. The cursor is the index of
 * the first entry that was not dealt with; it is written down after the receiver took what stands before it, and never
 * before. So a crash at any moment sends something twice, and nothing never.
 */

import { assertNever, type Instant, later } from '@holdfast/base'
import type { LogEntry } from '@holdfast/review'
import { backOffMs } from './back-off.ts'
import { batchOf } from './batch.ts'
import {
  BATCH_ENTRIES_MAX,
  FAILURES_TOLD,
  READ_ENTRIES,
  REFUSALS_MAX,
  SET_ASIDE_MAX,
  UNSAVED_ENTRIES_MAX,
} from './limits.ts'
import type { Outcome } from './outcome.ts'

export type DeliveryInput =
  /** The log may have more than before. */
  | { readonly kind: 'grown' }
  /** Answers `read`: what follows the place that was asked for, without a gap. */
  | { readonly kind: 'entries'; readonly entries: readonly LogEntry[] }
  /** Answers `read` or `save`: the disk did not do it. */
  | { readonly kind: 'unavailable' }
  /** Answers `deliver`. */
  | { readonly kind: 'outcome'; readonly outcome: Outcome }
  /** Answers `save`. */
  | { readonly kind: 'saved' }
  | { readonly kind: 'tick' }

/** What a receiver refused for good, and waits for an operator. */
export interface SetAside {
  readonly first: number
  readonly last: number
  /** How many of them; of a receiver that does not say which. */
  readonly count: number
  readonly reason: string
}

export type DeliveryOutput =
  | { readonly kind: 'read'; readonly from: number; readonly limit: number }
  | { readonly kind: 'deliver'; readonly entries: readonly LogEntry[]; readonly attempt: number }
  | { readonly kind: 'save'; readonly cursor: number; readonly setAside?: SetAside }
  /** It fails, and goes on trying; told once until it recovers. */
  | { readonly kind: 'failing'; readonly failures: number; readonly reason: string }
  | { readonly kind: 'recovered' }

interface Batch {
  readonly entries: readonly LogEntry[]
  /** The cursor once it is dealt with. */
  readonly next: number
}

type State =
  | { readonly at: 'idle' }
  | { readonly at: 'reading' }
  | { readonly at: 'delivering'; readonly batch: Batch }
  | { readonly at: 'saving'; readonly next: number; readonly setAside?: SetAside }
  /** For the time of the next attempt, of what was under way. */
  | {
      readonly at: 'waiting'
      readonly until: Instant
      readonly resume: Extract<State, { at: 'delivering' | 'saving' | 'reading' }>
    }

export interface DeliveryOptions {
  /** Where it begins: the cursor that was written down last. */
  readonly cursor: number
  readonly matches: (entry: LogEntry) => boolean
  /** What is set aside already. */
  readonly setAside: number
  /** From 0 to 1: jitter. */
  readonly chance: () => number
}

export class Delivery {
  readonly #matches: (entry: LogEntry) => boolean
  readonly #chance: () => number
  /** All before it was dealt with, and that is written down. */
  #saved: number
  /** As far as it got in memory: what the filter passed over may be ahead of what is written down. */
  #cursor: number
  #setAside: number
  #state: State = { at: 'idle' }
  #hasGrown = true
  #failures = 0
  #refusals = 0
  #isFailing = false
  #reason: string | undefined
  /** Entries at once: halved until the refused entry stands alone, then doubled again. */
  #batchMax = BATCH_ENTRIES_MAX

  constructor({ cursor, matches, setAside, chance }: DeliveryOptions) {
    this.#cursor = cursor
    this.#saved = cursor
    this.#matches = matches
    this.#setAside = setAside
    this.#chance = chance
  }

  /** The first entry that is not dealt with. */
  get cursor(): number {
    return this.#cursor
  }

  /** Failures in a row; zero while all is well. */
  get failures(): number {
    return this.#failures
  }

  /** Why the last attempt failed; undefined while all is well. */
  get reason(): string | undefined {
    return this.#reason
  }

  get isFailing(): boolean {
    return this.#isFailing
  }

  /** Whether as much is set aside as may be, so that what is refused now blocks until an operator looks. */
  get isHeld(): boolean {
    return this.#setAside >= SET_ASIDE_MAX
  }

  /** When to call `handle` with a tick if nothing happens before; undefined: not at all. */
  get deadline(): Instant | undefined {
    return this.#state.at === 'waiting' ? this.#state.until : undefined
  }

  /** For when an operator has dealt with what was set aside. */
  released(setAside: number): void {
    this.#setAside = setAside
  }

  /**
   * Takes one input and returns what the driver must do, in order.
   * @throws TypeError on an answer that nobody asked for: a bug in the driver.
   */
  handle(input: DeliveryInput, now: Instant): readonly DeliveryOutput[] {
    const state = this.#state
    switch (input.kind) {
      case 'grown':
        this.#hasGrown = true
        return state.at === 'idle' ? this.#read() : []
      case 'tick':
        return state.at === 'waiting' && now >= state.until ? this.#resume(state.resume) : []
      case 'entries':
        if (state.at !== 'reading') throw new TypeError('nothing was to be read')
        return this.#onEntries(input.entries)
      case 'outcome':
        if (state.at !== 'delivering') throw new TypeError('nothing was delivered')
        return this.#onOutcome(input.outcome, state.batch, now)
      case 'saved':
        if (state.at !== 'saving') throw new TypeError('nothing was to be saved')
        return this.#onSaved(state)
      case 'unavailable':
        if (state.at !== 'reading' && state.at !== 'saving') throw new TypeError('nothing was asked of the disk')
        return this.#wait(state, { reason: 'the store did not answer', retryAfterMs: 0 }, now)
      default:
        return assertNever(input)
    }
  }

  #read(): readonly DeliveryOutput[] {
    this.#state = { at: 'reading' }
    this.#hasGrown = false
    return [{ kind: 'read', from: this.#cursor, limit: READ_ENTRIES }]
  }

  #onEntries(entries: readonly LogEntry[]): readonly DeliveryOutput[] {
    const wanted: LogEntry[] = []
    let expected = this.#cursor
    for (const entry of entries) {
      if (entry.index !== expected) throw new TypeError(`entry ${entry.index} came where ${expected} was due`)
      expected += 1
      if (this.#matches(entry)) wanted.push(entry)
    }
    const batch = batchOf(wanted, this.#batchMax)
    if (batch.length > 0) {
      const next = wanted[batch.length]?.index ?? expected
      return this.#deliver({ entries: batch, next })
    }
    this.#cursor = expected
    const isAtEnd = entries.length < READ_ENTRIES
    if (this.#cursor - this.#saved >= UNSAVED_ENTRIES_MAX) return this.#save(this.#cursor)
    if (!isAtEnd || this.#hasGrown) return this.#read()
    this.#state = { at: 'idle' }
    return this.#recovered()
  }

  #deliver(batch: Batch): readonly DeliveryOutput[] {
    this.#state = { at: 'delivering', batch }
    return [{ kind: 'deliver', entries: batch.entries, attempt: this.#failures }]
  }

  #onOutcome(outcome: Outcome, batch: Batch, now: Instant): readonly DeliveryOutput[] {
    switch (outcome.kind) {
      case 'taken':
        this.#batchMax = Math.min(BATCH_ENTRIES_MAX, this.#batchMax * 2)
        this.#refusals = 0
        return this.#save(batch.next)
      case 'partly':
        return this.#setAsideOf(batch, {
          count: Math.min(outcome.refused, batch.entries.length),
          reason: outcome.reason,
        })
      case 'failed':
        return this.#wait({ at: 'delivering', batch }, outcome, now)
      case 'refused':
        return this.#onRefused(outcome.reason, batch, now)
      default:
        return assertNever(outcome)
    }
  }

  #onRefused(reason: string, batch: Batch, now: Instant): readonly DeliveryOutput[] {
    const { entries } = batch
    if (entries.length > 1) {
      // Which of them it is comes out by halves; the others are not to wait for it.
      this.#batchMax = Math.ceil(entries.length / 2)
      const half = entries.slice(0, this.#batchMax)
      return this.#deliver({ entries: half, next: entries[half.length]?.index ?? batch.next })
    }
    this.#refusals += 1
    if (this.#refusals < REFUSALS_MAX || this.isHeld) {
      return this.#wait({ at: 'delivering', batch }, { reason, retryAfterMs: 0 }, now)
    }
    return this.#setAsideOf(batch, { count: 1, reason })
  }

  #setAsideOf(
    { entries, next }: Batch,
    what: { readonly count: number; readonly reason: string },
  ): readonly DeliveryOutput[] {
    const first = entries[0]?.index ?? next
    const last = entries.at(-1)?.index ?? next
    this.#refusals = 0
    return this.#save(next, { first, last, ...what })
  }

  #save(next: number, setAside?: SetAside): readonly DeliveryOutput[] {
    this.#state = setAside === undefined ? { at: 'saving', next } : { at: 'saving', next, setAside }
    return [{ kind: 'save', cursor: next, ...(setAside === undefined ? {} : { setAside }) }]
  }

  #onSaved({ next, setAside }: { readonly next: number; readonly setAside?: SetAside }): readonly DeliveryOutput[] {
    this.#cursor = next
    this.#saved = next
    if (setAside !== undefined) this.#setAside += 1
    return [...this.#recovered(), ...this.#read()]
  }

  #recovered(): readonly DeliveryOutput[] {
    const wasFailing = this.#isFailing
    this.#failures = 0
    this.#reason = undefined
    this.#isFailing = false
    return wasFailing ? [{ kind: 'recovered' }] : []
  }

  #wait(
    resume: Extract<State, { at: 'delivering' | 'saving' | 'reading' }>,
    why: { readonly reason: string; readonly retryAfterMs: number },
    now: Instant,
  ): readonly DeliveryOutput[] {
    this.#failures += 1
    this.#reason = why.reason
    const milliseconds = backOffMs(this.#failures, this.#chance(), why.retryAfterMs)
    this.#state = { at: 'waiting', until: later(now, milliseconds), resume }
    if (this.#isFailing || this.#failures < FAILURES_TOLD) return []
    this.#isFailing = true
    return [{ kind: 'failing', failures: this.#failures, reason: why.reason }]
  }

  #resume(resume: Extract<State, { at: 'delivering' | 'saving' | 'reading' }>): readonly DeliveryOutput[] {
    switch (resume.at) {
      case 'delivering':
        return this.#deliver(resume.batch)
      case 'saving':
        return this.#save(resume.next, resume.setAside)
      case 'reading':
        return this.#read()
    }
  }
}
