/**
 * The logic of one front thread: MQTT connections, what they may do, telemetry on its way to the log. Sans-IO: inputs
 * are methods, effects are called at once and in order (`FrontEffects`), time is handed in.
 *
 * The driver calls `endOfTurn` after the inputs of each turn of its event loop: messages to the core leave then, and a
 * batch closes if the log is free for it. So a batch is what came while the log was busy: one message when it is idle,
 * thousands under load. Acknowledgements leave only when the log has said `committed`.
 */

import { assertNever, type Clock, type Instant, instantOf, type Timestamp } from '@holdfast/base'
import { AddressGuard } from './address-guard.ts'
import { DeadlineWheel } from './deadline-wheel.ts'
import { FrontConnection } from './front-connection.ts'
import type { FrontInside, PeerSource } from './front-inside.ts'
import type { CloseReason, CoreToFront, FrontToCore, FrontToLog, LogToFront } from './front-messages.ts'
import { FRONT_LIMITS, type FrontLimits } from './limits.ts'
import { SALT_BYTES, SealingKey } from './sealing.ts'
import { type OutgoingRecord, TelemetryOutbox } from './telemetry-outbox.ts'

/** Activity of connections is told to the core this often, in milliseconds. */
const ACTIVITY_MS = 15_000

const NOTHING = new Uint8Array(0)

/** What a front does to the world. Implementers MUST NOT call the front from within. */
export interface FrontEffects {
  /**
   * Writes bytes, in order. They are to be written or copied at once, not kept.
   * @returns how many bytes of this connection are held back because the peer does not read.
   */
  write(connection: number, bytes: Uint8Array): number
  /** Writes what was given so far, then closes; the front forgets the connection, and inputs of it are ignored. */
  close(connection: number): void
  pauseReading(connection: number): void
  resumeReading(connection: number): void
  /** Everything for the core of one turn, in order. */
  toCore(messages: readonly FrontToCore[]): void
  /** The batches' buffers may be transferred. */
  toLog(append: FrontToLog): void
}

/** Counts since the start, and levels of now. */
export interface FrontCounters {
  opened: number
  turnedAway: number
  /** Telemetry taken from devices, and its bytes of body. */
  messages: number
  messageBytes: number
  appends: number
  /** Appends committed. */
  commits: number
  pauses: number
}

export class Front {
  readonly #inside: Inside

  /**
   * @param options
   * - `partitions`: how many the hub has; the same for every front, for ever.
   * - `random`: gives that many fresh, unpredictable bytes.
   */
  constructor(options: {
    readonly partitions: number
    readonly effects: FrontEffects
    readonly clock: Clock
    readonly random: (bytes: number) => Uint8Array
    readonly limits?: FrontLimits
  }) {
    this.#inside = new Inside(options)
  }

  /** Connections that are not gone, those that have ended and wait for the log included. */
  get connections(): number {
    return this.#inside.table.size
  }

  /** Plain bytes of telemetry that are not committed. */
  get pendingBytes(): number {
    return this.#inside.outbox.pendingBytes
  }

  get counters(): Readonly<FrontCounters> {
    return this.#inside.counters
  }

  /** Undefined while the log takes telemetry, else why it does not. */
  get logUnavailable(): string | undefined {
    return this.#inside.logUnavailable
  }

  /** When to call `tick` if nothing happens before; undefined: not at all. */
  get deadline(): Instant | undefined {
    return this.#inside.deadline
  }

  /** A socket is open (TLS is done). `connection` is a number never used before. */
  opened(connection: number, peer: PeerSource, now: Instant): void {
    const inside = this.#inside
    inside.at(now)
    inside.opened(connection, peer)
  }

  /** Bytes have come; they are free again when this returns. */
  received(connection: number, bytes: Uint8Array, now: Instant): void {
    const inside = this.#inside
    inside.at(now)
    const entry = inside.table.get(connection)
    if (entry !== undefined && !entry.hasEnded) entry.receive(bytes)
  }

  /** A connection from there failed before it was `opened`: in its TLS handshake, or there was no room for one. */
  turnedAway(address: string, detail: string, now: Instant): void {
    this.#inside.at(now)
    this.#inside.blame(address)
    this.#inside.turnedAway(address, 'refused', detail)
  }

  /** The peer has closed, or the connection is lost. */
  peerClosed(connection: number, now: Instant): void {
    this.#inside.at(now)
    this.#inside.table.get(connection)?.end('peer-closed', '')
  }

  /** Closes one connection for a reason of the driver's (an illegal WebSocket frame, say). */
  fail(connection: number, end: { readonly reason: CloseReason; readonly detail: string }, now: Instant): void {
    this.#inside.at(now)
    this.#inside.table.get(connection)?.end(end.reason, end.detail)
  }

  fromCore(messages: readonly CoreToFront[], now: Instant): void {
    this.#inside.at(now)
    for (const message of messages) this.#inside.fromCore(message)
  }

  fromLog(message: LogToFront, now: Instant): void {
    this.#inside.at(now)
    this.#inside.fromLog(message)
  }

  tick(now: Instant): void {
    this.#inside.at(now)
    this.#inside.tick()
  }

  /** All inputs of this turn have been given. */
  endOfTurn(): void {
    this.#inside.endOfTurn()
  }
}

class Inside implements FrontInside {
  readonly limits: FrontLimits
  readonly partitions: number
  readonly outbox: TelemetryOutbox<FrontConnection>
  readonly table = new Map<number, FrontConnection>()
  readonly stalled = new Set<FrontConnection>()
  readonly record: OutgoingRecord
  readonly counters: FrontCounters = {
    opened: 0,
    turnedAway: 0,
    messages: 0,
    messageBytes: 0,
    appends: 0,
    commits: 0,
    pauses: 0,
  }
  logUnavailable: string | undefined
  isDraining = false
  now = instantOf(0)
  readonly #effects: FrontEffects
  readonly #clock: Clock
  readonly #random: (bytes: number) => Uint8Array
  readonly #wheel = new DeadlineWheel<FrontConnection>()
  readonly #guard: AddressGuard
  #wall: Timestamp | undefined
  #coreMessages: FrontToCore[] = []
  #active: number[] = []
  #activityAt: Instant | undefined
  #shutdownAt: Instant | undefined
  #willBytes = 0

  constructor(options: ConstructorParameters<typeof Front>[0]) {
    const { effects, clock, random, partitions, limits = FRONT_LIMITS } = options
    this.limits = limits
    this.partitions = partitions
    this.#effects = effects
    this.#clock = clock
    this.#random = random
    this.outbox = new TelemetryOutbox({
      partitions,
      limits,
      toLog: (append) => {
        this.counters.appends += 1
        effects.toLog(append)
      },
    })
    this.#guard = new AddressGuard(limits.refusedRate, (report) => this.toCore(report))
    this.record = { prefix: NOTHING, enqueued: clock.wall(), flags: 0, bag: NOTHING, body: NOTHING }
  }

  /** An input begins. */
  at(now: Instant): void {
    this.now = now
    this.#wall = undefined
  }

  wall(): Timestamp {
    this.#wall ??= this.#clock.wall()
    return this.#wall
  }

  get deadline(): Instant | undefined {
    let earliest = this.#wheel.deadline
    for (const other of [this.#guard.deadline, this.#activityAt, this.#shutdownAt]) {
      if (other !== undefined && (earliest === undefined || other < earliest)) earliest = other
    }
    return earliest
  }

  opened(connection: number, peer: PeerSource): void {
    const { address } = peer
    const isFull = this.table.size >= this.limits.connectionsMax
    if (isFull || this.isDraining) {
      this.turnedAway(address, this.isDraining ? 'shutdown' : 'unavailable', 'no more connections are taken')
      this.#effects.close(connection)
    } else if (this.#guard.isBlocked(address, this.now)) {
      this.turnedAway(address, 'throttled', 'too many refused connections from there')
      this.#effects.close(connection)
    } else {
      if (this.table.has(connection)) throw new TypeError('the number of a connection was used before')
      this.counters.opened += 1
      this.table.set(connection, new FrontConnection(connection, peer, this))
    }
  }

  fromCore(message: CoreToFront): void {
    switch (message.kind) {
      case 'admit':
      case 'admit-provisioning':
      case 'refuse': {
        const entry = this.table.get(message.connection)
        // It may have gone while the core decided.
        if (entry?.isAsked !== true) return
        if (message.kind === 'refuse') entry.refuse(message.code, message.reason)
        else if (message.kind === 'admit') {
          if (!this.outbox.hasKey) throw new TypeError('a connection is admitted before there is a data key')
          entry.admit(message.admission)
        } else entry.admitProvisioning(message.registrationId, message.expires)
        return
      }
      case 'lane':
        this.table.get(message.connection)?.keepTo(message.lane)
        return
      case 'close':
        this.table.get(message.connection)?.end(message.reason, '')
        return
      case 'subscriptions-kept':
        this.table.get(message.connection)?.subscriptionsKept(message.ticket)
        return
      case 'deliver':
        this.table.get(message.connection)?.deliver(message)
        return
      case 'data-key': {
        const { epoch, key } = message
        const salt = this.#random(SALT_BYTES)
        this.outbox.useKey(new SealingKey({ epoch, key, salt, purpose: 'telemetry batch' }))
        return
      }
      case 'shutdown':
        this.#shutDown()
        return
      default:
        assertNever(message)
    }
  }

  fromLog(message: LogToFront): void {
    if (message.kind === 'state') {
      this.logUnavailable = message.available ? undefined : message.reason
      return
    }
    this.counters.commits += 1
    this.outbox.committed(message.ticket)
    if (this.stalled.size === 0 || !this.outbox.isDrained) return
    const waiting = [...this.stalled]
    this.stalled.clear()
    for (const entry of waiting) entry.tryResume()
  }

  tick(): void {
    for (let entry = this.#wheel.due(this.now); entry !== undefined; entry = this.#wheel.due(this.now)) {
      entry.timedFor = instantOf(Number.POSITIVE_INFINITY)
      entry.timeUp()
    }
    this.#guard.flush(this.now)
    if (this.#activityAt !== undefined && this.now >= this.#activityAt) this.#tellActivity()
    if (this.#shutdownAt !== undefined && this.now >= this.#shutdownAt) {
      this.#shutdownAt = undefined
      // What the log has not taken by now was not acknowledged: the devices will send it again.
      for (const entry of this.table.values()) entry.end('shutdown', 'the log was not free in time')
    }
  }

  endOfTurn(): void {
    if (this.outbox.hasKey) this.outbox.flush()
    if (this.#coreMessages.length === 0) return
    const messages = this.#coreMessages
    this.#coreMessages = []
    this.#effects.toCore(messages)
  }

  // What connections see.

  time(connection: FrontConnection): void {
    const { deadline } = connection
    // Deadlines mostly move away, with every packet; the wheel finds out when the one it knows has come.
    if (deadline >= connection.timedFor) return
    connection.timedFor = deadline
    this.#wheel.set(connection, deadline, this.now)
  }

  write(connection: FrontConnection, bytes: Uint8Array): number {
    return this.#effects.write(connection.id, bytes)
  }

  pauseReading(connection: FrontConnection): void {
    this.counters.pauses += 1
    this.#effects.pauseReading(connection.id)
  }

  resumeReading(connection: FrontConnection): void {
    this.#effects.resumeReading(connection.id)
  }

  closing(connection: FrontConnection): void {
    this.#wheel.clear(connection)
    this.stalled.delete(connection)
    this.#effects.close(connection.id)
  }

  gone(connection: FrontConnection, closed: FrontToCore | undefined): void {
    this.table.delete(connection.id)
    if (closed !== undefined) this.toCore(closed)
  }

  toCore(message: FrontToCore): void {
    this.#coreMessages.push(message)
  }

  turnedAway(address: string, reason: CloseReason, detail: string): void {
    this.counters.turnedAway += 1
    this.#guard.report(address, { reason, detail }, this.now)
    this.#guard.flush(this.now)
  }

  blame(address: string): void {
    this.#guard.blame(address, this.now)
  }

  reserveWill(bytes: number): boolean {
    if (this.#willBytes + bytes > this.limits.willBytesMax) return false
    this.#willBytes += bytes
    return true
  }

  releaseWill(bytes: number): void {
    this.#willBytes -= bytes
  }

  delivered(connection: FrontConnection, ticket: number): void {
    const last = this.#coreMessages.at(-1)
    // PUBACKs come in runs.
    if (last?.kind === 'delivered' && last.connection === connection.id) {
      this.#coreMessages[this.#coreMessages.length - 1] = { ...last, tickets: [...last.tickets, ticket] }
    } else this.toCore({ kind: 'delivered', connection: connection.id, tickets: [ticket] })
  }

  counted(connection: FrontConnection, bytes: number): void {
    this.counters.messages += 1
    this.counters.messageBytes += bytes
    if (connection.isActive) return
    connection.isActive = true
    this.#active.push(connection.id)
    this.#activityAt ??= instantOf(this.now + ACTIVITY_MS)
  }

  #tellActivity(): void {
    const connections = this.#active
    this.#active = []
    this.#activityAt = undefined
    for (const connection of connections) {
      const entry = this.table.get(connection)
      if (entry !== undefined) entry.isActive = false
    }
    this.toCore({ kind: 'activity', connections })
  }

  #shutDown(): void {
    if (this.isDraining) return
    this.isDraining = true
    this.#shutdownAt = instantOf(this.now + this.limits.shutdownMs)
    for (const entry of this.table.values()) if (!entry.hasEnded) entry.drain()
  }
}
