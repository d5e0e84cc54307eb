/** One key that seals data, as it lives in memory. */

import { inspect } from 'node:util'
import type { Timestamp } from '@holdfast/base'
import { KeyError } from './errors.ts'

/** What the keys of a ring are for; each purpose has a current key of its own. */
export const KEY_PURPOSES = ['telemetry', 'state', 'authority'] as const
export type KeyPurpose = (typeof KEY_PURPOSES)[number]

/** Shows itself as its name wherever it is printed, inspected or serialized; the bytes leave by `bytes` only. */
export class DataKey {
  /** Counts up over all purposes of a ring; never used twice, also after a drop. */
  readonly epoch: number
  readonly purpose: KeyPurpose
  readonly createdTime: Timestamp
  readonly #bytes: Uint8Array
  #isDropped = false

  constructor(facts: {
    readonly epoch: number
    readonly purpose: KeyPurpose
    readonly createdTime: Timestamp
    /** 32 bytes; the key owns them from now on. */
    readonly bytes: Uint8Array
  }) {
    this.epoch = facts.epoch
    this.purpose = facts.purpose
    this.createdTime = facts.createdTime
    this.#bytes = facts.bytes
  }

  /**
   * The 32 bytes, owned by the ring: not to be changed, and zero once the epoch is dropped. Another thread gets a copy
   * by posting them; a holder of a copy is told of a drop by whoever gave it.
   * @throws KeyError `dropped-epoch`: so that nothing is ever sealed with zeros.
   */
  get bytes(): Uint8Array {
    if (this.#isDropped) throw new KeyError('dropped-epoch', `the key of epoch ${this.epoch} was dropped`)
    return this.#bytes
  }

  /** For the ring alone: overwrites the bytes. */
  destroy(): void {
    this.#isDropped = true
    this.#bytes.fill(0)
  }

  toString(): string {
    return `[${this.purpose} key, epoch ${this.epoch}]`
  }

  toJSON(): string {
    return this.toString()
  }

  [inspect.custom](): string {
    return this.toString()
  }
}
