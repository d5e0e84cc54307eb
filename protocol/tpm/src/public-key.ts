/** The key in a public area, for node:crypto to verify with. */

import { createPublicKey } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { CURVE_BYTES } from './algorithms.ts'
import { TpmError } from './errors.ts'
import type { EccPublic, RsaPublic, TpmPublic } from './public-area.ts'

/** What 0 stands for in an RSA public area (Part 2 §12.2.3.5). */
export const DEFAULT_EXPONENT = 65_537

/**
 * The asymmetric key of an object.
 * @throws TpmError `unsuitable` for objects that have none; `malformed` if it is no key: an empty template, a point that
 *   is not on its curve.
 */
export function publicKeyOf(area: TpmPublic): KeyObject {
  if (area.kind !== 'rsa' && area.kind !== 'ecc') throw new TpmError('unsuitable', 'the object has no asymmetric key')
  if ((area.kind === 'rsa' ? area.modulus : area.x).length === 0) throw new TpmError('malformed', 'the key is empty')
  try {
    return createPublicKey({ key: jwkOf(area), format: 'jwk' })
  } catch {
    throw new TpmError('malformed', 'the key is no key of its kind')
  }
}

function jwkOf(area: RsaPublic | EccPublic): Record<string, string> {
  if (area.kind === 'rsa') return { kty: 'RSA', n: base64Url(area.modulus), e: base64Url(exponentBytes(area.exponent)) }
  const bytes = CURVE_BYTES[area.curve]
  return { kty: 'EC', crv: area.curve, x: base64Url(padded(area.x, bytes)), y: base64Url(padded(area.y, bytes)) }
}

/** `bytes` with zeros before it, `length` long; `bytes` is not longer. */
export function padded(bytes: Uint8Array, length: number): Uint8Array {
  const whole = new Uint8Array(length)
  whole.set(bytes, length - bytes.length)
  return whole
}

function exponentBytes(exponent: number): Uint8Array {
  const value = exponent === 0 ? DEFAULT_EXPONENT : exponent
  const bytes = [24, 16, 8, 0].map((shift) => (value >>> shift) & 0xff)
  return Uint8Array.from(bytes.slice(bytes.findIndex((byte) => byte !== 0)))
}

function base64Url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64url')
}
