/**
 * Shared access signatures: `SharedAccessSignature sr=…&sig=…&se=…[&skn=…]` (azure-iot.md §2).
 * Fields come in any order, for every SDK has its own. What is signed is `sr` and `se` as they stand in the text.
 */

import { createHmac, timingSafeEqual } from 'node:crypto'
import { timestampOf } from '@holdfast/base'
import type { Timestamp } from '@holdfast/base'
import { TokenError } from './errors.ts'
import {
  EXPIRY_DIGITS_MAX,
  LAST_TIMESTAMP_MS,
  SIGNATURE_BYTES,
  TOKEN_CHARACTERS_MAX,
  TOKEN_FIELDS_MAX,
} from './limits.ts'
import { decodeBase64, decodeKey } from './symmetric-key.ts'

const SCHEME = 'SharedAccessSignature '

/** A token as received: its form is right, its signature, expiry and scope are not looked at yet. */
export interface SasToken {
  /** `sr` exactly as received: the signature is over this text. */
  readonly sr: string
  /** `sr` percent-decoded once; for `resourceOf`. */
  readonly resource: string
  /** `se` exactly as received. */
  readonly se: string
  /** `se` as a time; a fraction is dropped, and what lies past the last date of `Date` is cut to it. */
  readonly expires: Timestamp
  /** `sig` decoded, 32 bytes. */
  readonly signature: Uint8Array
  /** `skn` decoded: the shared access policy whose key signed. Absent: the key of the identity itself. */
  readonly policyName?: string
}

/**
 * Parses the text of a token. Unknown fields are passed over, the same field twice is refused.
 * @throws TokenError `too-large`, `malformed`, `missing-field`, `duplicate-field`, `bad-expiry`, `bad-signature`.
 */
export function parseSasToken(text: string): SasToken {
  if (text.length > TOKEN_CHARACTERS_MAX) throw new TokenError('too-large', 'the token is too long')
  if (!text.startsWith(SCHEME)) throw new TokenError('malformed', 'a token begins with SharedAccessSignature')
  const fields = fieldsOf(text.slice(SCHEME.length))
  const sr = required(fields, 'sr')
  const se = required(fields, 'se')
  const sig = required(fields, 'sig')
  const skn = fields.get('skn')
  const token = { sr, resource: decoded(sr, 'sr'), se, expires: expiryOf(se), signature: signatureOf(sig) }
  // Some clients send an empty skn where others leave it out.
  return skn === undefined || skn === '' ? token : { ...token, policyName: decoded(skn, 'skn') }
}

/**
 * What of a key signs: its bytes, or (Event Hubs) its base64 text as it stands, in UTF-8 (azure-iot.md §5.6; read in
 * `@azure/core-amqp`, `hmacSha256`).
 */
export type KeyForm = 'bytes' | 'text'

/**
 * Whether `token` was signed with `key`. Looks at neither expiry nor scope. Takes the same time whatever the signature.
 * @param key base64 of 16 to 64 bytes.
 * @throws TokenError `bad-key`.
 */
export function verifySasToken(token: SasToken, key: string, form: KeyForm = 'bytes'): boolean {
  return timingSafeEqual(sign(token.sr, token.se, key, form), token.signature)
}

/** Whether the token is past its end at `now`, `skewMs` (0, or `EXPIRY_SKEW_MS`) granted. */
export function isExpired(token: SasToken, now: Timestamp, skewMs: number): boolean {
  return now - skewMs >= token.expires
}

/**
 * Makes a token.
 * @param token.resource decoded, for example `hub.example/devices/a`; encoded here, once.
 * @param token.key base64 of 16 to 64 bytes.
 * @param token.expirySeconds whole seconds since 1970.
 * @throws TokenError `bad-key`; TypeError if `expirySeconds` is no such number.
 */
export function formatSasToken(token: {
  readonly resource: string
  readonly key: string
  readonly expirySeconds: number
  readonly policyName?: string
}): string {
  if (!Number.isSafeInteger(token.expirySeconds) || token.expirySeconds < 0) {
    throw new TypeError('expirySeconds is a whole number of seconds')
  }
  const sr = encodeURIComponent(token.resource)
  const se = String(token.expirySeconds)
  const sig = encodeURIComponent(sign(sr, se, token.key).toString('base64'))
  const skn = token.policyName === undefined ? '' : `&skn=${encodeURIComponent(token.policyName)}`
  return `${SCHEME}sr=${sr}&sig=${sig}&se=${se}${skn}`
}

function sign(sr: string, se: string, key: string, form: KeyForm = 'bytes'): Buffer {
  const bytes = decodeKey(key)
  return createHmac('sha256', form === 'bytes' ? bytes : key)
    .update(`${sr}\n${se}`, 'utf8')
    .digest()
}

function fieldsOf(text: string): Map<string, string> {
  const parts = text.split('&', TOKEN_FIELDS_MAX + 1)
  if (parts.length > TOKEN_FIELDS_MAX) throw new TokenError('too-large', 'the token has too many fields')
  const fields = new Map<string, string>()
  for (const part of parts) {
    // Only the first `=` divides: unencoded signatures end in one.
    const at = part.indexOf('=')
    if (at <= 0) throw new TokenError('malformed', 'a field of the token has no name or no value')
    const name = part.slice(0, at)
    if (fields.has(name)) throw new TokenError('duplicate-field', 'a field of the token stands twice')
    fields.set(name, part.slice(at + 1))
  }
  return fields
}

function required(fields: ReadonlyMap<string, string>, name: 'sr' | 'se' | 'sig'): string {
  const value = fields.get(name)
  if (value === undefined || value === '') throw new TokenError('missing-field', `the token has no ${name}`)
  return value
}

function decoded(value: string, name: string): string {
  try {
    return decodeURIComponent(value)
  } catch {
    throw new TokenError('malformed', `${name} is not percent-encoded text`)
  }
}

// Azure reads `se` as a decimal number, and applications that divide milliseconds send a fraction.
const EXPIRY = /^([0-9]+)(?:\.[0-9]+)?$/

function expiryOf(se: string): Timestamp {
  const digits = EXPIRY.exec(se)?.[1]
  if (digits === undefined || digits.length > EXPIRY_DIGITS_MAX || se.length > EXPIRY_DIGITS_MAX * 2) {
    throw new TokenError('bad-expiry', 'se is a number of seconds')
  }
  return timestampOf(Math.min(Number(digits) * 1000, LAST_TIMESTAMP_MS))
}

function signatureOf(sig: string): Uint8Array {
  const bytes = decodeBase64(decoded(sig, 'sig'))
  if (bytes?.length !== SIGNATURE_BYTES) {
    throw new TokenError('bad-signature', `sig is base64 of ${SIGNATURE_BYTES} bytes`)
  }
  return bytes
}
