/** Client and server machines joined by a wire that delivers in pieces and breaks. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Instant, instantOf } from '@holdfast/base'
import fc from 'fast-check'
import { ClientConnection, type ClientEvents } from './client-connection.ts'
import { ClientSession } from './client-session.ts'
import { CLIENT_LIMITS, SERVER_LIMITS } from './limits.ts'
import type { Publish, Subscribe } from './packet.ts'
import { ServerConnection, type ServerEvents } from './server-connection.ts'

/** Bytes under way in one direction; what is under way when the wire breaks is lost. */
class Wire {
  #bytes: Uint8Array = new Uint8Array(0)

  write(bytes: Uint8Array): void {
    this.#bytes = Buffer.concat([this.#bytes, bytes])
  }

  read(count: number): Uint8Array {
    const bytes = this.#bytes.slice(0, count)
    this.#bytes = this.#bytes.slice(count)
    return bytes
  }
}

/** A device that publishes numbers and a hub that keeps them, with sessions on both sides. */
class Conversation {
  now: Instant = instantOf(0)
  readonly kept: number[] = []
  readonly acknowledged = new Set<number>()
  readonly #session = new ClientSession()
  readonly #numbers = new Map<number, number>()
  #published = 0
  #hasServerSession = false
  #toServer = new Wire()
  #toClient = new Wire()
  #owed: number[] = []
  #client: ClientConnection | undefined
  #server: ServerConnection | undefined
  reasons: string[] = []

  get isSettled(): boolean {
    return this.#session.unacked === 0
  }

  connect(): void {
    this.#toServer = new Wire()
    this.#toClient = new Wire()
    this.#owed = []
    this.#server = new ServerConnection(this.now, SERVER_LIMITS, this.#serverEvents())
    const options = { clientId: 'd', cleanSession: false, keepAliveSeconds: 30 }
    const limits = { ...CLIENT_LIMITS, inflightMax: 4 }
    this.#client = new ClientConnection(this.now, options, this.#clientEvents(), { limits, session: this.#session })
  }

  breakWire(): void {
    this.#client?.close()
    this.#server?.close()
  }

  publish(): void {
    if (this.#client?.canPublish !== true) return
    const number = this.#published++
    const packetId = this.#client.publish({ topic: 't', payload: Uint8Array.of(number >> 8, number), qos: 1 }, this.now)
    this.#numbers.set(packetId, number)
  }

  toServer(count: number): void {
    this.#server?.receive(this.#toServer.read(count), this.now)
  }

  toClient(count: number): void {
    this.#client?.receive(this.#toClient.read(count), this.now)
  }

  /** The hub has the first `count` on disk. */
  acknowledge(count: number): void {
    this.#server?.puback(this.#owed.splice(0, count))
  }

  pass(milliseconds: number): void {
    this.now = instantOf(this.now + milliseconds)
    this.#client?.tick(this.now)
    this.#server?.tick(this.now)
  }

  #serverEvents(): ServerEvents {
    const wire = this.#toClient
    return {
      send: (bytes) => wire.write(bytes),
      onConnect: () => {
        this.#server?.accept({ sessionPresent: this.#hasServerSession }, this.now)
        this.#hasServerSession = true
      },
      onPublish: (publish: Publish) => {
        this.kept.push(Buffer.from(publish.payload).readUInt16BE())
        this.#owed.push(publish.packetId)
      },
      onSubscribe: (subscribe: Subscribe) => this.#server?.suback(subscribe.packetId, [1]),
      onUnsubscribe: () => {},
      onPuback: () => {},
      onClose: (reason) => this.reasons.push(reason),
    }
  }

  #clientEvents(): ClientEvents {
    const wire = this.#toServer
    return {
      send: (bytes) => wire.write(bytes),
      onOpen: () => {},
      onPublish: () => {},
      onPuback: (packetId) => {
        const number = this.#numbers.get(packetId)
        assert.ok(number !== undefined)
        this.acknowledged.add(number)
      },
      onSuback: () => {},
      onUnsuback: () => {},
      onClose: (reason) => this.reasons.push(reason),
    }
  }
}

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('publish' as const), count: fc.constant(1) }) },
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('toServer' as const), count: fc.integer({ min: 1, max: 40 }) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('toClient' as const), count: fc.integer({ min: 1, max: 12 }) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('acknowledge' as const), count: fc.integer({ min: 1, max: 3 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('break' as const), count: fc.constant(1) }) },
)

test('§4.3.2, §4.6: whatever breaks, every publication arrives, first arrivals in order, and none is acknowledged before', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const talk = new Conversation()
      talk.connect()
      for (const { kind, count } of steps) {
        if (kind === 'publish') talk.publish()
        else if (kind === 'toServer') talk.toServer(count)
        else if (kind === 'toClient') talk.toClient(count)
        else if (kind === 'acknowledge') talk.acknowledge(count)
        else {
          talk.breakWire()
          talk.connect()
        }
        for (const number of talk.acknowledged) assert.ok(talk.kept.includes(number))
      }
      for (let turn = 0; turn < 3; turn++) {
        talk.toServer(1e6)
        talk.acknowledge(100)
        talk.toClient(1e6)
      }
      assert.ok(talk.isSettled)
      const first = [...new Set(talk.kept)]
      assert.deepEqual(
        first,
        first.toSorted((a, b) => a - b),
      )
      assert.equal(talk.acknowledged.size, first.length)
      assert.deepEqual(talk.reasons, [])
    }),
    { numRuns: 300 },
  )
})

test('§3.1.2.10: an idle conversation lives for days by its pings, and ends on both sides when the wire is cut', () => {
  const talk = new Conversation()
  talk.connect()
  const exchange = (): void => {
    for (let turn = 0; turn < 3; turn++) {
      talk.toServer(1e6)
      talk.toClient(1e6)
    }
  }
  exchange()
  for (let second = 0; second < 2 * 86_400; second++) {
    talk.pass(1000)
    exchange()
  }
  assert.deepEqual(talk.reasons, [])
  for (let second = 0; second < 60; second++) talk.pass(1000)
  assert.deepEqual(talk.reasons, ['keep-alive', 'keep-alive'])
})
