import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decode } from './decode.ts'
import {
  encode,
  encodeConnack,
  encodeConnect,
  encodePuback,
  encodePubacks,
  encodePublish,
  encodeSuback,
  encodeSubscribe,
  encodeUnsubscribe,
  markDuplicate,
} from './encode.ts'
import type { Packet } from './packet.ts'
import { arbitraryPacket, hex } from './testing/index.ts'

/** Payloads as hex, for a view of a pool and an array of its own are different objects of the same bytes. */
function comparable(packet: Packet): unknown {
  return packet.type === 'publish' ? { ...packet, payload: hex(packet.payload) } : packet
}

test('what was encoded decodes to itself', () => {
  fc.assert(
    fc.property(arbitraryPacket, (packet) => {
      assert.deepEqual(comparable(decode(encode(packet))), comparable(packet))
    }),
    { numRuns: 1000 },
  )
})

test('PUBACKs of a batch are those of its ids, one after another', () => {
  const ids = [1, 2, 255, 256, 65_535]
  assert.equal(hex(encodePubacks(ids)), ids.map((id) => hex(encodePuback(id))).join(''))
  assert.equal(encodePubacks([]).length, 0)
})

test('[MQTT-3.3.1-1]: DUP is set in place, and only where it may be', () => {
  const bytes = encodePublish({ topic: 'a', payload: new Uint8Array(0), qos: 1, packetId: 1 })
  markDuplicate(bytes)
  const packet = decode(bytes)
  assert.ok(packet.type === 'publish' && packet.dup)
  assert.throws(() => markDuplicate(encodePublish({ topic: 'a', payload: new Uint8Array(0), qos: 0 })), TypeError)
  assert.throws(() => markDuplicate(encodePuback(1)), TypeError)
})

test('what MQTT cannot say is a TypeError, and nothing is written', () => {
  const payload = new Uint8Array(0)
  const long = 'a'.repeat(65_536)
  const connect = { clientId: 'c', cleanSession: true, keepAliveSeconds: 0 }
  const bugs: readonly (() => unknown)[] = [
    () => encodePublish({ topic: '', payload, qos: 0 }),
    () => encodePublish({ topic: 'a/#', payload, qos: 0 }),
    () => encodePublish({ topic: 'a\0', payload, qos: 0 }),
    () => encodePublish({ topic: '\ud800', payload, qos: 0 }),
    () => encodePublish({ topic: long, payload, qos: 0 }),
    () => encodePublish({ topic: 'é'.repeat(32_768), payload, qos: 0 }),
    () => encodePublish({ topic: 'a', payload, qos: 1 }),
    () => encodePublish({ topic: 'a', payload, qos: 1, packetId: 65_536 }),
    () => encodePublish({ topic: 'a', payload, qos: 1, packetId: 1.5 }),
    () => encodePublish({ topic: 'a', payload, qos: 0, packetId: 1 }),
    () => encodePublish({ topic: 'a', payload, qos: 0, dup: true }),
    () => encodePuback(0),
    () => encodePubacks([1, 0]),
    () => encodeSubscribe(1, []),
    () => encodeSubscribe(1, [{ filter: 'a#', qos: 0 }]),
    () => encodeUnsubscribe(1, []),
    () => encodeUnsubscribe(0, ['a']),
    () => encodeSuback(1, []),
    () => encodeConnack({ sessionPresent: true, returnCode: 5 }),
    () => encodeConnect({ ...connect, keepAliveSeconds: 65_536 }),
    () => encodeConnect({ ...connect, keepAliveSeconds: -1 }),
    () => encodeConnect({ ...connect, clientId: long }),
    () => encodeConnect({ ...connect, password: new Uint8Array(1) }),
    () => encodeConnect({ ...connect, username: 'u', password: new Uint8Array(65_536) }),
    () => encodeConnect({ ...connect, will: { topic: '+', payload, qos: 0, retain: false } }),
    () => encodeConnect({ ...connect, will: { topic: 'a', payload: new Uint8Array(65_536), qos: 0, retain: false } }),
  ]
  for (const bug of bugs) assert.throws(bug, TypeError, String(bug))
})
