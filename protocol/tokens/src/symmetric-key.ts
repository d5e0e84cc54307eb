/** Symmetric keys: base64 of 16 to 64 bytes (azure-iot.md §2), and the keys that groups derive. */

import { createHmac } from 'node:crypto'
import { TokenError } from './errors.ts'
import { KEY_BYTES_MAX, KEY_BYTES_MIN } from './limits.ts'

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

/**
 * The bytes of base64 text (RFC 4648 §4, padded), or undefined. One value has one text: stray bits under the padding,
 * missing padding and the URL alphabet are refused, where `Buffer.from` would take them all.
 */
export function decodeBase64(text: string): Uint8Array | undefined {
  if (!BASE64.test(text)) return undefined
  const bytes = Buffer.from(text, 'base64')
  return bytes.toString('base64') === text ? bytes : undefined
}

/** @throws TokenError `bad-key` unless `key` is canonical base64 of 16 to 64 bytes. */
export function decodeKey(key: string): Uint8Array {
  const bytes = key.length > KEY_BYTES_MAX * 2 ? undefined : decodeBase64(key)
  if (bytes === undefined) throw new TokenError('bad-key', 'a key is base64')
  if (bytes.length < KEY_BYTES_MIN || bytes.length > KEY_BYTES_MAX) {
    throw new TokenError('bad-key', `a key has ${KEY_BYTES_MIN} to ${KEY_BYTES_MAX} bytes`)
  }
  return bytes
}

/** Whether `decodeKey` takes it. */
export function isKey(key: string): boolean {
  try {
    decodeKey(key)
    return true
  } catch (error) {
    if (error instanceof TokenError) return false
    throw error
  }
}

/**
 * The key of one device of a symmetric enrolment group, as base64: HMAC-SHA-256 under the group's key over the
 * registration id in UTF-8, in the case in which the device uses it.
 * @throws TokenError `bad-key` for the group's key.
 */
export function deriveDeviceKey(groupKey: string, registrationId: string): string {
  return createHmac('sha256', decodeKey(groupKey)).update(registrationId, 'utf8').digest('base64')
}
