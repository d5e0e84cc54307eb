/**
 * One telemetry message as bytes, in batches and history pages. Written once a message on the hot path, so what does
 * not change during a connection is encoded once (`encodePrefix`) and copied.
 *
 *     u32  bytes that follow
 *     u8   flags: 1 will, 2 retained
 *     u48  enqueued time, milliseconds since 1970
 *     prefix: u8+device  u8+module  u8+generation  u8 authentication code [u16+text if 0]  u16+model
 *     u16+bag
 *     body: the rest
 *
 * Big-endian; texts are UTF-8; an absent module or model has length 0. A value has one encoding, decoding refuses others.
 */

import { type Timestamp, timestampOf } from '@holdfast/base'
import { MessagingError } from './errors.ts'
import { RECORD_BYTES_MAX } from './limits.ts'
import type { TelemetryMessage } from './telemetry-message.ts'

/** What a connection's messages have in common. */
export interface RecordOrigin {
  readonly deviceId: string
  readonly moduleId?: string
  readonly generationId: string
  readonly authMethod: string
  readonly modelId?: string
}

export const FLAG_WILL = 1
export const FLAG_RETAINED = 2
const FLAGS_KNOWN = FLAG_WILL | FLAG_RETAINED

/** Bytes of a record before its prefix. */
export const RECORD_HEAD_BYTES = 11
/** The least a record can be: head, a prefix of one-byte ids, an empty bag. */
const RECORD_BYTES_MIN = RECORD_HEAD_BYTES + 10

/**
 * Authentication methods as the hub writes them (azure-iot.md section 5.6), so that a byte stands for seventy.
 * Append only: the position is on disk.
 */
const AUTH_METHODS: readonly string[] = ['device', 'module', 'hub'].flatMap((scope) =>
  [
    ['sas', 'iothub'],
    ['x509', 'iothub'],
    ['x509', 'external'],
  ].map(([type, issuer]) => JSON.stringify({ scope, type, issuer, acceptingIpFilterRule: null })),
)

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * The bytes every record of a connection shares.
 * @throws TypeError if an id is empty or longer than 255 bytes, or a text longer than 65,535: the caller checked them.
 */
export function encodePrefix(origin: RecordOrigin): Uint8Array {
  const parts: Uint8Array[] = []
  short(parts, origin.deviceId, 1)
  short(parts, origin.moduleId ?? '', origin.moduleId === undefined ? 0 : 1)
  short(parts, origin.generationId, 0)
  const known = AUTH_METHODS.indexOf(origin.authMethod)
  parts.push(Uint8Array.of(known + 1))
  if (known < 0) long(parts, origin.authMethod)
  if (origin.modelId === '') throw new TypeError('an empty model id is no model id')
  long(parts, origin.modelId ?? '')
  return concat(parts)
}

/** Size of the record that `writeRecord` makes. */
export function recordBytes(prefix: Uint8Array, bag: Uint8Array, body: Uint8Array): number {
  return RECORD_HEAD_BYTES + prefix.length + 2 + bag.length + body.length
}

/** Writes one record at `at`; the caller made room for `recordBytes` and bounded bag and body. Returns the end. */
export function writeRecord(
  into: Uint8Array,
  at: number,
  record: {
    readonly prefix: Uint8Array
    readonly enqueued: number
    readonly flags: number
    readonly bag: Uint8Array
    readonly body: Uint8Array
  },
): number {
  const { prefix, enqueued, flags, bag, body } = record
  const length = recordBytes(prefix, bag, body) - 4
  const high = Math.floor(enqueued / 0x1_0000_0000)
  into[at] = length >>> 24
  into[at + 1] = length >>> 16
  into[at + 2] = length >>> 8
  into[at + 3] = length
  into[at + 4] = flags
  into[at + 5] = high >>> 8
  into[at + 6] = high
  into[at + 7] = enqueued >>> 24
  into[at + 8] = enqueued >>> 16
  into[at + 9] = enqueued >>> 8
  into[at + 10] = enqueued
  into.set(prefix, at + RECORD_HEAD_BYTES)
  let end = at + RECORD_HEAD_BYTES + prefix.length
  into[end] = bag.length >>> 8
  into[end + 1] = bag.length
  end += 2
  if (bag.length > 0) into.set(bag, end)
  end += bag.length
  into.set(body, end)
  return end + body.length
}

/**
 * End of the record that starts at `at`, for walking over records without decoding them.
 * @throws MessagingError `damaged` if no whole record of legal size stands there.
 */
export function recordEnd(bytes: Uint8Array, at: number): number {
  if (at + 4 > bytes.length) throw damaged()
  const end = at + 4 + u32(bytes, at)
  if (end > bytes.length || end - at > RECORD_BYTES_MAX || end - at < RECORD_BYTES_MIN) throw damaged()
  return end
}

/** Enqueued time of the record at `at`, whose bounds `recordEnd` has checked. */
export function recordTime(bytes: Uint8Array, at: number): Timestamp {
  const high = ((bytes[at + 5] ?? 0) << 8) | (bytes[at + 6] ?? 0)
  return timestampOf(high * 0x1_0000_0000 + u32(bytes, at + 7))
}

/**
 * Device of the record at `at`, for regrouping without decoding the rest; `end` from `recordEnd`.
 * @throws MessagingError `damaged`
 */
export function recordDevice(bytes: Uint8Array, at: number, end: number): string {
  const from = at + RECORD_HEAD_BYTES
  const to = from + 1 + (bytes[from] ?? 0)
  if (to > end) throw damaged()
  return text(bytes, from + 1, to)
}

/**
 * Decodes exactly the record in `bytes[at, end)`. Bodies are views into `bytes`, not copies.
 * @throws MessagingError `damaged` on anything `writeRecord` does not make.
 */
export function decodeRecord(
  bytes: Uint8Array,
  span: { readonly at: number; readonly end: number },
  place: { readonly partition: number; readonly sequenceNumber: number; readonly offset: number },
): TelemetryMessage {
  const cursor = new Cursor(bytes, span.at + 4, span.end)
  const flags = cursor.u8()
  if ((flags & ~FLAGS_KNOWN) !== 0) throw damaged()
  const enqueuedTime = recordTime(bytes, span.at)
  cursor.skip(6)
  const deviceId = cursor.text(cursor.u8())
  if (deviceId === '') throw damaged()
  const moduleId = cursor.text(cursor.u8())
  const generationId = cursor.text(cursor.u8())
  const authMethod = cursor.authMethod()
  const modelId = cursor.text(cursor.u16())
  const bag = cursor.text(cursor.u16())
  return {
    partition: place.partition,
    sequenceNumber: place.sequenceNumber,
    offset: place.offset,
    enqueuedTime,
    deviceId,
    ...(moduleId === '' ? {} : { moduleId }),
    generationId,
    authMethod,
    ...(modelId === '' ? {} : { modelId }),
    bag,
    isWill: (flags & FLAG_WILL) !== 0,
    isRetained: (flags & FLAG_RETAINED) !== 0,
    body: cursor.rest(),
  }
}

class Cursor {
  readonly #bytes: Uint8Array
  readonly #end: number
  #at: number

  constructor(bytes: Uint8Array, at: number, end: number) {
    this.#bytes = bytes
    this.#at = at
    this.#end = end
  }

  skip(count: number): number {
    const from = this.#at
    this.#at += count
    if (this.#at > this.#end) throw damaged()
    return from
  }

  u8(): number {
    return this.#bytes[this.skip(1)] ?? 0
  }

  u16(): number {
    return (this.u8() << 8) | this.u8()
  }

  text(length: number): string {
    const from = this.skip(length)
    return length === 0 ? '' : text(this.#bytes, from, from + length)
  }

  authMethod(): string {
    const code = this.u8()
    if (code > 0) {
      const known = AUTH_METHODS[code - 1]
      if (known === undefined) throw damaged()
      return known
    }
    const method = this.text(this.u16())
    if (AUTH_METHODS.includes(method)) throw damaged() // It has a code; two encodings of one value are one too many.
    return method
  }

  rest(): Uint8Array {
    return this.#bytes.subarray(this.#at, this.#end)
  }
}

function damaged(cause?: unknown): MessagingError {
  return new MessagingError('damaged', 'the bytes are no telemetry record', { cause })
}

function text(bytes: Uint8Array, from: number, to: number): string {
  try {
    return decoder.decode(bytes.subarray(from, to))
  } catch (error) {
    throw damaged(error)
  }
}

function u32(bytes: Uint8Array, at: number): number {
  const [a, b, c, d] = [bytes[at] ?? 0, bytes[at + 1] ?? 0, bytes[at + 2] ?? 0, bytes[at + 3] ?? 0]
  return a * 0x100_0000 + ((b << 16) | (c << 8) | d)
}

function short(parts: Uint8Array[], value: string, least: number): void {
  const bytes = encoder.encode(value)
  if (bytes.length < least || bytes.length > 255) throw new TypeError('an id of a record has 1 to 255 bytes')
  parts.push(Uint8Array.of(bytes.length), bytes)
}

function long(parts: Uint8Array[], value: string): void {
  const bytes = encoder.encode(value)
  if (bytes.length > 2_048) throw new TypeError('a text of a record has at most 2,048 bytes')
  parts.push(Uint8Array.of(bytes.length >>> 8, bytes.length), bytes)
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
