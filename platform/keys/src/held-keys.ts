/**
 * Key-encryption keys that are used in the memory of this process, whatever keeps them: AES-256-GCM with the context as
 * additional data (NIST SP 800-38D), and rotation in two halves.
 */

import type { Clock, Timestamp } from '@holdfast/base'
import { openBytes, type Random, sealBytes } from './aead.ts'
import { fileError } from './errors.ts'
import { KEY_BYTES } from './limits.ts'

/** Bytes of a key's name in front of what it wrapped. */
export const KEY_ID_BYTES = 4

export interface EncryptionKey {
  /** Hex of KEY_ID_BYTES; tells which key wrapped a blob while two are there. */
  readonly id: string
  readonly createdTime: Timestamp
  readonly bytes: Uint8Array
}

export interface HeldKeysParts {
  /** Of the home; authenticated with all that is wrapped. */
  readonly homeId: string
  /** Path of what keeps the keys, and of the folder with the ring, for messages. */
  readonly file: string
  readonly folder: string
  readonly random: Random
  readonly clock: Clock
  /**
   * Makes these keys, and no others, those that are kept. Durable when it resolves; `erase` asks for what was kept before
   * to be overwritten. MUST reject with a KeyError and leave what was kept before where it cannot.
   */
  readonly save: (keys: readonly EncryptionKey[], erase: boolean) => Promise<void>
}

export class HeldKeys {
  readonly #parts: HeldKeysParts
  /** Oldest first; the last one wraps. */
  #keys: readonly EncryptionKey[]

  /** @param keys one, or two in the middle of a rotation; owned from now on. */
  constructor(parts: HeldKeysParts, keys: readonly EncryptionKey[]) {
    this.#parts = parts
    this.#keys = keys
  }

  get isRotating(): boolean {
    return this.#keys.length > 1
  }

  get createdTime(): Timestamp {
    return this.#current().createdTime
  }

  wrap(bytes: Uint8Array, context: string): Uint8Array {
    const key = this.#current()
    const sealed = sealBytes(key.bytes, bytes, this.#associated(key, context), this.#parts.random)
    const wrapped = new Uint8Array(KEY_ID_BYTES + sealed.length)
    wrapped.set(Buffer.from(key.id, 'hex'))
    wrapped.set(sealed, KEY_ID_BYTES)
    return wrapped
  }

  /** @throws KeyError `damaged`. */
  unwrap(wrapped: Uint8Array, context: string): Uint8Array {
    const id = Buffer.from(wrapped.subarray(0, KEY_ID_BYTES)).toString('hex')
    const key = this.#keys.find((candidate) => candidate.id === id)
    const { file, folder } = this.#parts
    const remedy = `put back ${file.slice(file.lastIndexOf('/') + 1)} and ring.json from the same backup`
    if (key === undefined) {
      throw fileError('damaged', { file, what: 'it does not hold the key that wrapped the ring', remedy })
    }
    const bytes = openBytes(key.bytes, wrapped.subarray(KEY_ID_BYTES), this.#associated(key, context))
    if (bytes === undefined) {
      const what = 'what this key wrapped does not verify: it was changed, or belongs to another ring'
      throw fileError('damaged', { file: folder, what, remedy })
    }
    return bytes
  }

  async beginRotation(): Promise<void> {
    if (this.isRotating) return
    await this.#replace([...this.#keys, newEncryptionKey(this.#parts)], false)
  }

  async endRotation(): Promise<void> {
    if (!this.isRotating) return
    const retired = this.#keys.slice(0, -1)
    await this.#replace([this.#current()], true)
    for (const key of retired) key.bytes.fill(0)
  }

  close(): void {
    for (const key of this.#keys) key.bytes.fill(0)
    this.#keys = []
  }

  /** Keeps the same keys in a new way. */
  async save(): Promise<void> {
    await this.#parts.save(this.#keys, true)
  }

  #current(): EncryptionKey {
    const key = this.#keys.at(-1)
    if (key === undefined) throw new TypeError('a home that is open holds at least one key')
    return key
  }

  #associated(key: EncryptionKey, context: string): string {
    return `holdfast kek 1|${this.#parts.homeId}|${key.id}|${context}`
  }

  async #replace(keys: readonly EncryptionKey[], erase: boolean): Promise<void> {
    await this.#parts.save(keys, erase)
    this.#keys = keys
  }
}

export function newEncryptionKey({ clock, random }: { readonly clock: Clock; readonly random: Random }): EncryptionKey {
  return {
    id: Buffer.from(random(KEY_ID_BYTES)).toString('hex'),
    createdTime: clock.wall(),
    bytes: new Uint8Array(random(KEY_BYTES)),
  }
}
