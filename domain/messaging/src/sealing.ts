/**
 * Sealing of telemetry: AES-256-GCM (NIST SP 800-38D) under subkeys of an epoch's data key, HKDF-SHA-256 (RFC 5869).
 *
 *     u8 version (1)   u32 epoch   16 bytes salt   u64 counter   header   ciphertext   16 bytes tag
 *
 * Everything before the ciphertext is the additional data. The nonce is the counter (deterministic construction,
 * SP 800-38D §8.2.1): it cannot repeat under one subkey, and a subkey belongs to one `SealingKey` object by its random
 * salt, so neither restarts nor the number of threads matter. The purpose goes into the derivation: bytes sealed as
 * one kind of thing do not open as another.
 */

import { createCipheriv, createDecipheriv, createSecretKey, hkdfSync, type KeyObject } from 'node:crypto'
import { MessagingError } from './errors.ts'

export type SealingPurpose = 'telemetry batch' | 'history page'

/** The key of an epoch (32 bytes), or undefined when there is none (any more). */
export type KeyForEpoch = (epoch: number) => Uint8Array | undefined

export const SALT_BYTES = 16
export const KEY_BYTES = 32
const TAG_BYTES = 16
const NONCE_BYTES = 12
const VERSION = 1
const PREFIX_BYTES = 1 + 4 + SALT_BYTES + 8
/** Counters stay exact integers with room to spare; a million seals a second reach it in nine years. */
const COUNTER_MAX = 2 ** 48

/** What sealing adds to a plain text with a header of that size. */
export function sealedBytes(headerBytes: number, plainBytes: number): number {
  return PREFIX_BYTES + headerBytes + plainBytes + TAG_BYTES
}

/** Seals under one epoch for one purpose. Keep one object for as long as the epoch lasts; never rebuild it. */
export class SealingKey {
  readonly epoch: number
  readonly #subkey: KeyObject
  readonly #salt: Uint8Array
  readonly #nonce = new Uint8Array(NONCE_BYTES)
  #counter = 0

  /**
   * @param options `key` is the epoch's data key (32 bytes), `salt` 16 fresh random bytes used for nothing else.
   * @throws TypeError if sizes or the epoch (0..2^32-1) are wrong.
   */
  constructor(options: {
    readonly epoch: number
    readonly key: Uint8Array
    readonly salt: Uint8Array
    readonly purpose: SealingPurpose
  }) {
    if (options.salt.length !== SALT_BYTES) throw new TypeError('a sealing salt has 16 bytes')
    if (!(options.epoch >= 0 && options.epoch <= 0xffff_ffff)) throw new TypeError('an epoch has 32 bits')
    this.epoch = options.epoch
    this.#salt = options.salt.slice()
    this.#subkey = subkey(options.key, options.salt, options.purpose)
  }

  /** Seals `plain`; `header` is authenticated, not hidden. The result owns its buffer, so it can be transferred. */
  seal(plain: Uint8Array, header: Uint8Array): Uint8Array<ArrayBuffer> {
    const counter = this.#counter
    if (counter >= COUNTER_MAX) throw new TypeError('the sealing key is used up')
    this.#counter = counter + 1
    const sealed = new Uint8Array(sealedBytes(header.length, plain.length))
    const view = new DataView(sealed.buffer)
    const high = Math.floor(counter / 0x1_0000_0000)
    sealed[0] = VERSION
    view.setUint32(1, this.epoch)
    sealed.set(this.#salt, 5)
    view.setUint32(5 + SALT_BYTES, high)
    view.setUint32(9 + SALT_BYTES, counter)
    sealed.set(header, PREFIX_BYTES)
    const additional = sealed.subarray(0, PREFIX_BYTES + header.length)
    this.#nonce.set(sealed.subarray(5 + SALT_BYTES, PREFIX_BYTES), NONCE_BYTES - 8)
    const cipher = createCipheriv('aes-256-gcm', this.#subkey, this.#nonce)
    cipher.setAAD(additional)
    sealed.set(cipher.update(plain), additional.length)
    cipher.final()
    sealed.set(cipher.getAuthTag(), additional.length + plain.length)
    return sealed
  }
}

/** Seals bytes; same as `key.seal`. */
export function sealBytes(key: SealingKey, plain: Uint8Array, header: Uint8Array): Uint8Array<ArrayBuffer> {
  return key.seal(plain, header)
}

/** The header of sealed bytes, not yet verified: good for looking up, never for trusting. */
export function peekHeader(sealed: Uint8Array, headerBytes: number): { epoch: number; header: Uint8Array } {
  if (sealed.length < sealedBytes(headerBytes, 0)) throw new MessagingError('damaged', 'sealed bytes are cut short')
  if (sealed[0] !== VERSION) throw new MessagingError('damaged', 'sealed bytes of an unknown version')
  const epoch = new DataView(sealed.buffer, sealed.byteOffset).getUint32(1)
  return { epoch, header: sealed.subarray(PREFIX_BYTES, PREFIX_BYTES + headerBytes) }
}

/**
 * Opens what `seal` made with a header of `headerBytes`.
 * @throws MessagingError `unknown-epoch` without a key, `damaged` if anything but the very bytes sealed is given.
 */
export function openBytes(
  sealed: Uint8Array,
  options: { readonly headerBytes: number; readonly purpose: SealingPurpose; readonly keyForEpoch: KeyForEpoch },
): { readonly epoch: number; readonly header: Uint8Array; readonly plain: Uint8Array } {
  const { epoch, header } = peekHeader(sealed, options.headerBytes)
  const key = options.keyForEpoch(epoch)
  if (key === undefined) throw new MessagingError('unknown-epoch', `there is no data key of epoch ${epoch}`)
  const salt = sealed.subarray(5, 5 + SALT_BYTES)
  const nonce = new Uint8Array(NONCE_BYTES)
  nonce.set(sealed.subarray(5 + SALT_BYTES, PREFIX_BYTES), NONCE_BYTES - 8)
  const from = PREFIX_BYTES + options.headerBytes
  const to = sealed.length - TAG_BYTES
  const decipher = createDecipheriv('aes-256-gcm', subkey(key, salt, options.purpose), nonce, {
    authTagLength: TAG_BYTES,
  })
  decipher.setAAD(sealed.subarray(0, from))
  decipher.setAuthTag(sealed.subarray(to))
  const plain = decipher.update(sealed.subarray(from, to))
  try {
    decipher.final()
  } catch (error) {
    throw new MessagingError('damaged', 'sealed bytes do not verify', { cause: error })
  }
  return { epoch, header, plain }
}

function subkey(key: Uint8Array, salt: Uint8Array, purpose: SealingPurpose): KeyObject {
  if (key.length !== KEY_BYTES) throw new TypeError('a data key has 32 bytes')
  const derived = new Uint8Array(hkdfSync('sha256', key, salt, `holdfast ${purpose} v1`, KEY_BYTES))
  const object = createSecretKey(derived)
  derived.fill(0)
  return object
}
