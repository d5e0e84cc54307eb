/** The socket that rhea is given: what it writes in one turn leaves in one piece, and what waits is counted. */

import type { Clock, Instant } from '@holdfast/base'
import type { AmqpLimits } from './limits.ts'
import type { AmqpTransport } from './node.ts'

export interface RheaSocketOptions {
  readonly id: number
  readonly transport: AmqpTransport
  readonly limits: AmqpLimits
  readonly clock: Clock
  /** The peer has read on. */
  readonly drained: () => void
  /** The peer does not read. */
  readonly failed: (reason: string) => void
  /** Everything was said. */
  readonly ended: () => void
}

/** How often a full backlog is looked at, in milliseconds: a fast peer empties it in as much. */
const LOOK_MS = 4

export class RheaSocket {
  readonly #options: RheaSocketOptions
  readonly #listeners = new Map<string, (argument?: unknown) => void>()
  #waiting: Uint8Array[] = []
  #waitingBytes = 0
  #isEnded = false
  #isFull = false
  /** Somebody was told to wait for what this turn writes. */
  #isAwaited = false
  #leastBacklog = 0
  #lastProgress: Instant
  #timer: NodeJS.Timeout | undefined

  constructor(options: RheaSocketOptions) {
    this.#options = options
    this.#lastProgress = options.clock.monotonic()
  }

  /** Whether the peer reads what it gets. */
  get mayWrite(): boolean {
    if (this.#isFull || this.#isEnded) return false
    if (this.#waitingBytes < this.#options.limits.backlogPauseBytes) return true
    this.#isAwaited = true
    return false
  }

  /** Gives rhea what came. */
  input(bytes: Buffer): void {
    this.#listeners.get('data')?.(bytes)
  }

  /** Tells rhea that nothing comes any more. */
  gone(): void {
    clearTimeout(this.#timer)
    this.#isEnded = true
    this.#waiting = []
    this.#listeners.get('end')?.()
  }

  tick(now: Instant): void {
    if (!this.#isFull) return
    const { backlogBytes } = this.#options.transport
    if (backlogBytes < this.#leastBacklog) {
      this.#leastBacklog = backlogBytes
      this.#lastProgress = now
    } else if (now - this.#lastProgress > this.#options.limits.stalledMs) this.#options.failed('the peer does not read')
  }

  // What rhea calls.

  on(event: string, listener: (argument?: unknown) => void): this {
    this.#listeners.set(event, listener)
    return this
  }

  removeAllListeners(event: string): this {
    this.#listeners.delete(event)
    return this
  }

  get_id_string(): string {
    return `connection-${this.#options.id}`
  }

  write(bytes: Uint8Array): void {
    if (this.#isEnded) return
    this.#waiting.push(bytes)
    this.#waitingBytes += bytes.length
    if (this.#waiting.length === 1) process.nextTick(this.#flush)
  }

  end(): void {
    if (this.#isEnded) return
    this.#flush()
    this.#isEnded = true
    this.#options.transport.end()
    this.#options.ended()
  }

  destroy(): void {
    this.end()
  }

  readonly #flush = (): void => {
    if (this.#isEnded || this.#waiting.length === 0) return
    const { transport, limits } = this.#options
    const [only] = this.#waiting
    transport.write(
      this.#waiting.length === 1 && only !== undefined ? only : Buffer.concat(this.#waiting, this.#waitingBytes),
    )
    this.#waiting = []
    this.#waitingBytes = 0
    const { backlogBytes } = transport
    if (backlogBytes > limits.backlogBytesMax) this.#options.failed('the peer does not read')
    else if (backlogBytes > limits.backlogPauseBytes && !this.#isFull) {
      this.#isFull = true
      this.#leastBacklog = backlogBytes
      this.#lastProgress = this.#options.clock.monotonic()
      // Who does not read is not asked for more.
      transport.pause()
      this.#look()
    } else if (this.#isAwaited && !this.#isFull) {
      this.#isAwaited = false
      this.#options.drained()
    }
  }

  #look(): void {
    this.#timer = setTimeout(() => {
      const { transport, limits } = this.#options
      if (this.#isEnded) return
      if (transport.backlogBytes > limits.backlogPauseBytes / 2) {
        this.#look()
        return
      }
      this.#isFull = false
      transport.resume()
      this.#options.drained()
    }, LOOK_MS)
    this.#timer.unref()
  }
}
