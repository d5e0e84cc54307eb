/** What must hold for any bytes at all; throws an AssertionError where it does not. */

import assert from 'node:assert/strict'
import { instantOf } from '@holdfast/base'
import { ClientConnection } from '../client-connection.ts'
import { encode } from '../encode.ts'
import { DecodeError } from '../errors.ts'
import type { Packet } from '../packet.ts'
import { PacketReader } from '../reader.ts'
import { ServerConnection } from '../server-connection.ts'
import { ClientRecord, type Entry, hex, ServerRecord } from './records.ts'

/** Small, so that short inputs reach them. */
const LIMITS = Object.freeze({
  openingPacketBytesMax: 256,
  packetBytesMax: 1024,
  heldBytesMax: 512,
  inflightMax: 4,
  openingTimeoutMs: 10_000,
  answerTimeoutMs: 30_000,
  silenceMsMax: 1_767_000,
})
const NOW = instantOf(0)

/**
 * - Reader, server and client behave alike whether bytes come whole, one by one, or in sevens; so does a server that
 *   decides late, or stops at every packet.
 * - Nothing is thrown but `DecodeError`, and by the machines nothing.
 * - What was decoded encodes to the very bytes it came from: there is one encoding of everything.
 * - After a close nothing happens; what a machine sends can be decoded.
 */
export function fuzzTarget(bytes: Uint8Array): void {
  const runs = [readAll, serveAll, serveLate, clientAll]
  // A paused server holds no more than this, and what it closes for then depends on when it was read.
  if (bytes.length <= LIMITS.openingPacketBytesMax + LIMITS.heldBytesMax) runs.push(servePaused)
  for (const run of runs) {
    const whole = run([bytes])
    assert.deepEqual(run(piecesOf(bytes, 1)), whole, `${run.name}: byte by byte`)
    assert.deepEqual(run(piecesOf(bytes, 7)), whole, `${run.name}: in sevens`)
  }
}

/** Copies, each overwritten once it has been taken, as a driver with one buffer would do. */
function piecesOf(bytes: Uint8Array, size: number): Uint8Array[] {
  const pieces: Uint8Array[] = []
  for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.slice(at, at + size))
  return pieces
}

function readAll(pieces: readonly Uint8Array[]): unknown[] {
  const reader = new PacketReader(LIMITS)
  const seen: unknown[] = []
  let wire = ''
  try {
    for (const piece of pieces) {
      const mine = piece.slice()
      reader.push(mine)
      for (let packet = reader.next(); packet !== undefined; packet = reader.next()) {
        const encoded = hex(encode(packet))
        wire += encoded
        seen.push(comparable(packet))
      }
      mine.fill(0xee)
      assert.ok(reader.waitingBytes < LIMITS.packetBytesMax)
    }
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    seen.push(error.code)
    assert.throws(() => reader.next(), error)
    assert.equal(reader.waitingBytes, 0)
  }
  assert.ok(hex(Buffer.concat(pieces)).startsWith(wire), 'a packet has two encodings')
  return seen
}

function comparable(packet: Packet): unknown {
  return packet.type === 'publish' ? { ...packet, payload: hex(packet.payload) } : packet
}

/** A server that lets everyone in at once and answers everything. */
function serveAll(pieces: readonly Uint8Array[]): Entry[] {
  return serve(pieces, (connection) => connection.accept({ sessionPresent: false }, NOW))
}

/** A server that decides after everything has come. */
function serveLate(pieces: readonly Uint8Array[]): Entry[] {
  return serve(pieces, () => {})
}

/** A server that pauses at every PUBLISH, until everything that has come so far is done. */
function servePaused(pieces: readonly Uint8Array[]): Entry[] {
  let isPaused = false
  return serve(
    pieces,
    (connection) => connection.accept({ sessionPresent: false }, NOW),
    (connection, name) => {
      if (name === 'publish') {
        connection.pause()
        isPaused = true
      }
      while (name === undefined && isPaused) {
        isPaused = false
        connection.resume(NOW)
      }
    },
  )
}

/** @param attend is told of every event, and of the end of every piece (without a name). */
function serve(
  pieces: readonly Uint8Array[],
  decide: (connection: ServerConnection) => void,
  attend: (connection: ServerConnection, name?: string) => void = () => {},
): Entry[] {
  const record = new ServerRecord()
  const connection = new ServerConnection(NOW, LIMITS, record)
  let isAsked = false
  record.answer = ([name, packet]) => {
    attend(connection, name)
    if (name === 'connect') {
      isAsked = true
      decide(connection)
    }
    if (name === 'publish' && isNumbered(packet) && packet.packetId !== 0) connection.puback([packet.packetId])
    if (name === 'subscribe' && isNumbered(packet)) {
      connection.suback(packet.packetId, [1])
      if (connection.canPublish) connection.publish({ topic: 't', payload: new Uint8Array(1), qos: 1 })
    }
    if (name === 'unsubscribe' && isNumbered(packet)) connection.unsuback(packet.packetId)
  }
  for (const piece of pieces) {
    const mine = piece.slice()
    connection.receive(mine, NOW)
    mine.fill(0xee)
    attend(connection)
  }
  if (isAsked && !connection.isOpen && !connection.isClosed) connection.accept({ sessionPresent: false }, NOW)
  checkEnd(record.entries, connection.isClosed)
  const count = record.entries.length
  if (connection.isClosed) {
    connection.receive(Uint8Array.of(0xc0, 0), NOW)
    connection.tick(instantOf(1e9))
    connection.puback([1])
    assert.equal(record.entries.length, count, 'something happened after the close')
  }
  return record.entries
}

function isNumbered(value: unknown): value is { readonly packetId: number } {
  return typeof value === 'object' && value !== null && 'packetId' in value && typeof value.packetId === 'number'
}

function clientAll(pieces: readonly Uint8Array[]): Entry[] {
  const record = new ClientRecord()
  const options = { clientId: 'c', cleanSession: false, keepAliveSeconds: 60 }
  const connection = new ClientConnection(NOW, options, record, { limits: { ...CLIENT, ...LIMITS } })
  record.answer = ([name]) => {
    if (name !== 'open') return
    connection.subscribe([{ filter: 'a/#', qos: 1 }], NOW)
    connection.publish({ topic: 't', payload: new Uint8Array(1), qos: 1 }, NOW)
  }
  for (const piece of pieces) {
    const mine = piece.slice()
    connection.receive(mine, NOW)
    mine.fill(0xee)
  }
  checkEnd(record.entries, connection.isClosed)
  return record.entries
}

const CLIENT = { connackTimeoutMs: 30_000, pingTimeoutMs: 10_000 }

function checkEnd(entries: readonly Entry[], isClosed: boolean): void {
  const closes = entries.flatMap(([name], index) => (name === 'close' ? [index] : []))
  assert.deepEqual(closes, isClosed ? [entries.length - 1] : [], 'a close comes once and last')
  const reader = new PacketReader(LIMITS)
  for (const [name, sent] of entries) {
    if (name !== 'send' || typeof sent !== 'string') continue
    reader.push(Buffer.from(sent, 'hex'))
    while (reader.next() !== undefined);
  }
  assert.equal(reader.waitingBytes, 0)
}
