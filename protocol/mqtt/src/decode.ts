/** Bytes to packets: MQTT 3.1.1 §2 and §3, nothing that the standard forbids let through. */

import { DecodeError } from './errors.ts'
import { bodyStart, byteAt, packetLength, TYPE, uint16At } from './fixed-header.ts'
import { PACKET_ID_MAX, REMAINING_LENGTH_MAX, SUBSCRIBE_FILTERS_MAX } from './limits.ts'
import type {
  Connack,
  ConnackCode,
  Connect,
  Packet,
  Publish,
  Qos,
  SubackCode,
  SubscriptionRequest,
  Will,
} from './packet.ts'
import { decodeText, decodeTopicName, isSameText, isTopicFilter } from './text.ts'

/**
 * Decodes exactly one packet. The payload of a PUBLISH is a view of `bytes`.
 * @throws DecodeError for whatever is wrong; `truncated` when the packet is not whole, `trailing-bytes` when more follows.
 */
export function decode(bytes: Uint8Array): Packet {
  const buffer = bufferOver(bytes)
  const length = packetLength(buffer, 0, buffer.length, REMAINING_LENGTH_MAX + 5)
  if (length === 0 || length > buffer.length) throw new DecodeError('truncated')
  if (length < buffer.length) throw new DecodeError('trailing-bytes')
  return decodePacket(buffer, 0, bodyStart(buffer, 0), length, '')
}

/** The same bytes as a Buffer, which slices text faster; nothing is copied. */
export function bufferOver(bytes: Uint8Array): Buffer {
  return bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/**
 * Decodes the packet whose first byte is at `start` and whose body lies from `at` to `end`. Its header was checked.
 * @param knownTopic an ASCII topic name (or ''): a PUBLISH to that topic gets this very string.
 */
export function decodePacket(bytes: Buffer, start: number, at: number, end: number, knownTopic: string): Packet {
  const first = byteAt(bytes, start)
  switch (first >> 4) {
    case TYPE.publish:
      return decodePublish(bytes, first, at, end, knownTopic)
    case TYPE.puback:
      return { type: 'puback', packetId: soleId(bytes, at, end) }
    case TYPE.connect:
      return decodeConnect(new Fields(bytes, at, end))
    case TYPE.connack:
      return decodeConnack(new Fields(bytes, at, end))
    case TYPE.pubrec:
      return { type: 'pubrec', packetId: soleId(bytes, at, end) }
    case TYPE.pubrel:
      return { type: 'pubrel', packetId: soleId(bytes, at, end) }
    case TYPE.pubcomp:
      return { type: 'pubcomp', packetId: soleId(bytes, at, end) }
    case TYPE.subscribe:
      return decodeSubscribe(new Fields(bytes, at, end))
    case TYPE.suback:
      return decodeSuback(new Fields(bytes, at, end))
    case TYPE.unsubscribe:
      return decodeUnsubscribe(new Fields(bytes, at, end))
    case TYPE.unsuback:
      return { type: 'unsuback', packetId: soleId(bytes, at, end) }
    case TYPE.pingreq:
      return bare('pingreq', at, end)
    case TYPE.pingresp:
      return bare('pingresp', at, end)
    case TYPE.disconnect:
      return bare('disconnect', at, end)
    default:
      throw new DecodeError('packet-type')
  }
}

function decodePublish(bytes: Buffer, first: number, at: number, end: number, knownTopic: string): Publish {
  const qos = (first >> 1) & 3
  const dup = (first & 8) !== 0
  if (qos === 3) throw new DecodeError('qos') // [MQTT-3.3.1-4]
  if (dup && qos === 0) throw new DecodeError('dup') // [MQTT-3.3.1-2]
  const topicStart = at + 2
  if (topicStart > end) throw new DecodeError('truncated')
  const topicEnd = topicStart + uint16At(bytes, at)
  const payloadStart = qos === 0 ? topicEnd : topicEnd + 2
  if (payloadStart > end) throw new DecodeError('truncated')
  let packetId = 0
  if (qos !== 0) {
    packetId = uint16At(bytes, topicEnd)
    if (packetId === 0) throw new DecodeError('packet-id') // [MQTT-2.3.1-1]
  }
  const topic =
    knownTopic.length !== 0 && knownTopic.length === topicEnd - topicStart && isSameText(knownTopic, bytes, topicStart)
      ? knownTopic
      : decodeTopicName(bytes, topicStart, topicEnd)
  return {
    type: 'publish',
    topic,
    payload: new Uint8Array(bytes.buffer, bytes.byteOffset + payloadStart, end - payloadStart),
    qos: qos === 0 ? 0 : qos === 1 ? 1 : 2,
    retain: (first & 1) !== 0,
    dup,
    packetId,
  }
}

/** The body of the packets that hold a packet identifier and nothing else. */
function soleId(bytes: Buffer, at: number, end: number): number {
  if (end - at < 2) throw new DecodeError('truncated')
  if (end - at > 2) throw new DecodeError('trailing-bytes')
  const packetId = uint16At(bytes, at)
  if (packetId === 0) throw new DecodeError('packet-id')
  return packetId
}

function bare<T extends 'pingreq' | 'pingresp' | 'disconnect'>(type: T, at: number, end: number): { readonly type: T } {
  if (at !== end) throw new DecodeError('trailing-bytes')
  return { type }
}

function decodeConnect(fields: Fields): Connect {
  // [MQTT-3.1.2-1] §3.1.2.1
  const name = fields.binary()
  if (name.length !== 4 || name.toString('latin1') !== 'MQTT') throw new DecodeError('protocol-name')
  // [MQTT-3.1.2-2] What follows has another form in other levels, so that decoding ends here.
  if (fields.uint8() !== 4) throw new DecodeError('protocol-level')
  const flags = fields.uint8()
  const cleanSession = (flags & 0x02) !== 0
  const hasWill = (flags & 0x04) !== 0
  const willQos = qosOf((flags >> 3) & 3) // [MQTT-3.1.2-14]
  const willRetain = (flags & 0x20) !== 0
  const hasPassword = (flags & 0x40) !== 0
  const hasUsername = (flags & 0x80) !== 0
  // [MQTT-3.1.2-3] [MQTT-3.1.2-13] [MQTT-3.1.2-15] [MQTT-3.1.2-22]
  const contradicts = (!hasWill && (willQos !== 0 || willRetain)) || (!hasUsername && hasPassword)
  if ((flags & 0x01) !== 0 || contradicts) throw new DecodeError('connect-flags')
  const keepAliveSeconds = fields.uint16()
  const clientId = fields.text()
  let will: Will | undefined
  if (hasWill) {
    const topic = fields.topicName()
    will = { topic, payload: new Uint8Array(fields.binary()), qos: willQos, retain: willRetain }
  }
  const username = hasUsername ? fields.text() : undefined
  const password = hasPassword ? new Uint8Array(fields.binary()) : undefined
  fields.end()
  return {
    type: 'connect',
    protocolLevel: 4,
    clientId,
    cleanSession,
    keepAliveSeconds,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(will !== undefined && { will }),
  }
}

function decodeConnack(fields: Fields): Connack {
  const flags = fields.uint8()
  const code = fields.uint8()
  fields.end()
  const returnCode = CONNACK_CODES[code]
  // §3.2.2.1: bits 7-1 are reserved. [MQTT-3.2.2-4] A refusal never carries Session Present.
  if (flags > 1 || returnCode === undefined || (flags === 1 && returnCode !== 0))
    throw new DecodeError('connack-fields')
  return { type: 'connack', sessionPresent: flags === 1, returnCode }
}

const CONNACK_CODES: readonly ConnackCode[] = [0, 1, 2, 3, 4, 5]

function decodeSubscribe(fields: Fields): Packet {
  const packetId = fields.packetId()
  const requests: SubscriptionRequest[] = []
  while (fields.hasMore()) {
    if (requests.length === SUBSCRIBE_FILTERS_MAX) throw new DecodeError('too-many-filters')
    const filter = fields.topicFilter()
    const options = fields.uint8()
    if (options > 3) throw new DecodeError('qos') // [MQTT-3.8.3-4] The six upper bits are reserved.
    requests.push({ filter, qos: qosOf(options) })
  }
  if (requests.length === 0) throw new DecodeError('no-filters') // [MQTT-3.8.3-3]
  return { type: 'subscribe', packetId, requests }
}

function decodeSuback(fields: Fields): Packet {
  const packetId = fields.packetId()
  const codes: SubackCode[] = []
  while (fields.hasMore()) {
    if (codes.length === SUBSCRIBE_FILTERS_MAX) throw new DecodeError('too-many-filters')
    const code = fields.uint8()
    if (code !== 0 && code !== 1 && code !== 2 && code !== 128) throw new DecodeError('suback-code') // [MQTT-3.9.3-2]
    codes.push(code)
  }
  if (codes.length === 0) throw new DecodeError('truncated')
  return { type: 'suback', packetId, codes }
}

function decodeUnsubscribe(fields: Fields): Packet {
  const packetId = fields.packetId()
  const filters: string[] = []
  while (fields.hasMore()) {
    if (filters.length === SUBSCRIBE_FILTERS_MAX) throw new DecodeError('too-many-filters')
    filters.push(fields.topicFilter())
  }
  if (filters.length === 0) throw new DecodeError('no-filters') // [MQTT-3.10.3-2]
  return { type: 'unsubscribe', packetId, filters }
}

function qosOf(bits: number): Qos {
  if (bits === 0 || bits === 1 || bits === 2) return bits
  throw new DecodeError('qos')
}

/** Takes the fields of one body from front to back and never reads beyond it. */
class Fields {
  readonly #bytes: Buffer
  readonly #end: number
  #at: number

  constructor(bytes: Buffer, at: number, end: number) {
    this.#bytes = bytes
    this.#at = at
    this.#end = end
  }

  hasMore(): boolean {
    return this.#at < this.#end
  }

  /** Ends the packet: nothing may be left. */
  end(): void {
    if (this.#at !== this.#end) throw new DecodeError('trailing-bytes')
  }

  uint8(): number {
    return byteAt(this.#bytes, this.#take(1))
  }

  uint16(): number {
    return uint16At(this.#bytes, this.#take(2))
  }

  packetId(): number {
    const id = this.uint16()
    if (id === 0 || id > PACKET_ID_MAX) throw new DecodeError('packet-id') // [MQTT-2.3.1-1]
    return id
  }

  /** A view. */
  binary(): Buffer {
    const length = this.uint16()
    const start = this.#take(length)
    return this.#bytes.subarray(start, start + length)
  }

  text(): string {
    const length = this.uint16()
    const start = this.#take(length)
    return decodeText(this.#bytes, start, start + length)
  }

  topicName(): string {
    const length = this.uint16()
    const start = this.#take(length)
    return decodeTopicName(this.#bytes, start, start + length)
  }

  topicFilter(): string {
    const filter = this.text()
    if (!isTopicFilter(filter)) throw new DecodeError('topic-filter')
    return filter
  }

  #take(length: number): number {
    const start = this.#at
    if (this.#end - start < length) throw new DecodeError('truncated')
    this.#at = start + length
    return start
  }
}
