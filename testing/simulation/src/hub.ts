/**
 * A hub of the real machines: fronts, session directory, log writer. Between them messages take time, as between
 * threads. It can be killed at any moment; what is durable outlives it.
 */

import { type Instant, instantOf, later, timestampOf } from '@holdfast/base'
import { cuts, type Cut } from '@holdfast/identity'
import {
  type CoreToFront,
  FRONT_LIMITS,
  Front,
  type FrontLimits,
  type FrontToCore,
  type FrontToLog,
  LOG_WRITER_LIMITS,
  LogWriter,
  type LogToFront,
  SessionDirectory,
  type SessionRequest,
  type StoredBatch,
} from '@holdfast/messaging'
import { MemorySessionStore, MemoryTelemetryLog, SimulatedCrash } from '@holdfast/messaging/testing'
import { PacketReader } from '@holdfast/mqtt'
import { Ledger, Violation } from './ledger.ts'
import type { Link } from './link.ts'
import type { World } from './world.ts'

export const PARTITIONS = 4

export interface HubSettings {
  readonly fronts: number
  readonly limits: FrontLimits
  /** Chance that an append to the log meets trouble. */
  readonly logTrouble: number
  /** Longest time the log then refuses, in milliseconds. */
  readonly outageMs: number
  readonly commitBytesMax: number
  readonly storeTrouble: number
  /** Chance that a verdict takes seconds, so that much happens between what it saw and when it is told. */
  readonly slowVerdicts: number
}

export const SMALL_LIMITS: FrontLimits = {
  ...FRONT_LIMITS,
  // Small, so that the bounds are met often.
  unacknowledgedMax: 8,
  pendingBytesMax: 3_000,
  backlogBytesMax: 20_000,
  // One address stands for all clients here.
  refusedRate: { perSecond: 1_000, burst: 10_000 },
}

/** Largest record of the simulation's messages, and wills: what a front may hold beyond its bound. */
const RECORD_BYTES = 1_200
/** What wills, which are not held back, may add. */
const WILLS_BYTES = 1_500

/** What the simulation knows of a client's side, to hold the hub to its promises. */
export interface Witness {
  readonly identity: string
  /** Names the connection among all of the identity's; contains a `#`. */
  readonly name: string
  readonly cleanSession: boolean
  /** The message that the client sent under this id and has no acknowledgement for. */
  messageOf(packetId: number): string | undefined
  /** The filter that the client subscribed to under this id. */
  filterOf(packetId: number): string | undefined
}

/** What lasts: disk, and what the operator knows. */
export class Disk {
  readonly log = new MemoryTelemetryLog(PARTITIONS)
  readonly sessions = new MemorySessionStore()
  readonly keys = new Map<number, Uint8Array>()
  readonly ledger = new Ledger((epoch) => this.keys.get(epoch))
  readonly disabled = new Set<string>()
  /** Identities whose subscriptions a SUBACK has promised to keep. */
  readonly promised = new Set<string>()
}

interface Connection {
  readonly link: Link
  readonly witness: Witness | undefined
  readonly reader: PacketReader
  expires: Instant
  isLive: boolean
}

export class Hub {
  readonly #world: World
  readonly #disk: Disk
  readonly #settings: HubSettings
  readonly #crashed: () => void
  readonly #fronts: FrontThread[] = []
  readonly #directory: SessionDirectory
  readonly #writer: LogWriter
  /** Who is in, by identity: one at most. */
  readonly #live = new Map<string, { readonly front: number; readonly connection: number }>()
  #isRunning = true
  #isLogBusy = false
  #outageUntil = 0
  #coreTimer: Instant | undefined
  cutOffs = 0

  constructor(world: World, disk: Disk, settings: HubSettings, crashed: () => void) {
    this.#world = world
    this.#disk = disk
    this.#settings = settings
    this.#crashed = crashed
    this.#directory = new SessionDirectory({
      toFront: (front, message) => this.#sendToFront(front, message),
      store: (request) => this.#ask(request),
      subscribed: () => {},
      opened: () => {},
      ended: () => {},
    })
    disk.log.trouble = () => this.#logTrouble()
    this.#writer = new LogWriter({
      log: disk.log,
      limits: { ...LOG_WRITER_LIMITS, commitBytesMax: settings.commitBytesMax },
      answer: (front, message) => this.#answer(front, message),
    })
    for (let index = 0; index < settings.fronts; index++) {
      this.#writer.attach(index)
      this.#fronts.push(new FrontThread(index, this))
    }
    this.rotate()
  }

  get world(): World {
    return this.#world
  }

  get limits(): FrontLimits {
    return this.#settings.limits
  }

  get isRunning(): boolean {
    return this.#isRunning
  }

  get disk(): Disk {
    return this.#disk
  }

  /** A client connects; the kernel picks a front. */
  connect(link: Link, witness: Witness | undefined): void {
    this.#world.random.pick(this.#fronts).open(link, witness)
  }

  /** A new data key from now on. */
  rotate(): void {
    const epoch = this.#disk.keys.size
    const key = this.#world.random.bytes(32)
    this.#disk.keys.set(epoch, key)
    for (const { index } of this.#fronts) this.#sendToFront(index, { kind: 'data-key', epoch, key })
  }

  /** Disables an identity: durably first, then its sessions are cut off. */
  disable(deviceId: string, done: () => void): void {
    this.#disk.disabled.add(deviceId)
    const cut: Cut = { kind: 'identity', deviceId, generationId: 'g', reason: 'identity-disabled' }
    this.#directory.cutOff(
      {
        matches: ({ subject }) => subject.kind === 'identity' && cuts(cut, subject.standing),
        reason: 'identity-disabled',
      },
      this.#world.now,
      () => {
        if (this.#live.has(deviceId)) throw new Violation(`${deviceId} lives on after its cut-off`)
        this.cutOffs += 1
        done()
      },
    )
    this.#armCore()
  }

  /** Stops at once, as by SIGKILL: what is under way between threads is lost. */
  kill(): void {
    if (!this.#isRunning) return
    this.#isRunning = false
    for (const front of this.#fronts) front.kill()
    this.#crashed()
  }

  /** Runs `task` in so many milliseconds, unless the hub has stopped by then. */
  later(milliseconds: number, task: () => void): void {
    this.#world.after(milliseconds, () => {
      if (this.#isRunning) task()
    })
  }

  // From the fronts.

  fromFront(front: number, messages: readonly FrontToCore[]): void {
    for (const message of messages) this.#fromFront(front, structuredClone(message))
    this.#armCore()
  }

  toLog(front: number, append: FrontToLog): void {
    this.#writer.received(front, append)
    this.#startLog(0)
  }

  /** A connection is admitted: its CONNACK leaves. */
  admitted(front: number, connection: number, witness: Witness, sessionPresent: boolean): void {
    const { identity, cleanSession } = witness
    const other = this.#live.get(identity)
    if (other !== undefined) throw new Violation(`${identity} is in twice`)
    if (this.#disk.disabled.has(identity)) throw new Violation(`${identity} is let in while it is disabled`)
    const isPromised = this.#disk.promised.has(identity)
    if (cleanSession && sessionPresent) throw new Violation(`a clean session of ${identity} finds an older one`)
    if (!cleanSession && isPromised && !sessionPresent) throw new Violation(`the session of ${identity} is lost`)
    this.#live.set(identity, { front, connection })
    this.#disk.ledger.admitted(identity, witness.name)
  }

  ended(front: number, connection: number, witness: Witness): void {
    const live = this.#live.get(witness.identity)
    if (live?.front === front && live.connection === connection) this.#live.delete(witness.identity)
  }

  #fromFront(front: number, message: FrontToCore): void {
    const { now } = this.#world
    switch (message.kind) {
      case 'connect':
        this.#directory.arrived(front, message.connection, now)
        this.#authenticate(front, message)
        return
      case 'closed':
        this.#directory.closed(front, message.connection, message, now)
        return
      case 'subscriptions':
        this.#directory.subscriptions(front, message.connection, message, now)
        return
      case 'activity':
        this.#directory.activity(front, message.connections, now)
        return
      case 'provision':
      case 'turned-away':
    }
  }

  /** Reads the truth at one moment and answers at a later one. */
  #authenticate(front: number, { claim, connection }: Extract<FrontToCore, { readonly kind: 'connect' }>): void {
    const { random } = this.#world
    if (claim.service !== 'hub') {
      this.#directory.refuse(front, connection, { code: 5, reason: 'no provisioning here' })
      return
    }
    this.later(random.delay({ least: 0, mean: 5, most: 500 }), () => {
      const isDisabled = this.#disk.disabled.has(claim.deviceId)
      const isSlow = random.chance(this.#settings.slowVerdicts)
      this.later(isSlow ? random.between(100, 12_000) : random.delay({ least: 0, mean: 5, most: 500 }), () => {
        if (isDisabled) this.#directory.refuse(front, connection, { code: 5, reason: 'disabled' })
        else {
          const { deviceId, cleanSession } = claim
          const standing = { deviceId, generationId: 'g', basis: { kind: 'device-key', slot: 'primary' } as const }
          const lifeMs = random.chance(0.2) ? random.between(1_000, 20_000) : 3_600_000
          const expires = timestampOf(this.#world.wall() + lifeMs)
          this.#directory.admit(
            front,
            connection,
            { standing, authMethod: '{}', cleanSession, expires },
            this.#world.now,
          )
        }
        this.#armCore()
      })
    })
  }

  #sendToFront(front: number, message: CoreToFront): void {
    this.#fronts[front]?.fromCore(message)
  }

  #ask(request: SessionRequest): void {
    const { random } = this.#world
    // Asked for is as good as done, whatever becomes of the connection that asked.
    if (request.kind === 'discard') this.#disk.promised.delete(request.key.deviceId)
    const takes = random.chance(this.#settings.storeTrouble)
      ? random.between(1_000, 15_000)
      : random.delay({ least: 0, mean: 3, most: 300 })
    this.later(takes, () => {
      this.#disk.sessions.isFailing = random.chance(this.#settings.storeTrouble)
      const answer = this.#disk.sessions.answer(request)
      this.later(random.delay({ least: 0, mean: 1, most: 50 }), () => {
        this.#directory.stored(answer, this.#world.now)
        this.#armCore()
      })
    })
  }

  #armCore(): void {
    const { deadline } = this.#directory
    if (deadline === undefined || (this.#coreTimer !== undefined && this.#coreTimer <= deadline)) return
    this.#coreTimer = deadline
    this.later(deadline - this.#world.now, () => {
      if (this.#coreTimer !== deadline) return
      this.#coreTimer = undefined
      this.#directory.tick(this.#world.now)
      this.#armCore()
    })
  }

  #startLog(milliseconds: number): void {
    if (this.#isLogBusy) return
    this.#isLogBusy = true
    const { random } = this.#world
    const syncMs = random.delay({ least: 0.5, mean: 5, most: 2_000 })
    this.later(milliseconds + syncMs, () => {
      this.#isLogBusy = false
      this.#runLog()
    })
  }

  #runLog(): void {
    let hasMore: boolean
    try {
      hasMore = this.#writer.run(this.#world.now)
    } catch (error) {
      if (!(error instanceof SimulatedCrash)) throw error
      this.#disk.ledger.read(this.#stored)
      this.kill()
      return
    }
    this.#disk.ledger.read(this.#stored)
    if (hasMore) this.#startLog(0)
    else if (this.#writer.deadline !== undefined) this.#startLog(this.#writer.deadline - this.#world.now)
  }

  get #stored(): readonly StoredBatch[] {
    return this.#disk.log.stored
  }

  #answer(front: number, message: LogToFront): void {
    this.#fronts[front]?.fromLog(message)
  }

  #logTrouble(): ReturnType<NonNullable<MemoryTelemetryLog['trouble']>> {
    const { random, now } = this.#world
    if (now < this.#outageUntil) return { kind: 'refuse', reason: 'disk-full' }
    if (!random.chance(this.#settings.logTrouble)) return undefined
    const kind = random.between(0, 9)
    if (kind === 0) return { kind: 'crash-before-sync' }
    if (kind === 1) return { kind: 'crash-after-sync' }
    this.#outageUntil = now + random.between(0, this.#settings.outageMs)
    return { kind: 'refuse', reason: 'disk-full' }
  }
}

/** A front and its driver. */
class FrontThread {
  readonly index: number
  readonly #hub: Hub
  readonly #front: Front
  readonly #connections = new Map<number, Connection>()
  /** When the last message of each way arrives: none overtakes another. */
  #coreArrives = 0
  #logArrives = 0
  #toCoreArrives = 0
  #toLogArrives = 0
  #nextConnection = 0
  #isTurnPlanned = false
  #timer: Instant | undefined

  constructor(index: number, hub: Hub) {
    this.index = index
    this.#hub = hub
    const { world } = hub
    this.#front = new Front({
      partitions: PARTITIONS,
      clock: world,
      random: (bytes) => world.random.bytes(bytes),
      limits: hub.limits,
      effects: {
        write: (connection, bytes) => this.#write(connection, bytes),
        close: (connection) => this.#close(connection),
        pauseReading: (connection) => this.#connections.get(connection)?.link.toHub.pause(),
        resumeReading: (connection) => this.#connections.get(connection)?.link.toHub.resume(),
        toCore: (messages) => {
          this.#toCoreArrives = this.#after(this.#toCoreArrives, () => hub.fromFront(index, messages))
        },
        toLog: (append) => {
          this.#toLogArrives = this.#after(this.#toLogArrives, () => hub.toLog(index, append))
        },
      },
    })
  }

  open(link: Link, witness: Witness | undefined): void {
    const connection = this.#nextConnection++
    this.#connections.set(connection, {
      link,
      witness,
      reader: new PacketReader({ packetBytesMax: 1_000_000 }),
      expires: instantOf(Number.POSITIVE_INFINITY),
      isLive: false,
    })
    const { world } = this.#hub
    link.toHub.attach({
      received: (bytes) => {
        this.#front.received(connection, bytes, world.now)
        this.#planTurn()
      },
      closed: () => {
        const entry = this.#connections.get(connection)
        this.#end(connection)
        entry?.link.toClient.die(0)
        this.#front.peerClosed(connection, world.now)
        this.#planTurn()
      },
    })
    const address = '10.0.0.1'
    const facts = () => ({ address, port: 1, transport: 'mqtt', tlsVersion: 'TLSv1.3', tlsFingerprint: 'f' }) as const
    this.#front.opened(connection, { address, facts }, world.now)
    this.#planTurn()
  }

  fromCore(message: CoreToFront): void {
    const { world } = this.#hub
    this.#coreArrives = this.#after(this.#coreArrives, () => {
      if (message.kind === 'admit') {
        const entry = this.#connections.get(message.connection)
        const { expires } = message.admission
        if (entry !== undefined && expires !== undefined) entry.expires = later(world.now, expires - world.wall())
      }
      this.#front.fromCore([message], world.now)
      this.#planTurn()
    })
  }

  fromLog(message: LogToFront): void {
    this.#logArrives = this.#after(this.#logArrives, () => {
      this.#front.fromLog(message, this.#hub.world.now)
      this.#planTurn()
    })
  }

  kill(): void {
    for (const { link } of this.#connections.values()) link.hubGone()
    this.#connections.clear()
  }

  /** Plans `task` behind what was planned for the same way before. @returns when it happens. */
  #after(before: number, task: () => void): number {
    const { world } = this.#hub
    const at = Math.max(before, world.now + world.random.delay({ least: 0, mean: 0.5, most: 20 }))
    world.at(at, () => {
      if (this.#hub.isRunning) task()
    })
    return at
  }

  #planTurn(): void {
    if (this.#isTurnPlanned) return
    this.#isTurnPlanned = true
    this.#hub.later(this.#hub.world.random.between(0, 1), () => this.#turn())
  }

  #turn(): void {
    this.#isTurnPlanned = false
    const { world, limits } = this.#hub
    this.#front.endOfTurn()
    if (this.#front.pendingBytes > limits.pendingBytesMax + RECORD_BYTES + WILLS_BYTES)
      throw new Violation('a front holds too much')
    const { deadline } = this.#front
    if (deadline === undefined || (this.#timer !== undefined && this.#timer <= deadline)) return
    this.#timer = deadline
    this.#hub.later(deadline - world.now, () => {
      if (this.#timer !== deadline) return
      this.#timer = undefined
      this.#front.tick(world.now)
      this.#turn()
    })
  }

  #write(connection: number, bytes: Uint8Array): number {
    const entry = this.#connections.get(connection)
    if (entry === undefined) throw new Violation('something is written to a connection that is closed')
    this.#watch(connection, entry, bytes)
    entry.link.toClient.write(bytes)
    return entry.link.toClient.pending
  }

  /** Reads along what leaves the hub, and holds it to it. */
  #watch(connection: number, entry: Connection, bytes: Uint8Array): void {
    const { witness, reader } = entry
    if (witness === undefined) return
    const { disk, world } = this.#hub
    if (entry.isLive && world.now > entry.expires + 1_000) throw new Violation('a session outlives its credential')
    reader.push(bytes.slice())
    for (let packet = reader.next(); packet !== undefined; packet = reader.next()) {
      if (packet.type === 'connack' && packet.returnCode === 0) {
        entry.isLive = true
        this.#hub.admitted(this.index, connection, witness, packet.sessionPresent)
      } else if (packet.type === 'puback') {
        const message = witness.messageOf(packet.packetId)
        if (message !== undefined) disk.ledger.acknowledge(message)
      } else if (packet.type === 'suback' && !witness.cleanSession) {
        disk.promised.add(witness.identity)
        const stored = disk.sessions.stored({ deviceId: witness.identity }) ?? []
        const filter = witness.filterOf(packet.packetId)
        if (!stored.some((subscription) => subscription.filter === filter)) {
          throw new Violation(`a subscription of ${witness.identity} is answered and not kept`)
        }
      }
    }
  }

  #close(connection: number): void {
    const entry = this.#connections.get(connection)
    if (entry === undefined) return
    this.#end(connection)
    entry.link.hubCloses()
  }

  #end(connection: number): void {
    const entry = this.#connections.get(connection)
    this.#connections.delete(connection)
    if (entry?.witness !== undefined && entry.isLive) this.#hub.ended(this.index, connection, entry.witness)
  }
}
