import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Instant, instantOf } from '@holdfast/base'
import { ClientConnection } from './client-connection.ts'
import type { ClientSession } from './client-session.ts'
import { encode, encodePublish } from './encode.ts'
import { CLIENT_LIMITS } from './limits.ts'
import type { Packet } from './packet.ts'
import { ClientRecord, hex } from './testing/index.ts'

const START = instantOf(500)
const at = (milliseconds: number): Instant => instantOf(500 + milliseconds)
const OPTIONS = { clientId: 'd', cleanSession: false, keepAliveSeconds: 60 }
const CONNACK = encode({ type: 'connack', sessionPresent: false, returnCode: 0 })
const CONNACK_SESSION = encode({ type: 'connack', sessionPresent: true, returnCode: 0 })
const MESSAGE = { topic: 't', payload: Uint8Array.of(1), qos: 1 } as const

function begin(more: ConstructorParameters<typeof ClientConnection>[3] = {}): {
  record: ClientRecord
  connection: ClientConnection
} {
  const record = new ClientRecord()
  return { record, connection: new ClientConnection(START, OPTIONS, record, more) }
}

function open(more: Parameters<typeof begin>[0] = {}): ReturnType<typeof begin> {
  const both = begin(more)
  both.connection.receive(CONNACK, START)
  both.record.take()
  return both
}

const closing = (record: ClientRecord): unknown => {
  const [name, reason] = record.take().at(-1) ?? []
  return name === 'close' ? reason : undefined
}

test('§3.1, §3.2: CONNECT is sent at once, and CONNACK 0 opens', () => {
  const { record, connection } = begin()
  assert.deepEqual(record.take(), [['send', hex(encode({ type: 'connect', protocolLevel: 4, ...OPTIONS }))]])
  connection.receive(CONNACK_SESSION, START)
  assert.deepEqual(record.take(), [['open', { type: 'connack', sessionPresent: true, returnCode: 0 }]])
  assert.ok(connection.isOpen && connection.canPublish)
})

test('§3.2.2.3: any other CONNACK ends, and says with which code', () => {
  const { record, connection } = begin()
  record.take()
  connection.receive(encode({ type: 'connack', sessionPresent: false, returnCode: 5 }), START)
  assert.deepEqual(record.take(), [['close', 'refused', 'CONNACK 5']])
  assert.ok(connection.isClosed)
})

test('[MQTT-3.2.0-1]: the first packet is CONNACK, and comes in time', () => {
  const wrong = begin()
  wrong.connection.receive(encode({ type: 'pingresp' }), START)
  assert.equal(closing(wrong.record), 'protocol-violation')
  const { record, connection } = begin()
  assert.equal(connection.deadline, at(30_000))
  connection.tick(at(30_000))
  assert.equal(closing(record), 'opening-timeout')
})

test('packets that only clients send, QoS 2 and a second CONNACK end', () => {
  const packets: readonly Packet[] = [
    { type: 'connect', protocolLevel: 4, ...OPTIONS },
    { type: 'connack', sessionPresent: false, returnCode: 0 },
    { type: 'subscribe', packetId: 1, requests: [{ filter: 'a', qos: 0 }] },
    { type: 'unsubscribe', packetId: 1, filters: ['a'] },
    { type: 'pingreq' },
    { type: 'disconnect' },
    { type: 'pubrel', packetId: 1 },
    { type: 'publish', topic: 'a', payload: new Uint8Array(0), qos: 2, retain: false, dup: false, packetId: 1 },
  ]
  for (const packet of packets) {
    const { record, connection } = open()
    connection.receive(encode(packet), START)
    assert.equal(closing(record), 'protocol-violation', packet.type)
  }
})

test('what is malformed or too large ends', () => {
  const { record, connection } = open()
  connection.receive(Uint8Array.of(0x36, 0), START)
  assert.equal(closing(record), 'malformed')
  const large = open()
  large.connection.receive(Uint8Array.of(0x30, 0xff, 0xff, 0x7f), START)
  assert.equal(closing(large.record), 'too-large')
})

test('[MQTT-3.1.2-23]: a client that has nothing to say pings within its keep-alive', () => {
  const { record, connection } = open()
  assert.equal(connection.deadline, at(60_000))
  connection.tick(at(60_000))
  assert.deepEqual(record.take(), [['send', 'c000']])
  assert.equal(connection.deadline, at(70_000))
  connection.receive(encode({ type: 'pingresp' }), at(61_000))
  assert.equal(connection.deadline, at(120_000))
})

test('§3.1.2.10: a server that answers no ping is given up', () => {
  const { record, connection } = open()
  connection.tick(at(60_000))
  record.take()
  connection.tick(at(70_000))
  assert.equal(closing(record), 'keep-alive')
})

test('a server that takes and never answers is pinged, however much is sent to it', () => {
  const { record, connection } = open()
  for (let second = 10; second < 60; second += 10) connection.publish({ ...MESSAGE, qos: 0 }, at(second * 1000))
  record.take()
  assert.equal(connection.deadline, at(60_000))
  connection.tick(at(60_000))
  assert.deepEqual(record.take(), [['send', 'c000']])
})

test('keep-alive 0 never pings', () => {
  const record = new ClientRecord()
  const connection = new ClientConnection(START, { ...OPTIONS, keepAliveSeconds: 0 }, record)
  connection.receive(CONNACK, START)
  assert.equal(connection.deadline, Number.POSITIVE_INFINITY)
})

test('§4.3.2: a publication waits for its PUBACK, and as many as may be wait together', () => {
  const { record, connection } = open({ limits: { ...CLIENT_LIMITS, inflightMax: 2 } })
  assert.deepEqual([connection.publish(MESSAGE, START), connection.publish(MESSAGE, START)], [1, 2])
  assert.ok(!connection.canPublish)
  assert.throws(() => connection.publish(MESSAGE, START), TypeError)
  assert.throws(() => connection.subscribe([{ filter: 'a', qos: 0 }], START), TypeError)
  assert.equal(connection.publish({ ...MESSAGE, qos: 0 }, START), 0)
  record.take()
  for (const packetId of [2, 2, 77]) connection.receive(encode({ type: 'puback', packetId }), START)
  assert.deepEqual(record.take(), [['puback', 2]])
  assert.ok(connection.canPublish)
  assert.equal(connection.publish(MESSAGE, START), 3)
})

test('§3.8 to §3.11: subscriptions and their ends are answered by id', () => {
  const { record, connection } = open()
  const first = connection.subscribe([{ filter: 'a/#', qos: 1 }], START)
  const second = connection.unsubscribe(['a/#'], START)
  record.take()
  connection.receive(encode({ type: 'suback', packetId: first, codes: [128] }), START)
  connection.receive(encode({ type: 'suback', packetId: first, codes: [1] }), START)
  connection.receive(encode({ type: 'unsuback', packetId: second }), START)
  assert.deepEqual(record.take(), [
    ['suback', first, [128]],
    ['unsuback', second],
  ])
})

test('[MQTT-3.3.4-1]: what comes at QoS 1 is acknowledged after it was taken', () => {
  const { record, connection } = open()
  const bytes = Buffer.concat([
    encodePublish({ topic: 'a', payload: new Uint8Array(0), qos: 1, packetId: 9 }),
    encodePublish({ topic: 'b', payload: new Uint8Array(0), qos: 0 }),
  ])
  connection.receive(bytes, START)
  assert.deepEqual(
    record.take().map(([name, rest]) => (name === 'send' ? rest : name)),
    ['publish', '40020009', 'publish'],
  )
})

test('what was taken by a client that then closed is not acknowledged', () => {
  const { record, connection } = open()
  record.answer = () => connection.close()
  connection.receive(encodePublish({ topic: 'a', payload: new Uint8Array(0), qos: 1, packetId: 9 }), START)
  assert.deepEqual(
    record.take().map(([name]) => name),
    ['publish'],
  )
})

/** A session with three publications under way, of which the second was acknowledged. */
function sessionOfTwo(): ClientSession {
  const { connection } = open()
  for (const topic of ['one', 'two', 'three']) connection.publish({ ...MESSAGE, topic }, START)
  connection.subscribe([{ filter: 'a', qos: 0 }], START)
  connection.receive(encode({ type: 'puback', packetId: 2 }), START)
  connection.close()
  return connection.session
}

const again = (topic: string, packetId: number, dup: boolean): readonly unknown[] => [
  'send',
  hex(encodePublish({ ...MESSAGE, topic, packetId, dup })),
]

test('[MQTT-4.4.0-1] [MQTT-4.6.0-1]: in a resumed session the unacknowledged go again, in order, with DUP', () => {
  const { record, connection } = begin({ session: sessionOfTwo() })
  record.take()
  connection.receive(CONNACK_SESSION, START)
  assert.deepEqual(record.take().slice(0, 2), [again('one', 1, true), again('three', 3, true)])
  // The SUBSCRIBE of the old connection is forgotten, and so its id is free.
  assert.equal(connection.session.inflight, 2)
  connection.receive(encode({ type: 'puback', packetId: 3 }), START)
  assert.deepEqual(record.take(), [['puback', 3]])
})

test('[MQTT-3.3.1-1]: for a server without the session they are new, even if sent again before', () => {
  const session = sessionOfTwo()
  begin({ session }).connection.receive(CONNACK_SESSION, START)
  const { record, connection } = begin({ session })
  record.take()
  connection.receive(CONNACK, START)
  assert.deepEqual(record.take().slice(0, 2), [again('one', 1, false), again('three', 3, false)])
})

test('closing while being handed bytes ends it there', () => {
  const { record, connection } = begin({ session: sessionOfTwo() })
  record.take()
  record.answer = ([name]) => {
    if (name === 'send') connection.close()
  }
  connection.receive(CONNACK_SESSION, START)
  assert.deepEqual(record.take(), [again('one', 1, true)])
})

test('[MQTT-3.14.4-1]: DISCONNECT is said once, and then nothing is done', () => {
  const { record, connection } = open()
  connection.disconnect(START)
  assert.deepEqual(record.take(), [['send', 'e000']])
  connection.disconnect(START)
  connection.receive(CONNACK, START)
  connection.tick(at(1e9))
  assert.equal(connection.publish(MESSAGE, START), 0)
  assert.equal(connection.subscribe([{ filter: 'a', qos: 0 }], START), 0)
  assert.equal(connection.unsubscribe(['a'], START), 0)
  assert.equal(connection.deadline, Number.POSITIVE_INFINITY)
  assert.deepEqual(record.take(), [])
})

test('receive from within an event is a bug', () => {
  const { record, connection } = begin()
  record.answer = () => connection.receive(CONNACK, START)
  assert.throws(() => connection.receive(CONNACK, START), TypeError)
})
