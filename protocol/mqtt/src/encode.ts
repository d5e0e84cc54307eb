/**
 * Packets to bytes: MQTT 3.1.1 §2 and §3. What it is given is our own, so that a wrong value is a TypeError: a bug.
 *
 * The bytes returned are to be written to a connection: short ones share an ArrayBuffer with others, so that their
 * `.buffer` must never be transferred or looked at, and those of constant packets are shared and must not be changed.
 */

import { lengthDigits, TYPE } from './fixed-header.ts'
import { FIELD_BYTES_MAX, PACKET_ID_MAX, REMAINING_LENGTH_MAX } from './limits.ts'
import type {
  Connack,
  Connect,
  Packet,
  Publish,
  Qos,
  Suback,
  SubackCode,
  Subscribe,
  SubscriptionRequest,
  Unsubscribe,
} from './packet.ts'
import { isText, isTopicFilter, isTopicName } from './text.ts'

/** What a PUBLISH to be encoded needs; `dup` false and `retain` false unless said. */
export interface PublishFields {
  readonly topic: string
  readonly payload: Uint8Array
  readonly qos: Qos
  readonly retain?: boolean
  readonly dup?: boolean
  /** 1 to 65535 when `qos` is 1 or 2; else left out or 0. */
  readonly packetId?: number
}

const PINGREQ = Buffer.from([TYPE.pingreq << 4, 0])
const PINGRESP = Buffer.from([TYPE.pingresp << 4, 0])
const DISCONNECT = Buffer.from([TYPE.disconnect << 4, 0])

/** §3.12. A shared constant. */
export function encodePingreq(): Uint8Array {
  return PINGREQ
}

/** §3.13. A shared constant. */
export function encodePingresp(): Uint8Array {
  return PINGRESP
}

/** §3.14. A shared constant. */
export function encodeDisconnect(): Uint8Array {
  return DISCONNECT
}

/** Any packet. @throws TypeError on values MQTT cannot say. */
export function encode(packet: Packet): Uint8Array {
  switch (packet.type) {
    case 'connect':
      return encodeConnect(packet)
    case 'connack':
      return encodeConnack(packet)
    case 'publish':
      return encodePublish(packet)
    case 'puback':
      return encodeIdOnly(TYPE.puback << 4, packet.packetId)
    case 'pubrec':
      return encodeIdOnly(TYPE.pubrec << 4, packet.packetId)
    case 'pubrel':
      return encodeIdOnly((TYPE.pubrel << 4) | 2, packet.packetId)
    case 'pubcomp':
      return encodeIdOnly(TYPE.pubcomp << 4, packet.packetId)
    case 'subscribe':
      return encodeSubscribe(packet.packetId, packet.requests)
    case 'suback':
      return encodeSuback(packet.packetId, packet.codes)
    case 'unsubscribe':
      return encodeUnsubscribe(packet.packetId, packet.filters)
    case 'unsuback':
      return encodeUnsuback(packet.packetId)
    case 'pingreq':
      return PINGREQ
    case 'pingresp':
      return PINGRESP
    case 'disconnect':
      return DISCONNECT
  }
}

/** §3.1. */
export function encodeConnect(connect: Omit<Connect, 'type' | 'protocolLevel'>): Uint8Array {
  const { clientId, username, password, will, keepAliveSeconds } = connect
  if (password !== undefined && username === undefined) throw new TypeError('a password needs a username')
  if (!(Number.isInteger(keepAliveSeconds) && keepAliveSeconds >= 0 && keepAliveSeconds <= 65_535))
    throw new TypeError('keepAliveSeconds is a whole number from 0 to 65535')
  if (will !== undefined && !isTopicName(will.topic)) throw new TypeError('the topic of a will is a topic name')
  let length = 10 + textBytes(clientId)
  if (will !== undefined) length += textBytes(will.topic) + binaryBytes(will.payload)
  if (username !== undefined) length += textBytes(username)
  if (password !== undefined) length += binaryBytes(password)
  const writer = new Writer(TYPE.connect << 4, length)
  writer.text('MQTT')
  writer.uint8(4)
  writer.uint8(
    (connect.cleanSession ? 0x02 : 0) |
      (will === undefined ? 0 : 0x04 | (will.qos << 3) | (will.retain ? 0x20 : 0)) |
      (password === undefined ? 0 : 0x40) |
      (username === undefined ? 0 : 0x80),
  )
  writer.uint16(keepAliveSeconds)
  writer.text(clientId)
  if (will !== undefined) {
    writer.text(will.topic)
    writer.binary(will.payload)
  }
  if (username !== undefined) writer.text(username)
  if (password !== undefined) writer.binary(password)
  return writer.bytes
}

/** §3.2. */
export function encodeConnack(connack: Omit<Connack, 'type'>): Uint8Array {
  if (connack.sessionPresent && connack.returnCode !== 0) throw new TypeError('a refusal has no session present')
  return Buffer.from([TYPE.connack << 4, 2, connack.sessionPresent ? 1 : 0, connack.returnCode])
}

/** §3.3. The payload is copied. */
export function encodePublish(publish: Publish | PublishFields): Uint8Array {
  const { topic, payload, qos, packetId = 0 } = publish
  if (!isTopicName(topic)) throw new TypeError('a topic name is text without wildcards and not empty')
  if (qos === 0 && (publish.dup === true || packetId !== 0)) throw new TypeError('QoS 0 has neither DUP nor an id')
  if (qos !== 0) checkPacketId(packetId)
  const length = textBytes(topic) + (qos === 0 ? 0 : 2) + payload.length
  const first = (TYPE.publish << 4) | (publish.dup === true ? 8 : 0) | (qos << 1) | (publish.retain === true ? 1 : 0)
  const writer = new Writer(first, length)
  writer.text(topic)
  if (qos !== 0) writer.uint16(packetId)
  writer.rest(payload)
  return writer.bytes
}

/** Sets DUP in the bytes of a PUBLISH, in place: `bytes` must be the caller's own. [MQTT-3.3.1-1] */
export function markDuplicate(bytes: Uint8Array): void {
  const first = bytes[0]
  if (first === undefined || first >> 4 !== TYPE.publish || (first & 6) === 0)
    throw new TypeError('only a PUBLISH of QoS 1 or 2 can be a duplicate')
  bytes[0] = first | 8
}

/** §3.4. */
export function encodePuback(packetId: number): Uint8Array {
  return encodeIdOnly(TYPE.puback << 4, packetId)
}

/** One PUBACK for each id, in order, ready for a single write. */
export function encodePubacks(packetIds: readonly number[]): Uint8Array {
  const bytes = Buffer.allocUnsafe(4 * packetIds.length)
  let at = 0
  for (const packetId of packetIds) {
    checkPacketId(packetId)
    bytes[at] = TYPE.puback << 4
    bytes[at + 1] = 2
    bytes[at + 2] = packetId >> 8
    bytes[at + 3] = packetId & 0xff
    at += 4
  }
  return bytes
}

/** §3.8. */
export function encodeSubscribe(packetId: number, requests: Subscribe['requests']): Uint8Array {
  checkPacketId(packetId)
  if (requests.length === 0) throw new TypeError('a SUBSCRIBE names at least one filter')
  let length = 2
  for (const request of requests) length += filterBytes(request.filter) + 1
  const writer = new Writer((TYPE.subscribe << 4) | 2, length)
  writer.uint16(packetId)
  for (const request of requests) writeRequest(writer, request)
  return writer.bytes
}

function writeRequest(writer: Writer, request: SubscriptionRequest): void {
  writer.text(request.filter)
  writer.uint8(request.qos)
}

/** §3.9. */
export function encodeSuback(packetId: number, codes: Suback['codes']): Uint8Array {
  checkPacketId(packetId)
  if (codes.length === 0) throw new TypeError('a SUBACK holds at least one code')
  const writer = new Writer(TYPE.suback << 4, 2 + codes.length)
  writer.uint16(packetId)
  for (const code of codes satisfies readonly SubackCode[]) writer.uint8(code)
  return writer.bytes
}

/** §3.10. */
export function encodeUnsubscribe(packetId: number, filters: Unsubscribe['filters']): Uint8Array {
  checkPacketId(packetId)
  if (filters.length === 0) throw new TypeError('an UNSUBSCRIBE names at least one filter')
  let length = 2
  for (const filter of filters) length += filterBytes(filter)
  const writer = new Writer((TYPE.unsubscribe << 4) | 2, length)
  writer.uint16(packetId)
  for (const filter of filters) writer.text(filter)
  return writer.bytes
}

/** §3.11. */
export function encodeUnsuback(packetId: number): Uint8Array {
  return encodeIdOnly(TYPE.unsuback << 4, packetId)
}

function encodeIdOnly(first: number, packetId: number): Uint8Array {
  checkPacketId(packetId)
  const bytes = Buffer.allocUnsafe(4)
  bytes[0] = first
  bytes[1] = 2
  bytes[2] = packetId >> 8
  bytes[3] = packetId & 0xff
  return bytes
}

function checkPacketId(packetId: number): void {
  if (!(Number.isInteger(packetId) && packetId >= 1 && packetId <= PACKET_ID_MAX))
    throw new TypeError('a packet identifier is a whole number from 1 to 65535')
}

function filterBytes(filter: string): number {
  if (!isTopicFilter(filter)) throw new TypeError('not a topic filter')
  return textBytes(filter)
}

function textBytes(text: string): number {
  if (!isText(text)) throw new TypeError('MQTT text is well-formed and has no U+0000')
  return fieldBytes(Buffer.byteLength(text))
}

function binaryBytes(bytes: Uint8Array): number {
  return fieldBytes(bytes.length)
}

function fieldBytes(length: number): number {
  if (length > FIELD_BYTES_MAX) throw new TypeError('a field is at most 65535 bytes')
  return 2 + length
}

/** Writes one packet of known length from front to back. */
class Writer {
  readonly bytes: Buffer
  #at: number

  constructor(first: number, length: number) {
    if (length > REMAINING_LENGTH_MAX) throw new TypeError('a packet holds at most 268435455 bytes')
    const bytes = Buffer.allocUnsafe(1 + lengthDigits(length) + length)
    bytes[0] = first
    let at = 1
    let rest = length
    while (rest >= 0x80) {
      bytes[at++] = (rest & 0x7f) | 0x80
      rest >>= 7
    }
    bytes[at++] = rest
    this.bytes = bytes
    this.#at = at
  }

  uint8(value: number): void {
    this.bytes[this.#at++] = value
  }

  uint16(value: number): void {
    this.bytes[this.#at++] = value >> 8
    this.bytes[this.#at++] = value & 0xff
  }

  text(text: string): void {
    const length = this.bytes.write(text, this.#at + 2, 'utf8')
    this.uint16(length)
    this.#at += length
  }

  binary(bytes: Uint8Array): void {
    this.uint16(bytes.length)
    this.rest(bytes)
  }

  rest(bytes: Uint8Array): void {
    this.bytes.set(bytes, this.#at)
    this.#at += bytes.length
  }
}
