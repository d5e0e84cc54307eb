/** AES-256-GCM with a 96-bit nonce and a 128-bit tag (NIST SP 800-38D), as one blob: nonce, ciphertext, tag. */

import { createCipheriv, createDecipheriv, type KeyObject } from 'node:crypto'

export const NONCE_BYTES = 12
export const TAG_BYTES = 16

/** Gives `n` fresh random bytes from a generator fit for keys. */
export type Random = (n: number) => Uint8Array

/**
 * Nonces are random: one key may seal 2^32 blobs before the chance of a repeated nonce exceeds 2^-32 (§8.3).
 * @param associated authenticated with the plain bytes, not stored.
 */
export function sealBytes(
  key: Uint8Array | KeyObject,
  plain: Uint8Array,
  associated: string,
  random: Random,
): Uint8Array<ArrayBuffer> {
  const nonce = random(NONCE_BYTES)
  const cipher = createCipheriv('aes-256-gcm', key, nonce)
  cipher.setAAD(Buffer.from(associated, 'utf8'))
  const sealed = new Uint8Array(NONCE_BYTES + plain.length + TAG_BYTES)
  sealed.set(nonce)
  sealed.set(cipher.update(plain), NONCE_BYTES)
  cipher.final() // GCM is a stream: nothing comes out at the end.
  sealed.set(cipher.getAuthTag(), NONCE_BYTES + plain.length)
  return sealed
}

/** The plain bytes, in an array of their own, or undefined where key, blob and `associated` do not belong together. */
export function openBytes(
  key: Uint8Array | KeyObject,
  sealed: Uint8Array,
  associated: string,
): Uint8Array<ArrayBuffer> | undefined {
  if (sealed.length < NONCE_BYTES + TAG_BYTES) return undefined
  const end = sealed.length - TAG_BYTES
  // An explicit tag length: without it a caller could pass a tag cut to four bytes.
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES })
  decipher.setAAD(Buffer.from(associated, 'utf8'))
  decipher.setAuthTag(sealed.subarray(end))
  const plain = decipher.update(sealed.subarray(NONCE_BYTES, end))
  try {
    decipher.final()
  } catch {
    plain.fill(0)
    return undefined
  }
  const own = new Uint8Array(plain.length)
  own.set(plain)
  plain.fill(0)
  return own
}
