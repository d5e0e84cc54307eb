import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { encode, encodePublish } from './encode.ts'
import { DecodeError } from './errors.ts'
import type { Packet, Publish } from './packet.ts'
import { PacketReader } from './reader.ts'
import { arbitraryPacket, hex } from './testing/index.ts'

const LIMITS = { packetBytesMax: 100_000 }

function comparable(packet: Packet): unknown {
  return packet.type === 'publish' ? { ...packet, payload: hex(packet.payload) } : packet
}

function readAll(reader: PacketReader, chunk: Uint8Array): unknown[] {
  reader.push(chunk)
  const packets: unknown[] = []
  for (let packet = reader.next(); packet !== undefined; packet = reader.next()) packets.push(comparable(packet))
  return packets
}

function nextPublish(reader: PacketReader): Publish {
  const packet = reader.next()
  assert.ok(packet?.type === 'publish')
  return packet
}

const publishOf = (topic: string, length = 0): Uint8Array =>
  encodePublish({ topic, payload: new Uint8Array(length), qos: 0 })

test('packets come out whole however the bytes come in', () => {
  const cuts = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 10 })
  fc.assert(
    fc.property(fc.array(arbitraryPacket, { maxLength: 8 }), cuts, (packets, sizes) => {
      const stream = Buffer.concat(packets.map(encode))
      const reader = new PacketReader(LIMITS)
      const seen: unknown[] = []
      for (let at = 0, i = 0; at < stream.length; i++) {
        const size = sizes[i % sizes.length] ?? 1
        const chunk = stream.subarray(at, at + size).slice()
        const mine = Uint8Array.from(chunk)
        seen.push(...readAll(reader, mine))
        mine.fill(0xee) // The chunk's owner uses it again.
        at += size
      }
      assert.deepEqual(seen, packets.map(comparable))
      assert.equal(reader.waitingBytes, 0)
    }),
    { numRuns: 500 },
  )
})

test('what is pushed before it is read is kept in order, and is copied by keep', () => {
  const reader = new PacketReader(LIMITS)
  const topics = ['a', 'bb', 'ccc', 'dddd', 'eeeee']
  for (const topic of topics) {
    const chunk = Uint8Array.from(publishOf(topic, 10))
    reader.push(chunk)
    reader.keep()
    chunk.fill(0xee)
  }
  assert.equal(
    reader.waitingBytes,
    topics.reduce((sum, topic) => sum + topic.length + 14, 0),
  )
  assert.deepEqual(
    topics.map(() => nextPublish(reader).topic),
    topics,
  )
  assert.equal(reader.next(), undefined)
  assert.equal(reader.waitingBytes, 0)
})

test('what is pushed, partly read and pushed again stays in order', () => {
  const reader = new PacketReader(LIMITS)
  const sizes = [10, 20, 30, 40, 50, 600, 7000, 8, 9]
  const expected = sizes.flatMap((size) => [size, size + 1, size + 2])
  const seen: number[] = []
  for (const size of sizes) {
    reader.push(Buffer.concat([publishOf('a', size), publishOf('b', size + 1), publishOf('c', size + 2)]))
    seen.push(nextPublish(reader).payload.length)
  }
  for (let packet = reader.next(); packet !== undefined; packet = reader.next())
    if (packet.type === 'publish') seen.push(packet.payload.length)
  assert.deepEqual(seen, expected)
})

test('a packet within one chunk is not copied: its payload is a view of the chunk', () => {
  const reader = new PacketReader(LIMITS)
  const chunk = Buffer.concat([publishOf('a', 300), publishOf('b', 300)])
  reader.push(chunk)
  for (let i = 0; i < 2; i++) assert.equal(nextPublish(reader).payload.buffer, chunk.buffer)
  // Nor are those that follow one that was begun in an earlier chunk.
  reader.push(chunk.subarray(0, 100))
  assert.equal(reader.next(), undefined)
  const rest = Buffer.concat([chunk.subarray(100), publishOf('c', 300)])
  reader.push(rest)
  assert.notEqual(nextPublish(reader).payload.buffer, rest.buffer)
  assert.equal(nextPublish(reader).payload.buffer, rest.buffer)
  assert.equal(nextPublish(reader).payload.buffer, rest.buffer)
})

test('payloads of one push stay valid together until the next push', () => {
  const reader = new PacketReader(LIMITS)
  const packets = ['one', 'two', 'three'].map((it) =>
    encodePublish({ topic: 't', payload: Buffer.from(it.repeat(30)), qos: 0 }),
  )
  const stream = Buffer.concat(packets)
  reader.push(stream.subarray(0, 20))
  assert.equal(reader.next(), undefined)
  reader.push(stream.subarray(20, stream.length - 5))
  const [first, second] = [nextPublish(reader), nextPublish(reader)]
  assert.equal(reader.next(), undefined)
  assert.equal(Buffer.from(first.payload).toString(), 'one'.repeat(30))
  assert.equal(Buffer.from(second.payload).toString(), 'two'.repeat(30))
})

test('a packet that is too large is refused by its header, before its body comes', () => {
  const reader = new PacketReader({ packetBytesMax: 200 })
  assert.equal(readAll(reader, publishOf('a', 194)).length, 1)
  reader.push(publishOf('a', 195).subarray(0, 2))
  assert.equal(reader.next(), undefined)
  reader.push(publishOf('a', 195).subarray(2, 3))
  assert.throws(
    () => reader.next(),
    (error) => error instanceof DecodeError && error.code === 'packet-too-large',
  )
})

test('the largest packet can be raised once the peer is known', () => {
  const reader = new PacketReader({ packetBytesMax: 100 })
  reader.packetBytesMax = 1000
  assert.equal(readAll(reader, publishOf('a', 900)).length, 1)
})

test('memory follows what has arrived, not what a header promises', () => {
  const reader = new PacketReader({ packetBytesMax: 1_000_000 })
  reader.push(publishOf('a', 900_000).subarray(0, 10))
  assert.equal(reader.next(), undefined)
  assert.equal(reader.waitingBytes, 10)
  assert.ok(reader.heldCapacity <= 64)
  reader.push(new Uint8Array(1000))
  assert.equal(reader.next(), undefined)
  assert.ok(reader.heldCapacity <= 2020)
})

test('a reader between packets holds no buffer', () => {
  const reader = new PacketReader(LIMITS)
  assert.equal(reader.heldCapacity, 0)
  for (const byte of publishOf('a', 500)) readAll(reader, Uint8Array.of(byte))
  assert.equal(reader.waitingBytes, 0)
  assert.equal(reader.heldCapacity, 0)
})

test('byte by byte costs linear time', () => {
  const count = (bytes: number): number => {
    const reader = new PacketReader({ packetBytesMax: 1_000_000 })
    let copied = 0
    let capacity = 0
    for (const byte of publishOf('a', bytes)) {
      reader.push(Uint8Array.of(byte))
      reader.next()
      if (reader.heldCapacity === capacity) continue
      if (reader.heldCapacity !== 0) copied += capacity
      capacity = reader.heldCapacity
    }
    return copied
  }
  // What is copied when a buffer grows is at most twice the packet: the sum of a halving series.
  assert.ok(count(100_000) <= 200_000)
})

test('successive PUBLISHes to one topic get one string; a topic that differs by a byte its own', () => {
  const reader = new PacketReader(LIMITS)
  const topics = ['devices/a/x', 'devices/a/x', 'devices/b/x', 'devices/b/y', 'é', 'Ã©', 'é', 'devices/b/y']
  for (const topic of topics) {
    reader.push(publishOf(topic))
    assert.equal(nextPublish(reader).topic, topic)
  }
})

test('a topic that was remembered as text is not mistaken for bytes that are no UTF-8', () => {
  const reader = new PacketReader(LIMITS)
  reader.push(publishOf('éa'))
  assert.equal(nextPublish(reader).topic, 'éa')
  reader.push(Uint8Array.of(0x30, 4, 0, 2, 0xe9, 0x61))
  assert.throws(
    () => reader.next(),
    (error) => error instanceof DecodeError && error.code === 'utf8',
  )
})

test('after an error there is nothing but that error, and nothing is held', () => {
  const reader = new PacketReader(LIMITS)
  const stream = Buffer.concat([publishOf('a'), Uint8Array.of(0x00, 0x00), publishOf('b')])
  reader.push(stream)
  assert.equal(nextPublish(reader).topic, 'a')
  for (let i = 0; i < 3; i++) {
    assert.throws(
      () => reader.next(),
      (error) => error instanceof DecodeError && error.code === 'packet-type',
    )
    reader.push(publishOf('c'))
  }
})

test('other protocols are refused by their first byte', () => {
  for (const greeting of ['GET / HTTP/1.1\r\n', '\x16\x03\x01\x02\x00', 'SSH-2.0-x\r\n', '\x00\x00']) {
    const reader = new PacketReader(LIMITS)
    reader.push(Buffer.from(greeting.slice(0, 1), 'latin1'))
    assert.throws(() => reader.next(), DecodeError, greeting)
  }
})
