/**
 * Codes by which owners claim devices and accept transfers. What is kept of a code is an HMAC under a key of the hub's
 * that is sealed like every secret: who reads the database alone cannot try codes against it, and a code is looked up
 * by its digest without anything being compared with it one by one.
 */

import { createHash, createHmac } from 'node:crypto'
import { CODE_BYTES, CODE_CHARACTERS_MAX, CODE_CHARACTERS_MIN } from './limits.ts'

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/**
 * A code as it is hashed: upper case, without blanks and dashes. Undefined for what can be no code: 8 to 128 letters
 * and digits.
 */
export function normaliseCode(text: string): string | undefined {
  if (text.length > 2 * CODE_CHARACTERS_MAX) return undefined
  const code = text.replaceAll(/[\s-]/g, '').toUpperCase()
  return /^[0-9A-Z]+$/.test(code) && code.length >= CODE_CHARACTERS_MIN && code.length <= CODE_CHARACTERS_MAX
    ? code
    : undefined
}

/** The SHA-256 of a normalised code, upper-case hex: what a manifest holds. */
export function codeSha256(code: string): string {
  return createHash('sha256').update(code, 'ascii').digest('hex').toUpperCase()
}

/**
 * What is kept of a code.
 * @param key base64 of the hub's key for this.
 * @param sha256 of the normalised code, upper-case hex.
 */
export function codeDigest(key: string, sha256: string): string {
  return createHmac('sha256', Buffer.from(key, 'base64')).update(sha256, 'ascii').digest('hex').toUpperCase()
}

/** What is kept of a symmetric key that was retired, so that it is known again and cannot be had from the digest. */
export function symmetricKeyDigest(key: string, secret: string): string {
  return createHmac('sha256', Buffer.from(key, 'base64')).update(`key:${secret}`, 'ascii').digest('hex').toUpperCase()
}

/** A code of 120 bits in groups of six characters. */
export function makeCode(random: (bytes: number) => Uint8Array): string {
  let bits = 0n
  for (const byte of random(CODE_BYTES)) bits = (bits << 8n) | BigInt(byte)
  let code = ''
  for (let at = 0; at < (CODE_BYTES * 8) / 5; at += 1) {
    code = (ALPHABET[Number(bits & 31n)] ?? '') + code
    bits >>= 5n
  }
  return code.match(/.{6}/g)?.join('-') ?? code
}
