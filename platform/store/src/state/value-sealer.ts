/**
 * Secrets in `state.db` are sealed one by one: AES-256-GCM under the state data key of an epoch, bound to table, row,
 * column and epoch, so that a value moved to another place does not open. What stands in a column is one version byte,
 * nonce, ciphertext, tag; the epoch stands beside it in `seal_epoch`.
 */

import { createSecretKey, type KeyObject } from 'node:crypto'
import { openBytes, type Random, sealBytes } from '@holdfast/keys'
import { StoreDamagedError } from '../damaged.ts'

const VERSION = 1

/** The state keys of the ring, as they cross to the thread. */
export interface StateKeys {
  /** Epoch that seals. */
  readonly current: number
  /** 32 bytes each; the current one among them. */
  readonly keys: readonly { readonly epoch: number; readonly bytes: Uint8Array }[]
}

/** Where a sealed value stands. */
export interface Place {
  readonly table: string
  /** The row's key, and whatever else of the row the value must not outlive. */
  readonly row: readonly string[]
  readonly column: string
}

export class ValueSealer {
  readonly #file: string
  readonly #random: Random
  #keys: ReadonlyMap<number, KeyObject>
  #current: { readonly epoch: number; readonly key: KeyObject }

  /** @param file for messages. */
  constructor(file: string, keys: StateKeys, random: Random) {
    this.#file = file
    this.#random = random
    ;({ keys: this.#keys, current: this.#current } = importKeys(keys))
  }

  /** The epoch that seals now. */
  get epoch(): number {
    return this.#current.epoch
  }

  has(epoch: number): boolean {
    return this.#keys.has(epoch)
  }

  /** After a rotation or a drop. */
  replaceKeys(keys: StateKeys): void {
    ;({ keys: this.#keys, current: this.#current } = importKeys(keys))
  }

  /** Under the current epoch. */
  seal(text: string, place: Place): Uint8Array {
    return this.sealBytes(Buffer.from(text, 'utf8'), place)
  }

  /** Under the current epoch. */
  sealBytes(bytes: Uint8Array, place: Place): Uint8Array {
    const { epoch, key } = this.#current
    const sealed = sealBytes(key, bytes, associatedOf(place, epoch), this.#random)
    const value = new Uint8Array(1 + sealed.length)
    value[0] = VERSION
    value.set(sealed, 1)
    return value
  }

  /** @throws StoreDamagedError where the value was changed or moved, or its key is not there. */
  open(value: Uint8Array, epoch: number, place: Place): string {
    return Buffer.from(this.openBytes(value, epoch, place).buffer).toString('utf8')
  }

  /** As `open`, for what `sealBytes` sealed; in an array of its own. */
  openBytes(value: Uint8Array, epoch: number, place: Place): Uint8Array<ArrayBuffer> {
    const key = this.#keys.get(epoch)
    const where = `${place.column} of ${place.table} ${JSON.stringify(place.row[0])}`
    if (key === undefined) {
      throw new StoreDamagedError({
        file: this.#file,
        what: `${where} is sealed with the state key of epoch ${epoch}, which the key ring does not hold`,
        remedy: 'put back the database and the keys folder from the same backup',
      })
    }
    const plain = value[0] === VERSION ? openBytes(key, value.subarray(1), associatedOf(place, epoch)) : undefined
    if (plain === undefined) {
      throw new StoreDamagedError({
        file: this.#file,
        what: `${where} does not open: it was changed or moved`,
        remedy: 'restore the database from a backup, or delete that record and create it anew',
      })
    }
    return plain
  }
}

/** @throws TypeError when the current key is not among the keys: a bug in the caller. */
function importKeys(keys: StateKeys): {
  readonly keys: ReadonlyMap<number, KeyObject>
  readonly current: { readonly epoch: number; readonly key: KeyObject }
} {
  const imported = new Map(keys.keys.map(({ epoch, bytes }) => [epoch, createSecretKey(bytes)]))
  const key = imported.get(keys.current)
  if (key === undefined) throw new TypeError('the current state key is missing')
  return { keys: imported, current: { epoch: keys.current, key } }
}

function associatedOf(place: Place, epoch: number): string {
  return JSON.stringify(['holdfast state', VERSION, place.table, place.column, epoch, ...place.row])
}
