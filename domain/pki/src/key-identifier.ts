/** Identifiers of keys in certificates and lists. */

import { createHash } from 'node:crypto'
import type { Certificate } from './certificate.ts'
import { TAG, parseDer } from './der.ts'
import { PkiError } from './errors.ts'

/** RFC 7093 §2(1): the first 160 bits of SHA-256 of the public key's bits. @throws PkiError if it is no key. */
export function keyIdOf(spki: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(createHash('sha256').update(keyBitsOf(spki)).digest().subarray(0, 20))
}

/** What certificates and lists of this issuer say of its key: its own identifier, or the one we would give it. */
export function authorityKeyIdOf(issuer: Certificate): Uint8Array<ArrayBuffer> {
  const { subjectKeyId } = issuer.extensions
  return subjectKeyId === undefined ? keyIdOf(issuer.spki) : new Uint8Array(Buffer.from(subjectKeyId, 'hex'))
}

/** The value of subjectPublicKey, without the count of unused bits. @throws PkiError `bad-der`, `weak-key`. */
export function keyBitsOf(spki: Uint8Array): Uint8Array {
  const [, key] = parseDer(spki).children
  if (key?.tag !== TAG.bitString) throw new PkiError('weak-key', 'the public key cannot be read')
  return key.content.subarray(1)
}
