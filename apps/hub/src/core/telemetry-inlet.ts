/**
 * Telemetry that reaches the core (over HTTPS) on its way to the log: sealed, grouped and acknowledged exactly as what
 * the fronts take, through a port of its own at the log thread.
 */

import type { MessagePort } from 'node:worker_threads'
import type { Clock } from '@holdfast/base'
import { formatBag, type TelemetryItem } from '@holdfast/iothub'
import {
  encodePrefix,
  FRONT_LIMITS,
  type FrontToLog,
  type LogToFront,
  partitionOf,
  type RecordOrigin,
  SALT_BYTES,
  SealingKey,
  TelemetryOutbox,
} from '@holdfast/messaging'
import type { FrontStatistics } from '../front-thread.ts'

/** Plain bytes that may wait for the disk; a request has at most 256 KB, and one more is always taken. */
const PENDING_BYTES_MAX = 16 * 1_048_576
/**
 * How long a request waits for the disk, in milliseconds. Then it is told to try again, and what it sent may be stored
 * twice: telemetry is delivered at least once on every transport.
 */
const COMMIT_MS_MAX = 20_000

const NOTHING = new Uint8Array(0)

/** The log takes nothing just now, or not soon enough. */
export class TelemetryUnavailableError extends Error {
  override readonly name = 'TelemetryUnavailableError'
}

/** One request's messages: settled when the last of them is on disk. */
class Waiting {
  readonly committed: Promise<void>
  #left: number
  #resolve: () => void = () => undefined

  constructor(messages: number) {
    this.#left = messages
    this.committed = new Promise((resolve) => {
      this.#resolve = resolve
    })
  }

  settle(): void {
    this.#left -= 1
    if (this.#left === 0) this.#resolve()
  }

  settled(): void {
    // Each message was told of.
  }
}

export interface TelemetryInletParts {
  /** Carries `FrontToLog` and `LogToFront`. */
  readonly log: MessagePort
  readonly partitions: number
  readonly clock: Clock
  readonly random: (bytes: number) => Uint8Array
}

export class TelemetryInlet {
  readonly #parts: TelemetryInletParts
  readonly #outbox: TelemetryOutbox<Waiting>
  #isFlushScheduled = false
  #unavailable: string | undefined
  #messages = 0
  #messageBytes = 0
  #appends = 0
  #commits = 0

  constructor(parts: TelemetryInletParts) {
    this.#parts = parts
    this.#outbox = new TelemetryOutbox({
      partitions: parts.partitions,
      limits: {
        pendingBytesMax: PENDING_BYTES_MAX,
        appendsMax: FRONT_LIMITS.appendsMax,
        // A batch goes into the log whole or not at all, so that nothing may go before its turn ends.
        batchMessagesEarly: Number.POSITIVE_INFINITY,
      },
      toLog: (append) => this.#toLog(append),
    })
    parts.log.on('message', (message: LogToFront) => this.#fromLog(message))
  }

  /** Seals with this key from now on. */
  useKey(epoch: number, key: Uint8Array): void {
    const salt = this.#parts.random(SALT_BYTES)
    this.#outbox.useKey(new SealingKey({ epoch, key, salt, purpose: 'telemetry batch' }))
  }

  /**
   * Appends messages of one device in their order, all of them or none; resolves when they are on disk.
   * @param items within the bounds of messages and of bags; the caller checked them.
   * @throws TelemetryUnavailableError.
   */
  async append(origin: RecordOrigin, items: readonly TelemetryItem[]): Promise<void> {
    const outbox = this.#outbox
    if (this.#unavailable !== undefined) throw new TelemetryUnavailableError(this.#unavailable)
    if (outbox.isFull || !outbox.hasKey) throw new TelemetryUnavailableError('too much waits for the disk')
    if (items.length === 0) return
    const prefix = encodePrefix(origin)
    const partition = partitionOf(origin.deviceId, this.#parts.partitions)
    const enqueued = this.#parts.clock.wall()
    const waiting = new Waiting(items.length)
    for (const { entries, body } of items) {
      const bag = entries.length === 0 ? NOTHING : Buffer.from(formatBag(entries))
      outbox.add(partition, { prefix, enqueued, flags: 0, bag, body }, waiting, 0)
      this.#messages += 1
      this.#messageBytes += body.length
    }
    this.#scheduleFlush()
    await inTime(waiting.committed)
  }

  /** Hands over what is open; to be called before the log is stopped. */
  flush(): void {
    this.#outbox.flush()
  }

  /** As the fronts count, so that the hub's sums have these too. */
  statistics(): FrontStatistics {
    return {
      opened: 0,
      turnedAway: 0,
      messages: this.#messages,
      messageBytes: this.#messageBytes,
      appends: this.#appends,
      commits: this.#commits,
      pauses: 0,
      connections: 0,
      pendingBytes: this.#outbox.pendingBytes,
      ...(this.#unavailable === undefined ? {} : { logUnavailable: this.#unavailable }),
    }
  }

  /** At the end of this turn of the event loop: what came together goes together. */
  #scheduleFlush(): void {
    if (this.#isFlushScheduled) return
    this.#isFlushScheduled = true
    setImmediate(() => {
      this.#isFlushScheduled = false
      this.#outbox.flush()
    })
  }

  #toLog(append: FrontToLog): void {
    this.#appends += 1
    this.#parts.log.postMessage(
      append,
      append.batches.map(({ sealed }) => sealed.buffer),
    )
  }

  #fromLog(message: LogToFront): void {
    if (message.kind === 'state') {
      this.#unavailable = message.available ? undefined : message.reason
      return
    }
    this.#commits += 1
    this.#outbox.committed(message.ticket)
    // What gathered while both appends were out.
    this.#outbox.flush()
  }
}

async function inTime(committed: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new TelemetryUnavailableError('the disk is too slow')), COMMIT_MS_MAX)
  })
  try {
    await Promise.race([committed, late])
  } finally {
    clearTimeout(timer)
  }
}
