/**
 * Packets a second of this thread's processor time, so that a busy machine does not count, and without a network:
 * `node --expose-gc protocol/mqtt/src/testing/reader-bench.ts`.
 * Chunks are what TLS gives: records of 16 KiB, packets lying across their borders.
 */

import { instantOf } from '@holdfast/base'
import { encodeConnect, encodePublish } from '../encode.ts'
import { SERVER_LIMITS } from '../limits.ts'
import { PacketReader } from '../reader.ts'
import { ServerConnection, type ServerEvents } from '../server-connection.ts'

const PACKETS = 400_000
const ROUNDS = 7

function chunksOf(bytes: Uint8Array, size: number): Uint8Array[] {
  const chunks: Uint8Array[] = []
  for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size))
  return chunks
}

function publications(topicOf: (i: number) => string): Uint8Array {
  const packets: Uint8Array[] = []
  for (let i = 0; i < 640; i++) {
    packets.push(encodePublish({ topic: topicOf(i), payload: new Uint8Array(256), qos: 1, packetId: (i % 65_535) + 1 }))
  }
  return Buffer.concat(packets)
}

function measure(name: string, run: () => number): void {
  const rates: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const start = process.threadCpuUsage()
    const packets = run()
    const { user, system } = process.threadCpuUsage(start)
    rates.push(packets / ((user + system) / 1e6))
  }
  rates.sort((a, b) => a - b)
  const median = rates[ROUNDS >> 1] ?? 0
  process.stdout.write(`${name.padEnd(64)} ${(median / 1e6).toFixed(2)} M packets/s\n`)
}

function readAll(stream: Uint8Array, size: number): () => number {
  const chunks = chunksOf(stream, size)
  return () => {
    const reader = new PacketReader(SERVER_LIMITS)
    let packets = 0
    while (packets < PACKETS) {
      for (const chunk of chunks) {
        reader.push(chunk)
        while (reader.next() !== undefined) packets++
      }
    }
    return packets
  }
}

class Sink implements ServerEvents {
  packets = 0
  payloadBytes = 0
  connection: ServerConnection | undefined
  send(): void {}
  onConnect(): void {
    this.connection?.accept({ sessionPresent: false }, instantOf(0))
  }
  onPublish(publish: { readonly payload: Uint8Array; readonly packetId: number }): void {
    this.packets++
    this.payloadBytes += publish.payload.length
  }
  onSubscribe(): void {}
  onUnsubscribe(): void {}
  onPuback(): void {}
  onClose(reason: string, detail: string): void {
    throw new Error(`${reason}: ${detail}`)
  }
}

function serveAll(stream: Uint8Array, acknowledge: boolean): () => number {
  const chunks = chunksOf(stream, 16_384)
  return () => {
    const sink = new Sink()
    const connection = new ServerConnection(instantOf(0), SERVER_LIMITS, sink)
    sink.connection = connection
    connection.receive(encodeConnect({ clientId: 'd', cleanSession: true, keepAliveSeconds: 60 }), instantOf(0))
    while (sink.packets < PACKETS) {
      for (const chunk of chunks) connection.receive(chunk, instantOf(1))
      if (acknowledge) for (let i = 0; i < 64; i++) connection.puback([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    }
    return sink.packets
  }
}

const same = publications(() => 'devices/pump-0042/messages/events/')
const varying = publications(
  (i) => `devices/pump-0042/messages/events/%24.mid=${i + 100_000}&%24.ct=application%2Fjson`,
)
measure('reader, 256 B QoS 1, one topic, 16 KiB chunks', readAll(same, 16_384))
measure('reader, 256 B QoS 1, another topic each, 16 KiB chunks', readAll(varying, 16_384))
measure('reader, 256 B QoS 1, one topic, 100 B chunks', readAll(same, 100))
measure('server connection, one topic, 16 KiB chunks', serveAll(same, false))
measure('server connection, one topic, 16 KiB chunks, pubacks by ten', serveAll(same, true))

measure('server connection, one packet a chunk, one PUBACK each', () => {
  const chunks = chunksOf(same, same.length / 640)
  const sink = new Sink()
  const connection = new ServerConnection(instantOf(0), SERVER_LIMITS, sink)
  sink.connection = connection
  connection.receive(encodeConnect({ clientId: 'd', cleanSession: true, keepAliveSeconds: 60 }), instantOf(0))
  const ids = [7]
  while (sink.packets < PACKETS) {
    for (const chunk of chunks) {
      connection.receive(chunk, instantOf(1.5))
      connection.puback(ids)
    }
  }
  return sink.packets
})
measure('encode PUBLISH, 256 B QoS 1', () => {
  const payload = new Uint8Array(256)
  let bytes = 0
  for (let i = 0; i < PACKETS; i++)
    bytes += encodePublish({
      topic: 'devices/pump-0042/messages/events/',
      payload,
      qos: 1,
      packetId: 1 + (i & 0xff),
    }).length
  return bytes === 0 ? 0 : PACKETS
})

const CONNECTIONS = 20_000

/** What an admitted, idle connection holds of its own, in bytes of heap and outside it; needs --expose-gc. */
function measureIdle(): void {
  if (globalThis.gc === undefined) return
  const connect = encodeConnect({ clientId: 'pump-0042', cleanSession: true, keepAliveSeconds: 60 })
  const publish = encodePublish({ topic: 'devices/pump-0042/messages/events/', payload: connect, qos: 1, packetId: 1 })
  const connections: ServerConnection[] = []
  globalThis.gc()
  globalThis.gc()
  const before = process.memoryUsage()
  for (let i = 0; i < CONNECTIONS; i++) {
    const sink = new Sink()
    const connection = new ServerConnection(instantOf(i + 0.5), SERVER_LIMITS, sink)
    sink.connection = connection
    connection.receive(connect, instantOf(i + 0.5))
    connection.receive(publish, instantOf(i + 0.5))
    connections.push(connection)
  }
  globalThis.gc()
  globalThis.gc()
  const after = process.memoryUsage()
  const bytes = after.heapUsed + after.external - before.heapUsed - before.external
  process.stdout.write(`an idle server connection holds ${Math.round(bytes / connections.length)} bytes\n`)
}

measureIdle()
