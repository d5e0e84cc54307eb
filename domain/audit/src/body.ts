/**
 * The body of an entry: what a leaf commits to and does not show. It is canonical JSON of subject, actor, source and facts,
 * sealed under a key of its own. That key and the opening of the commitment are derived from a secret and the entry's salt:
 * with either of them destroyed, nobody can read the body, nor find out by guessing what it was; the leaf stays what it is.
 */

import { createCipheriv, createDecipheriv, createHmac, timingSafeEqual } from 'node:crypto'
import { canonicalJson } from './canonical.ts'
import type { SecurityEvent } from './event.ts'

export const SALT_BYTES = 16
export const SECRET_BYTES = 32
export const OPENING_BYTES = 32
const KEY_BYTES = 32
const TAG_BYTES = 16

/** Every entry has a key of its own, which seals one body: so the nonce may be the same (NIST SP 800-38D §8.2.1). */
const NONCE = new Uint8Array(12)
const DERIVATION = 'holdfast audit entry 1'

export interface EntryKeys {
  readonly key: Uint8Array
  /** Shows whoever has the body that the leaf commits to it. */
  readonly opening: Uint8Array
}

/** `HMAC-SHA-512(secret, "holdfast audit entry 1" || salt)`: the first half seals, the second opens the commitment. */
export function entryKeys(secret: Uint8Array, salt: Uint8Array): EntryKeys {
  const derived = createHmac('sha512', secret).update(DERIVATION).update(salt).digest()
  return { key: derived.subarray(0, KEY_BYTES), opening: derived.subarray(KEY_BYTES) }
}

/** Its one encoding, UTF-8. */
export function encodeBody({ subject, actor, source, detail }: Omit<SecurityEvent, 'type' | 'at'>): Uint8Array {
  return Buffer.from(canonicalJson({ actor, detail, ...(source === undefined ? {} : { source }), subject }), 'utf8')
}

/** What a body says, for events of any version. `undefined` for what `encodeBody` does not write. */
export function decodeBody(bytes: Uint8Array): Omit<SecurityEvent, 'type' | 'at'> | undefined {
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes))
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null || !('subject' in value) || !('actor' in value)) return undefined
  const { subject, actor } = value
  const source = 'source' in value ? value.source : undefined
  const detail = 'detail' in value ? value.detail : undefined
  if (typeof subject !== 'string' || typeof actor !== 'string' || !isDetail(detail)) return undefined
  if (source !== undefined && typeof source !== 'string') return undefined
  const body = { subject, actor, detail, ...(source === undefined ? {} : { source }) }
  if (!hasText(body)) return undefined
  // A second spelling, or a member that is not ours, is another body.
  return Buffer.from(encodeBody(body)).equals(bytes) ? body : undefined
}

/** `HMAC-SHA-256(opening, body)`, 32 bytes: what the leaf holds. */
export function commitTo(body: Uint8Array, opening: Uint8Array): Uint8Array {
  return createHmac('sha256', opening).update(body).digest()
}

/** Whether a leaf's commitment is to this body. */
export function isCommitted(commitment: Uint8Array, body: Uint8Array, opening: Uint8Array): boolean {
  if (commitment.length !== 32 || opening.length !== OPENING_BYTES) return false
  return timingSafeEqual(commitTo(body, opening), commitment)
}

/** AES-256-GCM. @param place what it belongs to and does not open elsewhere: the leaf's bytes. */
export function sealBody(body: Uint8Array, key: Uint8Array, place: Uint8Array): Uint8Array {
  const cipher = createCipheriv('aes-256-gcm', key, NONCE)
  cipher.setAAD(place)
  const sealed = cipher.update(body)
  cipher.final()
  return Buffer.concat([sealed, cipher.getAuthTag()])
}

/** `undefined` if it was changed or moved, or the key is another. */
export function openBody(sealed: Uint8Array, key: Uint8Array, place: Uint8Array): Uint8Array | undefined {
  if (sealed.length < TAG_BYTES) return undefined
  const decipher = createDecipheriv('aes-256-gcm', key, NONCE, { authTagLength: TAG_BYTES })
  decipher.setAAD(place)
  decipher.setAuthTag(sealed.subarray(-TAG_BYTES))
  const body = decipher.update(sealed.subarray(0, -TAG_BYTES))
  try {
    decipher.final()
    return body
  } catch {
    return undefined
  }
}

function isDetail(value: unknown): value is SecurityEvent['detail'] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  return Object.values(value).every((fact) => ['string', 'number', 'boolean'].includes(typeof fact))
}

function hasText({ subject, actor, source = '', detail }: Omit<SecurityEvent, 'type' | 'at'>): boolean {
  return [subject, actor, source, ...Object.keys(detail), ...Object.values(detail)].every(
    (one) => typeof one !== 'string' || one.isWellFormed(),
  )
}
