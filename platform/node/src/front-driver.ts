/**
 * Drives the machine of a front thread: gives it bytes, the time and the end of each turn of the event loop, and does
 * what it says. Decides nothing.
 */

import type { Clock, Instant } from '@holdfast/base'
import type { CloseReason, PeerFacts } from '@holdfast/messaging'
import type { Transport } from './transport.ts'

/** Who is at the other end; `facts` is asked at most once, when a device has said who it is. */
export interface Peer {
  readonly address: string
  facts(): PeerFacts
}

/** Why a connection cannot go on, where the machine cannot see it. */
export interface Fault {
  readonly reason: CloseReason
  readonly detail: string
}

/** The machine, as its driver sees it. */
export interface FrontMachine {
  opened(connection: number, peer: Peer, now: Instant): void
  received(connection: number, bytes: Uint8Array, now: Instant): void
  peerClosed(connection: number, now: Instant): void
  fail(connection: number, end: Fault, now: Instant): void
  tick(now: Instant): void
  /** Called once after the inputs of a turn. */
  endOfTurn(): void
  /** When to call `tick` if nothing happens before; undefined: not at all. */
  readonly deadline: Instant | undefined
}

export class FrontDriver {
  readonly #clock: Clock
  readonly #transports = new Map<number, Transport>()
  #machine: FrontMachine | undefined
  #nextConnection = 0
  #isTurnScheduled = false
  #timer: NodeJS.Timeout | undefined
  #timerAt: Instant | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** The machine is made after its driver, for the driver is its effects. */
  drive(machine: FrontMachine): void {
    this.#machine = machine
    this.scheduleTurn()
  }

  /** Takes a new connection and gives it a number. */
  open(transport: Transport, peer: Peer): number {
    const connection = this.#nextConnection++
    this.#transports.set(connection, transport)
    this.#machine?.opened(connection, peer, this.#clock.monotonic())
    this.scheduleTurn()
    return connection
  }

  received(connection: number, bytes: Uint8Array): void {
    this.#machine?.received(connection, bytes, this.#clock.monotonic())
    this.scheduleTurn()
  }

  peerClosed(connection: number): void {
    if (!this.#transports.delete(connection)) return
    this.#machine?.peerClosed(connection, this.#clock.monotonic())
    this.scheduleTurn()
  }

  /** The peer broke a rule of what carries MQTT; the machine closes the connection. */
  fail(connection: number, fault: Fault): void {
    this.#machine?.fail(connection, fault, this.#clock.monotonic())
    this.scheduleTurn()
  }

  /** To be called after any other input to the machine. */
  scheduleTurn(): void {
    if (this.#isTurnScheduled) return
    this.#isTurnScheduled = true
    setImmediate(this.#turn)
  }

  /** @returns bytes that the peer has not taken yet. */
  write(connection: number, bytes: Uint8Array): number {
    const transport = this.#transports.get(connection)
    if (transport === undefined) return 0
    transport.write(bytes)
    return transport.backlogBytes
  }

  close(connection: number): void {
    const transport = this.#transports.get(connection)
    this.#transports.delete(connection)
    transport?.end()
  }

  pauseReading(connection: number): void {
    this.#transports.get(connection)?.pause()
  }

  resumeReading(connection: number): void {
    this.#transports.get(connection)?.resume()
  }

  get connections(): number {
    return this.#transports.size
  }

  readonly #turn = (): void => {
    this.#isTurnScheduled = false
    const machine = this.#machine
    if (machine === undefined) return
    machine.endOfTurn()
    this.#arm(machine.deadline)
  }

  #arm(deadline: Instant | undefined): void {
    if (deadline === this.#timerAt) return
    clearTimeout(this.#timer)
    this.#timerAt = deadline
    if (deadline === undefined) return
    this.#timer = setTimeout(this.#tick, Math.max(0, Math.ceil(deadline - this.#clock.monotonic())))
  }

  readonly #tick = (): void => {
    this.#timerAt = undefined
    this.#machine?.tick(this.#clock.monotonic())
    this.#turn()
  }
}
