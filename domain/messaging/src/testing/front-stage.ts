/** A front with everything around it played by a test: peers, core, log and clock. */

import { type Instant, instantOf, type Timestamp, timestampOf } from '@holdfast/base'
import { encode, encodeConnect, type ConnectOptions, type Packet, PacketReader } from '@holdfast/mqtt'
import { openBatch } from '../batch.ts'
import { Front } from '../front.ts'
import type { Admission, CoreToFront, FrontToCore, FrontToLog, PeerFacts } from '../front-messages.ts'
import { FRONT_LIMITS, type FrontLimits } from '../limits.ts'
import type { TelemetryMessage } from '../telemetry-message.ts'

export const STAGE_KEY = new Uint8Array(32).fill(9)
const START = 1_795_000_000_000
/** Partitions of a stage's hub. */
export const STAGE_PARTITIONS = 4

export class FrontStage {
  readonly front: Front
  readonly core: FrontToCore[] = []
  readonly log: FrontToLog[] = []
  readonly closed = new Set<number>()
  readonly paused = new Set<number>()
  /** What `write` answers, by connection. */
  readonly backlog = new Map<number, number>()
  /** How often each connection was written to. */
  readonly writes = new Map<number, number>()
  now: Instant = instantOf(1_000)
  /** How far civil time runs ahead of the monotonic clock, in milliseconds. */
  civilShift = START
  readonly #readers = new Map<number, PacketReader>()

  constructor(options: { readonly limits?: Partial<FrontLimits>; readonly hasKey?: boolean } = {}) {
    this.front = new Front({
      partitions: STAGE_PARTITIONS,
      clock: { monotonic: () => this.now, wall: () => this.wall },
      random: (bytes) => new Uint8Array(bytes).fill(3),
      limits: { ...FRONT_LIMITS, ...options.limits },
      effects: {
        write: (connection, bytes) => {
          // Two sends may come before a test looks: the reader borrows, so it is given a copy.
          this.#reader(connection).push(bytes.slice())
          this.writes.set(connection, (this.writes.get(connection) ?? 0) + 1)
          return this.backlog.get(connection) ?? 0
        },
        close: (connection) => this.closed.add(connection),
        pauseReading: (connection) => this.paused.add(connection),
        resumeReading: (connection) => this.paused.delete(connection),
        toCore: (messages) => this.core.push(...messages),
        toLog: (append) => this.log.push(append),
      },
    })
    if (options.hasKey !== false) this.tell({ kind: 'data-key', epoch: 1, key: STAGE_KEY })
  }

  get wall(): Timestamp {
    return timestampOf(Math.floor(this.now + this.civilShift))
  }

  open(connection: number, address = '10.0.0.1'): void {
    this.front.opened(connection, { address, facts: () => factsOf(address) }, this.now)
  }

  receive(connection: number, bytes: Uint8Array): void {
    this.front.received(connection, bytes, this.now)
  }

  send(connection: number, ...packets: readonly Packet[]): void {
    this.receive(connection, Buffer.concat(packets.map((packet) => encode(packet))))
  }

  /** Opens, connects and admits a device or module; `deviceId` may be `device/module`. */
  join(connection: number, clientId: string, more: Partial<ConnectOptions> & Partial<Admission> = {}): void {
    this.open(connection)
    this.receive(connection, connectBytes(clientId, more))
    const [deviceId = '', moduleId] = clientId.split('/')
    const { expires, subscriptions = [], sessionPresent = false } = more
    this.tell({
      kind: 'admit',
      connection,
      admission: {
        deviceId,
        ...(moduleId === undefined ? {} : { moduleId }),
        generationId: 'g1',
        authMethod: '{}',
        sessionPresent,
        subscriptions,
        ...(expires === undefined ? {} : { expires }),
      },
    })
    this.turn()
  }

  tell(...messages: readonly CoreToFront[]): void {
    this.front.fromCore(messages, this.now)
  }

  publish(connection: number, topic: string, packetId: number, body = 'x'): void {
    this.send(connection, publishPacket(topic, packetId, body))
  }

  turn(): void {
    this.front.endOfTurn()
  }

  /** Moves time on, calling `tick` where the front asks for it. */
  pass(milliseconds: number): void {
    const until = this.now + milliseconds
    for (;;) {
      const { deadline } = this.front
      if (deadline === undefined || deadline > until) break
      this.now = instantOf(Math.max(this.now, deadline))
      this.front.tick(this.now)
    }
    this.now = instantOf(until)
    this.turn()
  }

  /** The log commits the oldest append that is not committed, or the one given. */
  commit(ticket: number): void {
    this.front.fromLog({ kind: 'committed', ticket }, this.now)
  }

  /** What has been written to a peer and not looked at. */
  packets(connection: number): readonly Packet[] {
    const packets: Packet[] = []
    const reader = this.#reader(connection)
    for (let packet = reader.next(); packet !== undefined; packet = reader.next()) packets.push(packet)
    return packets
  }

  /** All messages handed to the log, decoded. */
  logged(): readonly TelemetryMessage[] {
    return this.log.flatMap(({ batches }) =>
      batches.flatMap((batch) => openBatch({ ...batch, firstSequence: 0, firstOffset: 0 }, () => STAGE_KEY)),
    )
  }

  /** Messages to the core of one kind. */
  told<K extends FrontToCore['kind']>(kind: K): readonly Extract<FrontToCore, { readonly kind: K }>[] {
    return this.core.filter((message): message is Extract<FrontToCore, { readonly kind: K }> => message.kind === kind)
  }

  #reader(connection: number): PacketReader {
    let reader = this.#readers.get(connection)
    if (reader === undefined) {
      reader = new PacketReader({ packetBytesMax: 1_000_000 })
      this.#readers.set(connection, reader)
    }
    return reader
  }
}

/** A CONNECT as the Node SDK sends it. */
export function connectBytes(clientId: string, more: Partial<ConnectOptions> = {}): Uint8Array {
  const { username = `hub.example/${clientId}/?api-version=2021-04-12`, cleanSession = false, will, password } = more
  return encodeConnect({
    clientId,
    username,
    cleanSession,
    keepAliveSeconds: more.keepAliveSeconds ?? 60,
    ...(password === undefined ? {} : { password }),
    ...(will === undefined ? {} : { will }),
  })
}

/** A PUBLISH at QoS 1, or at QoS 0 when `packetId` is 0. */
export function publishPacket(topic: string, packetId: number, body: string | Uint8Array = 'x'): Packet {
  const payload = typeof body === 'string' ? new TextEncoder().encode(body) : body
  return { type: 'publish', topic, payload, qos: packetId === 0 ? 0 : 1, retain: false, dup: false, packetId }
}

function factsOf(address: string): PeerFacts {
  return { address, port: 40_000, transport: 'mqtt', tlsVersion: 'TLSv1.3', tlsFingerprint: 'f' }
}
