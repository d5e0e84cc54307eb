/** Somebody who takes messages of one queue as they come, and what he holds of them. */

import type { Delivery, Outcome, SettleResult } from './command.ts'
import type { DeviceQueue } from './device-queue.ts'

/** An MQTT session, an AMQP link. */
export interface CommandReceiver {
  /**
   * The next message, locked for this receiver; undefined when there is none. Ask one after the other to keep the order.
   * Rejects when the disk cannot be read; `ready` is called when it can again.
   */
  receive(): Promise<Delivery | undefined>
  settle(lockToken: string, outcome: Outcome): Promise<SettleResult>
  /** Back to its place in the queue; not counted as a delivery. */
  release(lockToken: string): void
  /** Ends the lock in `COMMAND_LOCK_MS` from now, where it was to last as long as the receiver. */
  limit(lockToken: string): void
  /** Releases what it holds. */
  close(): void
}

/** What `Commands` does with its queues for its receivers. */
export interface CommandsInside {
  next(queue: DeviceQueue, lockMs: number): Promise<Delivery | undefined>
  settle(queue: DeviceQueue, lockToken: string, outcome: Outcome): Promise<SettleResult>
  release(queue: DeviceQueue, lockToken: string): void
  limit(queue: DeviceQueue, lockToken: string): void
  letGo(queue: DeviceQueue): void
}

/** One for every device that listens, so it holds little until there is something to hold. */
export class QueueReceiver implements CommandReceiver {
  readonly #inside: CommandsInside
  readonly #queue: DeviceQueue
  readonly #lockMs: number
  /** A function of its own, so that two receivers with the same one are two. */
  readonly #listener: () => void
  #tokens: Set<string> | undefined
  #isClosed = false

  constructor(
    inside: CommandsInside,
    queue: DeviceQueue,
    { ready, lockMs }: { readonly ready: () => void; readonly lockMs: number },
  ) {
    this.#inside = inside
    this.#queue = queue
    this.#lockMs = lockMs
    this.#listener = () => ready()
    queue.listeners = [...queue.listeners, this.#listener]
  }

  async receive(): Promise<Delivery | undefined> {
    if (this.#isClosed) return undefined
    const delivery = await this.#inside.next(this.#queue, this.#lockMs)
    if (delivery === undefined) return undefined
    // It may have been closed meanwhile, and then what is in `#tokens` was released already.
    if (this.#closed()) {
      this.#inside.release(this.#queue, delivery.lockToken)
      return undefined
    }
    this.#tokens ??= new Set()
    this.#tokens.add(delivery.lockToken)
    return delivery
  }

  async settle(lockToken: string, outcome: Outcome): Promise<SettleResult> {
    try {
      const result = await this.#inside.settle(this.#queue, lockToken, outcome)
      this.#tokens?.delete(lockToken)
      return result
    } catch (error) {
      // Closed while the disk was written: nobody else would give it back.
      if (this.#isClosed) this.#inside.release(this.#queue, lockToken)
      throw error
    }
  }

  release(lockToken: string): void {
    this.#tokens?.delete(lockToken)
    this.#inside.release(this.#queue, lockToken)
  }

  limit(lockToken: string): void {
    this.#inside.limit(this.#queue, lockToken)
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    const queue = this.#queue
    queue.listeners = queue.listeners.filter((listener) => listener !== this.#listener)
    let any = false
    for (const token of this.#tokens ?? []) if (queue.machine.release(token)) any = true
    this.#tokens = undefined
    if (any) queue.notify()
    this.#inside.letGo(queue)
  }

  /** Asked anew: the compiler takes a field for what it was before the wait. */
  #closed(): boolean {
    return this.#isClosed
  }
}
