/** Our MQTT codec against mqtt-packet, the one that the official SDK for Node and most clients in JavaScript speak with. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decode, DecodeError, encode, type Packet, PacketReader } from '@holdfast/mqtt'
import { arbitraryPacket, hex } from '@holdfast/mqtt/testing'
import fc from 'fast-check'
import mqttPacket, { type Packet as TheirPacket } from 'mqtt-packet'

/** Their type of UNSUBACK is that of MQTT 5, which has codes; on the wire of 3.1.1 there are none. */
const NO_CODES: number[] = []

/** A packet of ours as mqtt-packet wants it. */
function toTheirs(packet: Packet): TheirPacket {
  switch (packet.type) {
    case 'connect': {
      const { clientId, cleanSession, keepAliveSeconds, username, password, will } = packet
      return {
        cmd: 'connect',
        protocolId: 'MQTT',
        protocolVersion: 4,
        clientId,
        clean: cleanSession,
        keepalive: keepAliveSeconds,
        ...(username !== undefined && { username }),
        ...(password !== undefined && { password: Buffer.from(password) }),
        ...(will !== undefined && { will: { ...will, payload: Buffer.from(will.payload) } }),
      }
    }
    case 'connack':
      return { cmd: 'connack', sessionPresent: packet.sessionPresent, returnCode: packet.returnCode }
    case 'publish': {
      const { topic, payload, qos, retain, dup, packetId } = packet
      const numbered = qos === 0 ? {} : { messageId: packetId }
      return { cmd: 'publish', topic, payload: Buffer.from(payload), qos, retain, dup, ...numbered }
    }
    case 'puback':
      return { cmd: 'puback', messageId: packet.packetId }
    case 'pubrec':
      return { cmd: 'pubrec', messageId: packet.packetId }
    case 'pubrel':
      return { cmd: 'pubrel', messageId: packet.packetId }
    case 'pubcomp':
      return { cmd: 'pubcomp', messageId: packet.packetId }
    case 'unsuback':
      return { cmd: 'unsuback', messageId: packet.packetId, granted: NO_CODES }
    case 'subscribe': {
      const subscriptions = packet.requests.map(({ filter, qos }) => ({ topic: filter, qos }))
      return { cmd: 'subscribe', messageId: packet.packetId, subscriptions }
    }
    case 'suback':
      return { cmd: 'suback', messageId: packet.packetId, granted: [...packet.codes] }
    case 'unsubscribe':
      return { cmd: 'unsubscribe', messageId: packet.packetId, unsubscriptions: [...packet.filters] }
    case 'pingreq':
      return { cmd: 'pingreq' }
    case 'pingresp':
      return { cmd: 'pingresp' }
    case 'disconnect':
      return { cmd: 'disconnect' }
  }
}

/** What mqtt-packet reads, and whether it objected. */
function theirReading(bytes: Uint8Array): { readonly packets: readonly TheirPacket[]; readonly isRefused: boolean } {
  const parser = mqttPacket.parser({ protocolVersion: 4 })
  const packets: TheirPacket[] = []
  let isRefused = false
  parser.on('packet', (packet: TheirPacket) => packets.push(packet))
  parser.on('error', () => {
    isRefused = true
  })
  parser.parse(Buffer.from(bytes))
  return { packets, isRefused }
}

/** Leaves of what they read that are in what we expect; their packets carry fields of other types and versions besides. */
function assertSays(theirs: TheirPacket | undefined, ours: Packet): void {
  assert.ok(theirs)
  const expected: Record<string, unknown> = { ...toTheirs(ours) }
  const actual: Record<string, unknown> = { ...theirs }
  for (const [name, value] of Object.entries(expected))
    if (value !== NO_CODES) assert.deepEqual(actual[name], value, `${ours.type}.${name}`)
}

/** Both encode it, with the exception noted: mqtt-packet throws on an empty client id without a clean session. */
const isTheirsToSay = (packet: Packet): boolean =>
  packet.type !== 'connect' || packet.clientId !== '' || packet.cleanSession

test('both encode a packet to the same bytes', () => {
  fc.assert(
    fc.property(arbitraryPacket.filter(isTheirsToSay), (packet) => {
      assert.equal(hex(encode(packet)), mqttPacket.generate(toTheirs(packet)).toString('hex'))
    }),
    { numRuns: 2000 },
  )
})

test('what we encode, mqtt-packet reads alike', () => {
  fc.assert(
    fc.property(fc.array(arbitraryPacket, { minLength: 1, maxLength: 5 }), (packets) => {
      const { packets: read, isRefused } = theirReading(Buffer.concat(packets.map(encode)))
      assert.ok(!isRefused)
      assert.equal(read.length, packets.length)
      for (const [index, packet] of packets.entries()) assertSays(read[index], packet)
    }),
    { numRuns: 1000 },
  )
})

test('what mqtt-packet encodes, we read alike', () => {
  fc.assert(
    fc.property(arbitraryPacket.filter(isTheirsToSay), (packet) => {
      const read = decode(mqttPacket.generate(toTheirs(packet)))
      const plain = (it: Packet): unknown => (it.type === 'publish' ? { ...it, payload: hex(it.payload) } : it)
      assert.deepEqual(plain(read), plain(packet))
    }),
    { numRuns: 1000 },
  )
})

test('of wounded bytes, mqtt-packet reads whatever we accept, and reads it alike', () => {
  const wounds = fc.array(fc.tuple(fc.nat(100), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 3 })
  fc.assert(
    fc.property(fc.array(arbitraryPacket, { minLength: 1, maxLength: 3 }), wounds, (packets, changes) => {
      const bytes = Buffer.concat(packets.map(encode))
      for (const [at, byte] of changes) bytes[at % bytes.length] = byte
      const reader = new PacketReader({ packetBytesMax: 1_000_000 })
      const ours: Packet[] = []
      try {
        reader.push(bytes)
        for (let packet = reader.next(); packet !== undefined; packet = reader.next()) ours.push(packet)
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error
      }
      const { packets: theirs } = theirReading(bytes)
      for (const [index, packet] of ours.entries()) assertSays(theirs[index], packet)
    }),
    { numRuns: 3000 },
  )
})
