/** The data keys that the core has handed to the history, and what their absence means. */

import { randomBytes } from 'node:crypto'
import { SealingKey } from '@holdfast/messaging'
import { KEYS_MAX } from './limits.ts'

export interface DataKey {
  readonly epoch: number
  /** 32 bytes. */
  readonly key: Uint8Array
}

/**
 * - `here`: the key is here.
 * - `dropped`: destroyed on purpose; its messages are gone.
 * - `awaited`: newer than any key here; it is on its way from the core.
 * - `missing`: no key, and nobody said that it was dropped. Nothing is deleted on that ground.
 */
export type KeyVerdict = 'here' | 'dropped' | 'awaited' | 'missing'

export class KeyRing {
  #keys = new Map<number, Uint8Array>()
  readonly #sealing = new Map<number, SealingKey>()
  readonly #dropped: Set<number>
  #newest = -1

  constructor(dropped: Iterable<number>) {
    this.#dropped = new Set(dropped)
  }

  /** False until the core has sent its keys for the first time. */
  get isFilled(): boolean {
    return this.#newest >= 0
  }

  /**
   * Replaces all keys.
   * @throws TypeError on a key of another size than 32 bytes, no key, or too many.
   */
  replace(keys: readonly DataKey[]): void {
    if (keys.length === 0 || keys.length > KEYS_MAX) throw new TypeError(`the key ring holds 1 to ${KEYS_MAX} keys`)
    const ring = new Map<number, Uint8Array>()
    for (const { epoch, key } of keys) {
      if (key.length !== 32) throw new TypeError('a data key has 32 bytes')
      ring.set(epoch, Uint8Array.from(key))
    }
    for (const [epoch, key] of this.#keys) {
      key.fill(0)
      if (!ring.has(epoch)) this.#sealing.delete(epoch)
    }
    this.#keys = ring
    this.#newest = Math.max(...ring.keys())
  }

  /** Forgets the key of an epoch for good. */
  drop(epoch: number): void {
    this.#dropped.add(epoch)
    this.#keys.get(epoch)?.fill(0)
    this.#keys.delete(epoch)
    this.#sealing.delete(epoch)
  }

  isDropped(epoch: number): boolean {
    return this.#dropped.has(epoch)
  }

  verdictOn(epoch: number): KeyVerdict {
    if (this.#dropped.has(epoch)) return 'dropped'
    if (this.#keys.has(epoch)) return 'here'
    return epoch > this.#newest ? 'awaited' : 'missing'
  }

  /** For opening: `undefined` when there is none, or none any more. */
  readonly keyOf = (epoch: number): Uint8Array | undefined =>
    this.#dropped.has(epoch) ? undefined : this.#keys.get(epoch)

  /** For sealing pages: one object an epoch, since it holds the nonce counter. */
  sealingKeyOf(epoch: number): SealingKey | undefined {
    const key = this.keyOf(epoch)
    if (key === undefined) return undefined
    let sealing = this.#sealing.get(epoch)
    if (sealing === undefined) {
      sealing = new SealingKey({ epoch, key, salt: randomBytes(16), purpose: 'history page' })
      this.#sealing.set(epoch, sealing)
    }
    return sealing
  }
}
