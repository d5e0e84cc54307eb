/** A message as it comes (AMQP 1.0 part 3, §3.2): its sections, read once and bounded. */

import { AmqpError } from './errors.ts'
import { Described, Uuid, type Value, ValueReader } from './value-reader.ts'

/** What a message is called (§3.2.11 to §3.2.14); it is given back with the type it came with. */
export type MessageId = string | number | bigint | Uint8Array | Uuid

export type AmqpBody =
  | { readonly kind: 'none' }
  /** Data sections, joined. */
  | { readonly kind: 'data'; readonly bytes: Uint8Array }
  | { readonly kind: 'value'; readonly value: Value }
  | { readonly kind: 'sequence'; readonly values: readonly Value[] }

export interface AmqpMessage {
  readonly messageId?: MessageId
  readonly userId?: Uint8Array
  readonly to?: string
  readonly subject?: string
  readonly replyTo?: string
  readonly correlationId?: MessageId
  readonly contentType?: string
  readonly contentEncoding?: string
  /** Milliseconds since 1970. */
  readonly absoluteExpiryTime?: number
  readonly creationTime?: number
  readonly messageAnnotations: ReadonlyMap<Value, Value>
  readonly applicationProperties: ReadonlyMap<Value, Value>
  readonly body: AmqpBody
  /** Bytes of the whole encoded message. */
  readonly bytes: number
}

const HEADER = 0x70
const DELIVERY_ANNOTATIONS = 0x71
const MESSAGE_ANNOTATIONS = 0x72
export const PROPERTIES = 0x73
export const APPLICATION_PROPERTIES = 0x74
export const DATA = 0x75
const SEQUENCE = 0x76
export const VALUE = 0x77
const FOOTER = 0x78
const SYMBOLIC: ReadonlyMap<Value, number> = new Map([
  ['amqp:header:list', HEADER],
  ['amqp:delivery-annotations:map', DELIVERY_ANNOTATIONS],
  ['amqp:message-annotations:map', MESSAGE_ANNOTATIONS],
  ['amqp:properties:list', PROPERTIES],
  ['amqp:application-properties:map', APPLICATION_PROPERTIES],
  ['amqp:data:binary', DATA],
  ['amqp:amqp-sequence:list', SEQUENCE],
  ['amqp:amqp-value:*', VALUE],
  ['amqp:value:*', VALUE],
  ['amqp:footer:map', FOOTER],
])
const SECTIONS_MAX = 512
const NOTHING: ReadonlyMap<Value, Value> = new Map()

/**
 * Reads the sections of one message.
 * @throws AmqpError `amqp:decode-error`, `amqp:resource-limit-exceeded`.
 */
export function decodeMessage(bytes: Uint8Array): AmqpMessage {
  const reader = new ValueReader(bytes)
  let fields: readonly Value[] = []
  let messageAnnotations = NOTHING
  let applicationProperties = NOTHING
  const data: Uint8Array[] = []
  const sequences: Value[] = []
  let value: { readonly value: Value } | undefined
  let last = 0
  for (let sections = 0; !reader.isAtEnd; sections += 1) {
    if (sections >= SECTIONS_MAX) throw new AmqpError('amqp:resource-limit-exceeded', 'a message has too many sections')
    const section = reader.read()
    if (!(section instanceof Described)) throw malformed('a section of a message is a described value')
    const code = typeof section.descriptor === 'number' ? section.descriptor : (SYMBOLIC.get(section.descriptor) ?? 0)
    // §3.2: each at most once and in this order, but data and sequences, of which there may be many.
    if (code < last || (code === last && code !== DATA && code !== SEQUENCE)) throw malformed('sections out of order')
    last = code
    switch (code) {
      case HEADER:
        listOf(section.value)
        break
      case DELIVERY_ANNOTATIONS:
      case FOOTER:
        mapOf(section.value)
        break
      case MESSAGE_ANNOTATIONS:
        messageAnnotations = mapOf(section.value)
        break
      case PROPERTIES:
        fields = listOf(section.value)
        break
      case APPLICATION_PROPERTIES:
        applicationProperties = mapOf(section.value)
        break
      case DATA:
        if (!(section.value instanceof Uint8Array)) throw malformed('data is binary')
        data.push(section.value)
        break
      case SEQUENCE:
        sequences.push(...listOf(section.value))
        break
      case VALUE:
        value = { value: section.value }
        break
      default:
        throw malformed('an unknown section')
    }
  }
  const kinds = (data.length > 0 ? 1 : 0) + (sequences.length > 0 ? 1 : 0) + (value === undefined ? 0 : 1)
  if (kinds > 1) throw malformed('a message has one kind of body')
  return {
    ...propertiesOf(fields),
    messageAnnotations,
    applicationProperties,
    body:
      value !== undefined
        ? { kind: 'value', value: value.value }
        : data.length > 0
          ? { kind: 'data', bytes: data.length === 1 && data[0] !== undefined ? data[0] : Buffer.concat(data) }
          : sequences.length > 0
            ? { kind: 'sequence', values: sequences }
            : { kind: 'none' },
    bytes: bytes.length,
  }
}

function propertiesOf(fields: readonly Value[]): Properties {
  const [messageId, userId, to, subject, replyTo, correlationId, contentType, contentEncoding, expiry, created] = fields
  return {
    ...(isNothing(messageId) ? {} : { messageId: idOf(messageId) }),
    ...(isNothing(userId) ? {} : { userId: bytesOf(userId) }),
    ...(isNothing(to) ? {} : { to: textOf(to) }),
    ...(isNothing(subject) ? {} : { subject: textOf(subject) }),
    ...(isNothing(replyTo) ? {} : { replyTo: textOf(replyTo) }),
    ...(isNothing(correlationId) ? {} : { correlationId: idOf(correlationId) }),
    ...(isNothing(contentType) ? {} : { contentType: textOf(contentType) }),
    ...(isNothing(contentEncoding) ? {} : { contentEncoding: textOf(contentEncoding) }),
    ...(isNothing(expiry) ? {} : { absoluteExpiryTime: timeOf(expiry) }),
    ...(isNothing(created) ? {} : { creationTime: timeOf(created) }),
  }
}

type Properties = Omit<AmqpMessage, 'messageAnnotations' | 'applicationProperties' | 'body' | 'bytes'>

function isNothing(value: Value | undefined): value is null | undefined {
  return value === undefined || value === null
}

function idOf(value: Value): MessageId {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint') return value
  if (value instanceof Uuid || value instanceof Uint8Array) return value
  throw malformed('an id of a message has the wrong type')
}

function textOf(value: Value): string {
  if (typeof value !== 'string') throw malformed('a property of a message has the wrong type')
  return value
}

function bytesOf(value: Value): Uint8Array {
  // Some clients send text.
  if (typeof value === 'string') return Buffer.from(value, 'utf8')
  if (!(value instanceof Uint8Array)) throw malformed('a property of a message has the wrong type')
  return value
}

function timeOf(value: Value): number {
  if (typeof value === 'bigint') return value > 0n ? Number.MAX_SAFE_INTEGER : 0
  if (typeof value !== 'number') throw malformed('a time of a message has the wrong type')
  return value
}

function listOf(value: Value): readonly Value[] {
  if (!Array.isArray(value)) throw malformed('a section of a message has the wrong type')
  return value
}

function mapOf(value: Value): ReadonlyMap<Value, Value> {
  if (value === null) return NOTHING
  if (!(value instanceof Map)) throw malformed('a section of a message has the wrong type')
  return value
}

function malformed(message: string): AmqpError {
  return new AmqpError('amqp:decode-error', message)
}
