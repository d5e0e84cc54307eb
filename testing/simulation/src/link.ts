/**
 * One TCP connection: bytes both ways, in order, late, in other pieces than they were written, until it ends or is
 * reset. A reset loses what is under way, and either side may hear of it much later than the other.
 */

import type { World } from './world.ts'

export interface LinkEnd {
  received(bytes: Uint8Array): void
  /** The other side has closed, or the connection is lost. Called once, last. */
  closed(): void
}

export interface LinkQuality {
  readonly latencyMs: number
  /** Mean time until the connection is reset by the network, in milliseconds. */
  readonly lifeMs: number
}

const NOBODY: LinkEnd = { received: () => {}, closed: () => {} }

/** One direction. */
class Pipe {
  readonly #world: World
  readonly #latencyMs: number
  readonly #waiting: Uint8Array[] = []
  #arrivesAt = 0
  #isPaused = false
  #isClosing = false
  #isDead = false
  #receiver: LinkEnd = NOBODY
  /** Bytes written and not received. */
  pending = 0

  constructor(world: World, latencyMs: number) {
    this.#world = world
    this.#latencyMs = latencyMs
  }

  attach(receiver: LinkEnd): void {
    this.#receiver = receiver
  }

  write(bytes: Uint8Array): void {
    if (this.#isDead || this.#isClosing || bytes.length === 0) return
    this.pending += bytes.length
    const { random } = this.#world
    let at = 0
    while (at < bytes.length) {
      const rest = bytes.length - at
      const count = random.chance(0.8) ? rest : random.between(1, rest)
      const piece = bytes.slice(at, at + count)
      at += count
      this.#deliver(() => {
        this.#waiting.push(piece)
        this.#drain()
      })
    }
  }

  close(): void {
    this.#deliver(() => {
      this.#isClosing = true
      this.#drain()
    })
  }

  /** Nothing arrives any more; the receiver hears of the end after `milliseconds`. */
  die(milliseconds: number): void {
    if (this.#isDead) return
    this.#isDead = true
    const receiver = this.#receiver
    this.#world.after(milliseconds, () => receiver.closed())
    this.#receiver = NOBODY
  }

  /** The receiver does not want to hear of it any more. */
  abandon(): void {
    this.#isDead = true
    this.#receiver = NOBODY
  }

  pause(): void {
    this.#isPaused = true
  }

  resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    this.#world.after(0, () => this.#drain())
  }

  #deliver(arrive: () => void): void {
    const { random, now } = this.#world
    const due = now + random.delay({ least: 0, mean: this.#latencyMs, most: this.#latencyMs * 20 })
    this.#arrivesAt = Math.max(this.#arrivesAt, due)
    this.#world.at(this.#arrivesAt, () => {
      if (!this.#isDead) arrive()
    })
  }

  #drain(): void {
    while (!this.#isPaused && !this.#isDead) {
      const piece = this.#waiting.shift()
      if (piece === undefined) break
      this.pending -= piece.length
      this.#receiver.received(piece)
    }
    if (this.#isClosing && this.#waiting.length === 0 && !this.#isDead) {
      const receiver = this.#receiver
      this.abandon()
      receiver.closed()
    }
  }
}

export class Link {
  readonly toHub: Pipe
  readonly toClient: Pipe
  readonly #world: World

  constructor(world: World, quality: LinkQuality) {
    this.#world = world
    this.toHub = new Pipe(world, quality.latencyMs)
    this.toClient = new Pipe(world, quality.latencyMs)
    world.after(world.random.delay({ least: 1, mean: quality.lifeMs, most: 1e9 }), () => this.reset())
  }

  /** The network loses the connection. */
  reset(): void {
    const { random } = this.#world
    this.toHub.die(random.delay({ least: 0, mean: 200, most: 60_000 }))
    this.toClient.die(random.delay({ least: 0, mean: 200, most: 60_000 }))
  }

  /** The hub's machine has stopped: its side is no more, the client hears of it. */
  hubGone(): void {
    this.toHub.abandon()
    this.toClient.die(this.#world.random.delay({ least: 0, mean: 20, most: 1_000 }))
  }

  /** The hub closes: what it wrote still arrives. */
  hubCloses(): void {
    this.toHub.abandon()
    this.toClient.close()
  }

  clientCloses(): void {
    this.toClient.abandon()
    this.toHub.close()
  }
}
