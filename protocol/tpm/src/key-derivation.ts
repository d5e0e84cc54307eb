/** Key derivation (Part 1 §11.4.10; SP 800-108 counter mode for KDFa, SP 800-56A concatenation for KDFe). */

import { createHash, createHmac } from 'node:crypto'
import { HASH_BYTES } from './algorithms.ts'
import type { HashAlgorithm } from './algorithms.ts'
import { TpmWriter } from './writer.ts'

/** What the standard calls these keys and seeds; they keep one use of a seed apart from another. */
export type DerivationLabel = 'IDENTITY' | 'DUPLICATE' | 'STORAGE' | 'INTEGRITY' | 'SECRET' | 'CFB' | 'ATH'

/** Longest output, in bits: nobody derives more than an HMAC key of SHA-512 and an AES key. */
const BITS_MAX = 1_024

/** A label as it is digested: with the zero byte that ends it. */
export function labelBytes(label: DerivationLabel): Uint8Array {
  return Buffer.from(`${label}\0`, 'latin1')
}

/**
 * KDFa: an HMAC key stretched, bound to a label and two contexts.
 * @param options.bits a multiple of 8.
 * @throws TypeError for other numbers of bits: a bug in the caller.
 */
export function kdfA(options: {
  readonly hash: HashAlgorithm
  readonly key: Uint8Array
  readonly label: DerivationLabel
  readonly contextU?: Uint8Array
  readonly contextV?: Uint8Array
  readonly bits: number
}): Uint8Array {
  const { hash, key, label, contextU, contextV, bits } = options
  const end = new TpmWriter().u32(bits).done()
  return stretched(hash, bits, (counter) => {
    const hmac = createHmac(hash, key).update(counter).update(labelBytes(label))
    if (contextU !== undefined) hmac.update(contextU)
    if (contextV !== undefined) hmac.update(contextV)
    return hmac.update(end).digest()
  })
}

/**
 * KDFe: a key from an agreement of elliptic curves.
 * @param options.shared x of the agreed point, @param options.partyU x of the ephemeral key, @param options.partyV x of the
 *   static one; each padded to the curve's length.
 * @throws TypeError as `kdfA`.
 */
export function kdfE(options: {
  readonly hash: HashAlgorithm
  readonly shared: Uint8Array
  readonly label: DerivationLabel
  readonly partyU: Uint8Array
  readonly partyV: Uint8Array
  readonly bits: number
}): Uint8Array {
  const { hash, shared, label, partyU, partyV, bits } = options
  return stretched(hash, bits, (counter) =>
    createHash(hash).update(counter).update(shared).update(labelBytes(label)).update(partyU).update(partyV).digest(),
  )
}

function stretched(hash: HashAlgorithm, bits: number, block: (counter: Uint8Array) => Uint8Array): Uint8Array {
  if (bits <= 0 || bits > BITS_MAX || bits % 8 !== 0)
    throw new TypeError('keys have a whole number of bytes, 128 at most')
  const blocks = Math.ceil(bits / 8 / HASH_BYTES[hash])
  const whole = new TpmWriter()
  for (let counter = 1; counter <= blocks; counter++) whole.bytes(block(new TpmWriter().u32(counter).done()))
  return whole.done().slice(0, bits / 8)
}
