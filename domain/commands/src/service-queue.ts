/**
 * A queue of the hub for its back ends (azure-iot.md §5.5): one for feedback, one for file notifications. Durable, looked
 * at under a lock of a minute; several receivers compete. Memory holds a window of the oldest entries and their locks;
 * what they say is read from the disk when it is delivered.
 */

import type { EventSink } from '@holdfast/audit'
import { type Clock, later, type Timestamp, timestampOf } from '@holdfast/base'
import { DELIVERY_COUNT_MAX, FEEDBACK_LIFE_MS, FEEDBACK_LOCK_MS } from '@holdfast/iothub'
import type { Outcome, SettleResult } from './command.ts'
import { SERVICE_MESSAGE_BYTES_MAX, SERVICE_QUEUE_MESSAGES_MAX, WINDOW_ENTRIES_MAX } from './limits.ts'
import { randomUuid } from './lock-token.ts'
import { PeekLockQueue } from './peek-lock-queue.ts'
import type { ServiceEnqueued, ServiceQueueName, ServiceQueueStore } from './store.ts'

export interface ServiceQueueOptions<T> {
  readonly name: ServiceQueueName
  readonly store: ServiceQueueStore
  /** `decode` throws on what `encode` does not write. */
  readonly encode: (value: T) => Uint8Array
  readonly decode: (bytes: Uint8Array) => T
  readonly clock: Clock
  readonly random: (bytes: number) => Uint8Array
  readonly events: EventSink
  /** In milliseconds; an hour unless told. */
  readonly lifeMs?: number
}

export interface ServiceDelivery<T> {
  readonly value: T
  readonly lockToken: string
  readonly sequenceNumber: number
  readonly enqueued: Timestamp
  readonly expires: Timestamp
  readonly deliveryCount: number
}

/** Somebody who takes messages as they come: an AMQP link. */
export interface ServiceReceiver<T> {
  /** The next message, locked for a minute; undefined when there is none. Rejects when the disk cannot be read. */
  receive(): Promise<ServiceDelivery<T> | undefined>
  settle(lockToken: string, outcome: Outcome): Promise<SettleResult>
  /** Back to its place in the queue; not counted as a delivery. */
  release(lockToken: string): void
  /** Releases what it holds. */
  close(): void
}

export class ServiceQueue<T> {
  readonly #options: ServiceQueueOptions<T>
  readonly #machine = new PeekLockQueue()
  readonly #listeners = new Set<() => void>()
  /** The highest sequence that was read or came; behind it, all is known when `#isWhole`. */
  #readTo = 0
  #isWhole = false
  #arrivals = 0
  #reading: Promise<void> | undefined

  constructor(options: ServiceQueueOptions<T>) {
    this.#options = options
  }

  /**
   * Resolves when it is durable.
   * @throws TypeError when it is larger than 256 KiB encoded: a bug of the caller.
   */
  async enqueue(value: T): Promise<void> {
    const { name, store, encode, clock, lifeMs = FEEDBACK_LIFE_MS } = this.#options
    const content = encode(value)
    if (content.length > SERVICE_MESSAGE_BYTES_MAX) throw new TypeError(`a message of ${name} is too large`)
    const enqueued = clock.wall()
    const message = { enqueued, expires: timestampOf(enqueued + lifeMs), content }
    this.arrived(await store.enqueueServiceMessage(name, message, { messagesMax: SERVICE_QUEUE_MESSAGES_MAX }))
  }

  /** The store has taken a message of this queue by another way. */
  arrived({ entry, dropped }: ServiceEnqueued): void {
    this.#arrivals += 1
    if (this.#isWhole && this.#machine.size < WINDOW_ENTRIES_MAX) {
      this.#machine.add(entry)
      this.#readTo = Math.max(this.#readTo, entry.sequence)
    } else this.#isWhole = false
    if (dropped > 0) {
      this.#options.events({
        type: 'service-queue.overflowed',
        at: this.#options.clock.wall(),
        subject: `queue/${this.#options.name}`,
        actor: 'hub',
        detail: { messages: dropped },
      })
    }
    this.#notify()
  }

  /** The next message, locked for a minute; undefined when there is none. */
  async receive(): Promise<ServiceDelivery<T> | undefined> {
    const { name, store, decode, clock, random } = this.#options
    // Each round locks one entry and gives it or takes it out, or reads on, or ends.
    for (;;) {
      const wall = clock.wall()
      if (!this.#machine.isReady(wall)) {
        this.#machine.dropExpired(wall)
        if (this.#isWhole || this.#machine.size >= WINDOW_ENTRIES_MAX) return undefined
        await this.#read()
        if (!this.#machine.isReady(clock.wall()) && this.#isWhole) return undefined
        continue
      }
      const lockToken = randomUuid(random)
      const entry = this.#machine.take(lockToken, { wall, until: later(clock.monotonic(), FEEDBACK_LOCK_MS) })
      if (entry === undefined) continue
      const { sequence } = entry
      try {
        const stored = await store.readServiceMessage(name, sequence)
        if (stored === undefined) {
          this.#machine.remove(sequence)
          continue
        }
        const { enqueued, expires } = stored
        const { deliveryCount } = entry
        return { value: decode(stored.content), lockToken, sequenceNumber: sequence, enqueued, expires, deliveryCount }
      } catch (error) {
        this.#machine.release(lockToken)
        throw error
      }
    }
  }

  /** `complete` and `reject` remove it; abandoned, it is delivered again, ten times in all. */
  async settle(lockToken: string, outcome: Outcome): Promise<SettleResult> {
    const { name, store, clock } = this.#options
    const entry = this.#machine.begin(lockToken, clock.monotonic())
    if (entry === undefined) return 'lock-lost'
    const { sequence } = entry
    try {
      if (outcome !== 'abandon') {
        const wasThere = await store.removeServiceMessage(name, sequence)
        this.#removed(sequence)
        return wasThere ? 'settled' : 'lock-lost'
      }
      const result = await store.abandonServiceMessage(name, sequence, DELIVERY_COUNT_MAX)
      if (result.kind === 'kept') {
        this.#machine.free(sequence, result.deliveryCount)
        this.#notify()
      } else this.#removed(sequence)
      return result.kind === 'missing' ? 'lock-lost' : 'settled'
    } catch (error) {
      this.#machine.restore(sequence)
      throw error
    }
  }

  /** A receiver that is there until it is closed; `ready` says that there may be something to receive. */
  listen(ready: () => void): ServiceReceiver<T> {
    const listener = (): void => ready()
    this.#listeners.add(listener)
    const tokens = new Set<string>()
    let isClosed = false
    return {
      receive: async () => {
        if (isClosed) return undefined
        const delivery = await this.receive()
        if (delivery === undefined) return undefined
        if (!isClosed) {
          tokens.add(delivery.lockToken)
          return delivery
        }
        this.#release(delivery.lockToken)
        return undefined
      },
      settle: async (token, outcome) => {
        try {
          const result = await this.settle(token, outcome)
          tokens.delete(token)
          return result
        } catch (error) {
          // Closed while the disk was written: nobody else would give it back.
          if (isClosed) this.#release(token)
          throw error
        }
      },
      release: (token) => {
        tokens.delete(token)
        this.#release(token)
      },
      close: () => {
        isClosed = true
        this.#listeners.delete(listener)
        for (const token of tokens) this.#release(token)
        tokens.clear()
      },
    }
  }

  /** To be called some times a second: ends locks. */
  tick(): void {
    const { clock } = this.#options
    if (this.#machine.unlockDue(clock.monotonic())) this.#notify()
  }

  /** There is room in the window for one more, where more waits outside. */
  #removed(sequence: number): void {
    this.#machine.remove(sequence)
    if (!this.#isWhole) this.#notify()
  }

  #release(lockToken: string): void {
    if (this.#machine.release(lockToken)) this.#notify()
  }

  #notify(): void {
    for (const listener of this.#listeners.values().toArray()) listener()
  }

  #read(): Promise<void> {
    this.#reading ??= this.#readNow().finally(() => {
      this.#reading = undefined
    })
    return this.#reading
  }

  async #readNow(): Promise<void> {
    const { name, store } = this.#options
    const limit = WINDOW_ENTRIES_MAX - this.#machine.size
    const arrivals = this.#arrivals
    const page = await store.readServiceQueue(name, { after: this.#readTo, limit })
    for (const entry of page) this.#machine.add(entry)
    this.#readTo = Math.max(this.#readTo, page.at(-1)?.sequence ?? 0)
    // What came while this was read may stand behind what was read: the next reading finds it.
    this.#isWhole = page.length < limit && arrivals === this.#arrivals
  }
}
