import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Instant, instantOf } from '@holdfast/base'
import { encode, encodeConnect, encodePublish } from './encode.ts'
import { SERVER_LIMITS, type ServerLimits } from './limits.ts'
import type { ConnackCode, Packet } from './packet.ts'
import { type OutgoingPublish, ServerConnection } from './server-connection.ts'
import { hex, ServerRecord } from './testing/index.ts'

const START = instantOf(1000)
const at = (milliseconds: number): Instant => instantOf(1000 + milliseconds)
const CONNECT = { clientId: 'd', cleanSession: true, keepAliveSeconds: 60 }
const connack = (returnCode: ConnackCode, sessionPresent = false): readonly unknown[] => [
  'send',
  hex(encode({ type: 'connack', sessionPresent, returnCode })),
]
const publishBytes = (topic: string, packetId = 0, length = 0): Uint8Array =>
  packetId === 0
    ? encodePublish({ topic, payload: new Uint8Array(length), qos: 0 })
    : encodePublish({ topic, payload: new Uint8Array(length), qos: 1, packetId })

function begin(limits: Partial<ServerLimits> = {}): { record: ServerRecord; connection: ServerConnection } {
  const record = new ServerRecord()
  return { record, connection: new ServerConnection(START, { ...SERVER_LIMITS, ...limits }, record) }
}

/** A connection that was let in, with nothing written down yet. */
function open(connect: Partial<typeof CONNECT> = {}, limits: Partial<ServerLimits> = {}): ReturnType<typeof begin> {
  const both = begin(limits)
  both.connection.receive(encodeConnect({ ...CONNECT, ...connect }), START)
  both.connection.accept({ sessionPresent: false }, START)
  both.record.take()
  return both
}

const names = (record: ServerRecord): readonly string[] => record.take().map(([name]) => name)
const closing = (record: ServerRecord): unknown => {
  const [name, reason] = record.take().at(-1) ?? []
  return name === 'close' ? reason : undefined
}

test('§3.1.4: CONNECT is asked about, and accepted with CONNACK', () => {
  const { record, connection } = begin()
  connection.receive(encodeConnect({ ...CONNECT, username: 'u', password: Uint8Array.of(1) }), START)
  assert.deepEqual(record.take(), [
    ['connect', { type: 'connect', protocolLevel: 4, ...CONNECT, username: 'u', password: Uint8Array.of(1) }],
  ])
  assert.ok(!connection.isOpen)
  connection.accept({ sessionPresent: true }, START)
  assert.deepEqual(record.take(), [connack(0, true)])
  assert.ok(connection.isOpen)
})

test('[MQTT-3.1.0-1]: any first packet but CONNECT closes', () => {
  const others: readonly Packet[] = [
    { type: 'pingreq' },
    { type: 'disconnect' },
    { type: 'connack', sessionPresent: false, returnCode: 0 },
    { type: 'subscribe', packetId: 1, requests: [{ filter: '#', qos: 0 }] },
  ]
  for (const bytes of [...others.map(encode), publishBytes('a')]) {
    const { record, connection } = begin()
    connection.receive(bytes, START)
    assert.deepEqual(
      record.take().map(([name, reason]) => [name, reason]),
      [['close', 'protocol-violation']],
    )
  }
})

test('[MQTT-3.1.0-2]: a second CONNECT closes, be it before CONNACK or after', () => {
  const { record, connection } = open()
  connection.receive(encodeConnect(CONNECT), START)
  assert.equal(closing(record), 'protocol-violation')

  const early = begin()
  early.connection.receive(Buffer.concat([encodeConnect(CONNECT), encodeConnect(CONNECT)]), START)
  assert.deepEqual(names(early.record), ['connect'])
  early.connection.accept({ sessionPresent: false }, START)
  assert.equal(closing(early.record), 'protocol-violation')
})

test('[MQTT-3.1.2-1]: a wrong protocol name closes without an answer', () => {
  const { record, connection } = begin()
  connection.receive(Buffer.from('100e00064d51497364700302003c0000', 'hex'), START)
  assert.deepEqual(
    record.take().map(([name, reason]) => [name, reason]),
    [['close', 'malformed']],
  )
})

test('[MQTT-3.1.2-2]: a wrong level is answered with CONNACK 1, then closed', () => {
  for (const level of ['03', '05', '84']) {
    const { record, connection } = begin()
    connection.receive(Buffer.from(`100d00044d515454${level}02003c000164`, 'hex'), START)
    const [answer, close] = record.take()
    assert.deepEqual(answer, connack(1))
    assert.deepEqual(close?.slice(0, 2), ['close', 'refused'])
  }
})

test('[MQTT-3.1.3-8]: an empty client id without a clean session is answered with CONNACK 2, then closed', () => {
  const { record, connection } = begin()
  connection.receive(encodeConnect({ ...CONNECT, clientId: '', cleanSession: false }), START)
  const [answer, close] = record.take()
  assert.deepEqual(answer, connack(2))
  assert.deepEqual(close?.slice(0, 2), ['close', 'refused'])
})

test('[MQTT-3.2.2-4] [MQTT-3.2.2-5]: a refusal is a CONNACK without a session, and the end', () => {
  const { record, connection } = begin()
  connection.receive(encodeConnect(CONNECT), START)
  record.take()
  connection.refuse(5)
  assert.deepEqual(record.take(), [connack(5)])
  assert.ok(connection.isClosed)
  connection.receive(publishBytes('a'), START)
  assert.deepEqual(record.take(), [])
})

test('an answer nobody asked for is a bug, one that comes after the end is not', () => {
  const { connection } = begin()
  assert.throws(() => connection.accept({ sessionPresent: false }, START), TypeError)
  assert.throws(() => connection.refuse(5), TypeError)
  const late = open()
  assert.throws(() => late.connection.accept({ sessionPresent: false }, START), TypeError)
  late.connection.close()
  late.connection.accept({ sessionPresent: false }, START)
  late.connection.refuse(3)
  assert.deepEqual(late.record.take(), [])
})

test('§3.1.4: a client that is silent, or slow with its CONNECT, is closed after ten seconds', () => {
  const { record, connection } = begin()
  assert.equal(connection.deadline, at(10_000))
  for (const [index, byte] of encodeConnect(CONNECT).entries()) {
    if (index < 8) connection.receive(Uint8Array.of(byte), at(index * 1000))
  }
  connection.tick(at(9999))
  assert.deepEqual(record.take(), [])
  connection.tick(at(10_000))
  assert.equal(closing(record), 'opening-timeout')
})

test('a CONNECT that nobody decides on is answered with CONNACK 3, so that the client tries again', () => {
  const { record, connection } = begin()
  connection.receive(encodeConnect(CONNECT), at(9000))
  record.take()
  assert.equal(connection.deadline, at(39_000))
  connection.tick(connection.deadline)
  const [answer, close] = record.take()
  assert.deepEqual(answer, connack(3))
  assert.deepEqual(close?.slice(0, 2), ['close', 'unavailable'])
})

test('[MQTT-3.1.2-24]: silence of one and a half keep-alive intervals closes', () => {
  const { record, connection } = open({ keepAliveSeconds: 60 })
  assert.equal(connection.deadline, at(90_000))
  connection.receive(publishBytes('a'), at(80_000))
  assert.equal(connection.deadline, at(170_000))
  connection.tick(at(90_000))
  assert.deepEqual(names(record), ['publish'])
  connection.tick(at(170_000))
  assert.equal(closing(record), 'keep-alive')
})

test('[MQTT-3.1.2-24]: only whole packets break the silence', () => {
  const { record, connection } = open({ keepAliveSeconds: 60 })
  const bytes = publishBytes('a', 0, 100)
  connection.receive(bytes.subarray(0, 50), at(80_000))
  connection.receive(bytes.subarray(50, 90), at(89_000))
  connection.tick(at(90_000))
  assert.equal(closing(record), 'keep-alive')
})

test('no keep-alive, or a very long one, counts as 1767 seconds of silence', () => {
  assert.equal(open({ keepAliveSeconds: 0 }).connection.deadline, at(1_767_000))
  assert.equal(open({ keepAliveSeconds: 65_535 }).connection.deadline, at(1_767_000))
  assert.equal(open({ keepAliveSeconds: 1178 }).connection.deadline, at(1_767_000))
  assert.equal(open({ keepAliveSeconds: 1177 }).connection.deadline, at(1_765_500))
})

test('[MQTT-3.12.4-1]: PINGREQ is answered by the machine', () => {
  const { record, connection } = open()
  connection.receive(encode({ type: 'pingreq' }), START)
  assert.deepEqual(record.take(), [['send', 'd000']])
})

test('[MQTT-3.14.4-3]: DISCONNECT ends; what follows it is not looked at', () => {
  const { record, connection } = open()
  connection.receive(Buffer.concat([encode({ type: 'disconnect' }), publishBytes('a')]), START)
  assert.deepEqual(
    record.take().map(([name, reason]) => [name, reason]),
    [['close', 'disconnect']],
  )
})

test('QoS 2 is refused in every one of its packets', () => {
  const packets: readonly Packet[] = [
    { type: 'publish', topic: 'a', payload: new Uint8Array(0), qos: 2, retain: false, dup: false, packetId: 1 },
    { type: 'pubrec', packetId: 1 },
    { type: 'pubrel', packetId: 1 },
    { type: 'pubcomp', packetId: 1 },
  ]
  for (const packet of packets) {
    const { record, connection } = open()
    connection.receive(encode(packet), START)
    assert.equal(closing(record), 'protocol-violation', packet.type)
  }
})

test('packets that only a server sends close', () => {
  const packets: readonly Packet[] = [
    { type: 'connack', sessionPresent: false, returnCode: 0 },
    { type: 'suback', packetId: 1, codes: [0] },
    { type: 'unsuback', packetId: 1 },
    { type: 'pingresp' },
  ]
  for (const packet of packets) {
    const { record, connection } = open()
    connection.receive(encode(packet), START)
    assert.equal(closing(record), 'protocol-violation', packet.type)
  }
})

test('[MQTT-4.8.0-1]: what is malformed closes, after what came before it was done', () => {
  const { record, connection } = open()
  connection.receive(Buffer.concat([publishBytes('a'), Uint8Array.of(0x36, 0), publishBytes('b')]), START)
  assert.deepEqual(
    record.take().map(([name, reason]) => (name === 'close' ? reason : name)),
    ['publish', 'malformed'],
  )
})

test('a packet too large closes by its header: small before the client is known, larger after', () => {
  const opening = begin()
  opening.connection.receive(Uint8Array.of(0x10, 0x80, 0x80, 0x01), START) // 16384 and its header.
  assert.equal(closing(opening.record), 'too-large')

  const { record, connection } = open()
  connection.receive(publishBytes('a', 1, 200_000), START)
  assert.deepEqual(names(record), ['publish'])
  connection.receive(publishBytes('a', 1, 300_000).subarray(0, 4), START)
  assert.equal(closing(record), 'too-large')
})

test('§3.1.4: packets sent without waiting for CONNACK are held and then done', () => {
  const { record, connection } = begin()
  const subscribe = encode({ type: 'subscribe', packetId: 1, requests: [{ filter: 'a/#', qos: 1 }] })
  const bytes = Buffer.concat([encodeConnect(CONNECT), publishBytes('a', 7, 20_000)])
  connection.receive(bytes, START)
  bytes.fill(0xee)
  connection.receive(subscribe, START)
  assert.deepEqual(names(record), ['connect'])
  connection.accept({ sessionPresent: false }, START)
  const [answer, publish, request] = record.take()
  assert.deepEqual(answer, connack(0))
  assert.deepEqual([publish?.[0], request?.[0]], ['publish', 'subscribe'])
})

test('[MQTT-3.1.4-5]: what a refused client sent meanwhile is never done', () => {
  const { record, connection } = begin()
  connection.receive(Buffer.concat([encodeConnect(CONNECT), publishBytes('a', 7)]), START)
  connection.refuse(5)
  assert.deepEqual(names(record), ['connect', 'send'])
})

test('what is held before the decision has a bound', () => {
  const { record, connection } = begin()
  connection.receive(encodeConnect(CONNECT), START)
  const flood = publishBytes('a', 0, 16_000)
  let pieces = 0
  while (!connection.isClosed && pieces < 100) {
    connection.receive(flood, START)
    pieces++
  }
  assert.equal(pieces, 6) // 16 KiB and 64 KiB.
  assert.equal(closing(record), 'too-large')
})

test('accept from within the question goes on with the same bytes, in order', () => {
  const { record, connection } = begin()
  record.answer = ([name]) => {
    if (name === 'connect') connection.accept({ sessionPresent: false }, START)
  }
  connection.receive(Buffer.concat([encodeConnect(CONNECT), publishBytes('a'), publishBytes('b')]), START)
  assert.deepEqual(names(record), ['connect', 'send', 'publish', 'publish'])
})

test('accept and resume from within an event do not nest: each event returns before the next is called', () => {
  const { record, connection } = begin()
  let depth = 0
  let deepest = 0
  record.answer = ([name]) => {
    deepest = Math.max(deepest, ++depth)
    if (name === 'connect') connection.accept({ sessionPresent: false }, START)
    if (name === 'publish') {
      connection.pause()
      connection.resume(START)
    }
    depth--
  }
  const publications = Array.from({ length: 1000 }, () => publishBytes('a'))
  connection.receive(Buffer.concat([encodeConnect(CONNECT), ...publications]), START)
  assert.equal(record.take().length, 1002)
  assert.equal(deepest, 2) // The CONNACK that `accept` sends.
})

test('closing from within an event ends it there', () => {
  for (const when of ['connect', 'publish', 'subscribe'] as const) {
    const { record, connection } = begin()
    record.answer = ([name]) => {
      if (name === when) connection.close()
      else if (name === 'connect') connection.accept({ sessionPresent: false }, START)
    }
    const subscribe = encode({ type: 'subscribe', packetId: 1, requests: [{ filter: 'a/#', qos: 1 }] })
    connection.receive(Buffer.concat([encodeConnect(CONNECT), publishBytes('a'), subscribe, publishBytes('b')]), START)
    assert.equal(names(record).at(-1), when)
    assert.equal(connection.deadline, Number.POSITIVE_INFINITY)
  }
})

test('while paused, nothing is done and the bytes are held; resume goes on where it stopped', () => {
  const { record, connection } = open()
  record.answer = ([name]) => {
    if (name === 'publish') connection.pause()
  }
  const bytes = Buffer.concat([publishBytes('a'), publishBytes('b'), publishBytes('c')])
  connection.receive(bytes, START)
  bytes.fill(0xee)
  connection.receive(publishBytes('d'), START)
  assert.deepEqual(names(record), ['publish'])
  for (const topic of ['b', 'c', 'd']) {
    connection.resume(START)
    assert.deepEqual(
      record.take().map(([, publish]) => publish),
      [{ type: 'publish', topic, payload: '', qos: 0, retain: false, dup: false, packetId: 0 }],
    )
  }
})

test('while paused, silence is ours and not the client’s', () => {
  const { record, connection } = open({ keepAliveSeconds: 60 })
  connection.pause()
  assert.equal(connection.deadline, Number.POSITIVE_INFINITY)
  connection.tick(at(1_000_000))
  connection.resume(at(1_000_000))
  assert.equal(connection.deadline, at(1_090_000))
  assert.deepEqual(record.take(), [])
})

test('what a paused connection holds has a bound: one largest packet and 64 KiB', () => {
  const { record, connection } = open()
  connection.pause()
  const { packetBytesMax, heldBytesMax } = SERVER_LIMITS
  connection.receive(new Uint8Array(packetBytesMax + heldBytesMax), START)
  assert.deepEqual(record.take(), [])
  connection.receive(new Uint8Array(1), START)
  assert.equal(closing(record), 'too-large')
})

test('§3.4: publications are acknowledged when the application says so, many in one write', () => {
  const { record, connection } = open()
  connection.receive(Buffer.concat([publishBytes('a', 1), publishBytes('a', 300)]), START)
  record.take()
  connection.puback([])
  assert.deepEqual(record.take(), [])
  connection.puback([1])
  connection.puback([1, 300])
  assert.deepEqual(record.take(), [
    ['send', '40020001'],
    ['send', '400200014002012c'],
  ])
})

test('§3.9, §3.11: subscriptions are answered when the application says so', () => {
  const { record, connection } = open()
  connection.receive(
    Buffer.concat([
      encode({ type: 'subscribe', packetId: 2, requests: [{ filter: 'a', qos: 1 }] }),
      encode({ type: 'unsubscribe', packetId: 3, filters: ['a'] }),
    ]),
    START,
  )
  assert.deepEqual(names(record), ['subscribe', 'unsubscribe'])
  connection.suback(2, [1])
  connection.unsuback(3)
  assert.deepEqual(record.take(), [
    ['send', '9003000201'],
    ['send', 'b0020003'],
  ])
})

test('§3.3: publications to the client have an id of their own until acknowledged, and a bound', () => {
  const { record, connection } = open({}, { inflightMax: 3 })
  const message: OutgoingPublish = { topic: 't', payload: new Uint8Array(0), qos: 1 }
  assert.deepEqual(
    [1, 2, 3].map(() => connection.publish(message)),
    [1, 2, 3],
  )
  assert.ok(!connection.canPublish)
  assert.throws(() => connection.publish(message), TypeError)
  assert.equal(connection.publish({ ...message, qos: 0 }), 0)
  record.take()
  const puback = (packetId: number): void => connection.receive(encode({ type: 'puback', packetId }), START)
  puback(2)
  puback(2)
  puback(9)
  assert.deepEqual(record.take(), [['puback', 2]])
  assert.equal(connection.inflight, 2)
  assert.equal(connection.publish(message), 4)
})

test('[MQTT-2.3.1-4]: ids wrap round and pass over those in use', () => {
  const { record, connection } = open()
  const message: OutgoingPublish = { topic: 't', payload: new Uint8Array(0), qos: 1 }
  assert.equal(connection.publish(message), 1)
  for (let i = 2; i <= 65_535; i++) {
    assert.equal(connection.publish(message), i)
    connection.receive(encode({ type: 'puback', packetId: i }), START)
    record.take()
  }
  assert.equal(connection.publish(message), 2)
})

test('[MQTT-4.4.0-1]: what an earlier connection sent is sent again under its id, with DUP', () => {
  const { record, connection } = open()
  const message: OutgoingPublish = { topic: 't', payload: Uint8Array.of(1), qos: 1 }
  assert.equal(connection.publish({ ...message, againAs: 2 }), 2)
  assert.deepEqual(record.take(), [['send', '3a06000174000201']])
  assert.deepEqual([connection.publish(message), connection.publish(message)], [1, 3])
  assert.throws(() => connection.publish({ ...message, againAs: 3 }), TypeError)
})

test('nothing is sent before CONNACK', () => {
  const { record, connection } = begin()
  connection.receive(encodeConnect(CONNECT), START)
  record.take()
  assert.equal(connection.publish({ topic: 't', payload: new Uint8Array(0), qos: 1 }), 0)
  connection.puback([1])
  connection.suback(1, [0])
  connection.unsuback(1)
  assert.ok(!connection.canPublish)
  assert.deepEqual(record.take(), [])
})

test('closing while being handed bytes ends it there, whatever they were', () => {
  const ends: readonly ((connection: ServerConnection) => void)[] = [
    (it) => it.receive(Buffer.from('100d00044d5154540502003c000164', 'hex'), START),
    (it) => it.receive(encodeConnect({ ...CONNECT, clientId: '', cleanSession: false }), START),
    (it) => {
      it.receive(encodeConnect(CONNECT), START)
      it.tick(it.deadline)
    },
    (it) => {
      it.receive(Buffer.concat([encodeConnect(CONNECT), publishBytes('a')]), START)
      it.accept({ sessionPresent: false }, START)
    },
  ]
  for (const end of ends) {
    const { record, connection } = begin()
    record.answer = ([name]) => {
      if (name === 'send') connection.close()
    }
    end(connection)
    assert.equal(names(record).at(-1), 'send')
  }
})

test('after the end nothing happens', () => {
  const { record, connection } = open()
  connection.close()
  connection.receive(publishBytes('a'), START)
  connection.tick(at(1e9))
  connection.puback([1])
  connection.suback(1, [0])
  connection.pause()
  connection.resume(START)
  assert.equal(connection.publish({ topic: 't', payload: new Uint8Array(0), qos: 0 }), 0)
  assert.deepEqual(record.take(), [])
  assert.equal(connection.inflight, 0)
})

test('a bug in the application passes through, and is not taken for the client’s fault', () => {
  const { record, connection } = open()
  record.answer = () => {
    throw new RangeError('ours')
  }
  assert.throws(() => connection.receive(publishBytes('a'), START), RangeError)
  record.answer = () => {}
  connection.receive(publishBytes('b'), START)
  assert.deepEqual(names(record), ['publish', 'publish'])
})
