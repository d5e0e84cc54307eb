/** A store in memory that keeps the promises of `twin-store.ts`, for tests of this and other packages. */

import { type Because, completed, type EventSink } from '@holdfast/audit'
import { type IdentityKey, identityText } from '@holdfast/identity'
import type { Twin } from '@holdfast/iothub'
import { applyTwinChange, type ChangeStamp, newTwin, type TwinChange, type TwinOutcome } from '../twin-change.ts'
import type { TwinStore } from '../twin-store.ts'

/** Answers as the disk does: some turns later, changes in the order in which they were applied. */
export class MemoryTwinStore implements TwinStore {
  readonly #twins = new Map<string, Twin>()
  /** Turns before the next answers; the test may change it at any time. */
  turns = 1
  /** Set to make every call reject with it. */
  failure: Error | undefined
  #last: Promise<unknown> = Promise.resolve()
  readonly #sink: EventSink

  /** @param sink told what changes bring. */
  constructor(sink: EventSink = () => {}) {
    this.#sink = sink
  }

  /** Gives an identity its twin. */
  create(key: IdentityKey, stamp: ChangeStamp): void {
    this.#twins.set(identityText(key), newTwin(stamp))
  }

  delete(key: IdentityKey): void {
    this.#twins.delete(identityText(key))
  }

  async readTwin(key: IdentityKey): Promise<Twin | undefined> {
    const twin = this.#twins.get(identityText(key))
    await this.#wait()
    return twin
  }

  async changeTwin(
    key: IdentityKey,
    change: TwinChange,
    stamp: ChangeStamp,
    because?: Because,
  ): Promise<TwinOutcome | { readonly kind: 'missing' }> {
    const before = this.#last
    const outcome = this.#apply(key, change, stamp)
    const done = before.then(() => this.#wait())
    this.#last = done.catch(() => undefined)
    await done
    if (outcome.kind === 'changed') {
      for (const event of completed(because, { version: outcome.twin.version })) this.#sink(event)
    }
    return outcome
  }

  #apply(key: IdentityKey, change: TwinChange, stamp: ChangeStamp): TwinOutcome | { readonly kind: 'missing' } {
    const twin = this.#twins.get(identityText(key))
    if (twin === undefined) return { kind: 'missing' }
    const outcome = applyTwinChange(twin, change, stamp)
    if (outcome.kind === 'changed' && this.failure === undefined) this.#twins.set(identityText(key), outcome.twin)
    return outcome
  }

  async #wait(): Promise<void> {
    for (let turn = 0; turn < this.turns; turn += 1) await Promise.resolve()
    if (this.failure !== undefined) throw this.failure
  }
}
