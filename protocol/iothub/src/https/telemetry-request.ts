/**
 * Telemetry over HTTPS (azure-iot.md §4): headers of one message, and the JSON body of a batch, as the property bags in
 * which messages are kept whatever carried them (§3.2).
 */

import { HubFormatError } from '../errors.ts'
import { BAG_PROPERTIES_MAX } from '../limits.ts'
import type { BagEntry } from '../property-bag.ts'
import { decodeComponent } from '../parameters.ts'

/** The content type that makes a body a batch. */
export const BATCH_CONTENT_TYPE = 'application/vnd.microsoft.iothub.json'

/** Messages of one batch. 256 KB of them are documented; the clients' overhead of 384 bytes makes 682 of the smallest. */
export const BATCH_MESSAGES_MAX = 1_000

/** Prefix of an application property's header, in lower case. */
export const APPLICATION_PREFIX = 'iothub-app-'

/** System properties: header in lower case, and name in a bag. */
const SYSTEM_HEADERS: ReadonlyMap<string, string> = new Map([
  ['iothub-messageid', '$.mid'],
  ['iothub-correlationid', '$.cid'],
  ['iothub-userid', '$.uid'],
  ['iothub-to', '$.to'],
  ['iothub-expiry', '$.exp'],
  ['iothub-contenttype', '$.ct'],
  ['iothub-contentencoding', '$.ce'],
  ['iothub-interface-id', '$.ifid'],
  ['iothub-outputname', '$.on'],
  ['dt-subject', '$.sub'],
  // Of cloud-to-device messages; what a device says of itself with it stays readable as a property.
  ['iothub-ack', 'iothub-ack'],
])

export interface TelemetryItem {
  /** In the order received. */
  readonly entries: readonly BagEntry[]
  readonly body: Uint8Array
}

/**
 * The properties among the headers of a request. Names keep their case; headers that are no message's are passed over.
 * @param headers as received; values are the bytes of the header, one character a byte (RFC 9110 §5.5).
 * @param deviceId Node says in `iothub-to` where it sends to: that is the address, not a property.
 * @throws HubFormatError `bad-message` on a nameless property or on more than 1 024.
 */
export function readTelemetryHeaders(
  headers: Iterable<readonly [string, string]>,
  deviceId: string,
): readonly BagEntry[] {
  const entries: BagEntry[] = []
  for (const [name, value] of headers) {
    const entry = entryOf(name, textOfHeader(value), deviceId)
    if (entry === undefined) continue
    entries.push(entry)
    if (entries.length > BAG_PROPERTIES_MAX) throw tooMany()
  }
  return entries
}

/**
 * The messages of a batch: `[{"body":"…","base64Encoded":true?,"properties":{"iothub-app-x":"v"}}]`. A body is base64
 * unless `base64Encoded` is false; then it is text.
 * @throws HubFormatError `bad-message`, naming the message by its number.
 */
export function readTelemetryBatch(body: Uint8Array, deviceId: string): readonly TelemetryItem[] {
  const list = parseJson(body)
  if (!Array.isArray(list)) throw refused('a batch is a JSON array of messages')
  if (list.length === 0) throw refused('a batch has at least one message')
  if (list.length > BATCH_MESSAGES_MAX) throw refused(`a batch has at most ${BATCH_MESSAGES_MAX} messages`)
  return list.map((item: unknown, at) => readItem(item, at, deviceId))
}

/** What counts against the bound of 256 KB (§10): body, names and values. */
export function telemetryBytes({ entries, body }: TelemetryItem): number {
  return entries.reduce((sum, { name, value }) => sum + utf8Bytes(name) + utf8Bytes(value ?? ''), body.length)
}

function readItem(item: unknown, at: number, deviceId: string): TelemetryItem {
  if (!isObject(item)) throw refused(`message ${at} of the batch is no object`)
  const { body = '', base64Encoded = true, properties = {} } = item
  if (typeof body !== 'string') throw refused(`the body of message ${at} is no text`)
  if (typeof base64Encoded !== 'boolean') throw refused(`base64Encoded of message ${at} is neither true nor false`)
  if (!isObject(properties)) throw refused(`the properties of message ${at} are no object`)
  const entries: BagEntry[] = []
  for (const [name, value] of Object.entries(properties)) {
    if (typeof value !== 'string' && value !== null) throw refused(`a property of message ${at} is no text`)
    if (!name.isWellFormed() || value?.isWellFormed() === false) {
      throw refused(`a property of message ${at} is no text that has a UTF-8 form`)
    }
    const entry = entryOf(name, value, deviceId)
    if (entry !== undefined) entries.push(entry)
    if (entries.length > BAG_PROPERTIES_MAX) throw tooMany()
  }
  if (!base64Encoded && !body.isWellFormed()) throw refused(`the body of message ${at} has no UTF-8 form`)
  const bytes = base64Encoded ? base64Bytes(body) : encoder.encode(body)
  if (bytes === undefined) throw refused(`the body of message ${at} is not base64`)
  return { entries, body: bytes }
}

function entryOf(header: string, value: string | null, deviceId: string): BagEntry | undefined {
  const lower = header.toLowerCase()
  if (lower.startsWith(APPLICATION_PREFIX)) {
    const name = header.slice(APPLICATION_PREFIX.length)
    if (name === '') throw refused('a property has no name')
    // A bag tells system properties by these two characters; an application cannot make any that way.
    if (name.startsWith('$.')) throw refused('the name of an application property begins with $.')
    return { name, value }
  }
  const name = SYSTEM_HEADERS.get(lower)
  if (name === undefined) return undefined
  if (name === '$.to' && isOwnAddress(value ?? '', deviceId)) return undefined
  return { name, value: name === '$.exp' && value !== null ? expiryOf(value) : value }
}

function isOwnAddress(to: string, deviceId: string): boolean {
  const match = /^\/devices\/([^/]+)\/messages\/events\/?$/i.exec(to)
  return match !== null && decodeComponent(match[1] ?? '') === deviceId
}

/** ISO 8601, whatever form of a date it came in (Node sends what `Date` prints); text that is no date stays as it is. */
function expiryOf(text: string): string {
  const time = text.length > 64 ? Number.NaN : Date.parse(text)
  return Number.isNaN(time) ? text : new Date(time).toISOString()
}

const encoder = new TextEncoder()
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function utf8Bytes(text: string): number {
  return encoder.encode(text).length
}

/** Clients in C send UTF-8 in headers, others Latin-1; bytes that are UTF-8 are hardly ever meant to be anything else. */
function textOfHeader(value: string): string {
  let isAscii = true
  const bytes = new Uint8Array(value.length)
  for (let i = 0; i < value.length; i++) {
    const unit = value.charCodeAt(i)
    if (unit > 0xff) return value.toWellFormed()
    if (unit > 0x7f) isAscii = false
    bytes[i] = unit
  }
  if (isAscii) return value
  try {
    return strict.decode(bytes)
  } catch {
    return value
  }
}

function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(strict.decode(body))
  } catch {
    throw refused('the batch is not JSON in UTF-8')
  }
}

/** Base64 with or without its padding, in either alphabet; anything else is refused and not passed over. */
function base64Bytes(text: string): Uint8Array | undefined {
  const bare = text.replace(/={1,2}$/, '')
  if (!/^[A-Za-z0-9+/_-]*$/.test(bare) || bare.length % 4 === 1) return undefined
  const padding = text.length - bare.length
  if (padding > 0 && (bare.length + padding) % 4 !== 0) return undefined
  return new Uint8Array(Buffer.from(bare, 'base64'))
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function tooMany(): HubFormatError {
  return refused(`a message has at most ${BAG_PROPERTIES_MAX} properties`)
}

function refused(message: string): HubFormatError {
  return new HubFormatError('bad-message', message)
}
