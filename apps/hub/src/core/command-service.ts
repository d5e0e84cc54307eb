/** Everything of messages to devices that runs in the core: queues, feedback, delivery over MQTT, and their clockwork. */

import type { EventSink } from '@holdfast/audit'
import type { Clock } from '@holdfast/base'
import {
  Commands,
  type CommandStore,
  FeedbackBatcher,
  type FeedbackQueue,
  feedbackQueue,
  type ServiceQueueStore,
  SWEEP_COMMANDS_MAX,
} from '@holdfast/commands'
import type { IdentityKey } from '@holdfast/identity'
import type { Publication } from '@holdfast/messaging'
import { DeviceCommands } from './device-commands.ts'

export interface CommandServiceParts {
  readonly store: CommandStore & ServiceQueueStore
  readonly clock: Clock
  readonly random: (bytes: number) => Uint8Array
  /** Bounds the rate of what services may do by the thousand. */
  readonly events: EventSink
  readonly publish: (key: IdentityKey, publication: Publication) => boolean
  /** MUST NOT throw. */
  readonly fault: (error: unknown) => void
}

/** Locks are of a minute, expiry of minutes: how late an end may be noticed, in milliseconds. */
const TICK_MS = 250
/** How often messages of the hub-wide queues that have expired are removed, in milliseconds; they are not given out before. */
const SERVICE_SWEEP_MS = 10_000

export class CommandService {
  readonly commands: Commands
  readonly feedback: FeedbackQueue
  /** For the desk. */
  readonly devices: DeviceCommands
  readonly #parts: CommandServiceParts
  readonly #batcher: FeedbackBatcher
  readonly #timers: readonly NodeJS.Timeout[]

  constructor(parts: CommandServiceParts) {
    const { store, clock, random, events, publish, fault } = parts
    this.#parts = parts
    this.feedback = feedbackQueue({ store, clock, random, events })
    this.#batcher = new FeedbackBatcher({ store, queue: this.feedback, clock, fault })
    this.commands = new Commands({
      store,
      clock,
      random,
      fault,
      feedbackWritten: () => this.#batcher.written(),
    })
    this.devices = new DeviceCommands({ commands: this.commands, publish, fault })
    this.#timers = [setInterval(() => this.#tick(), TICK_MS), setInterval(() => void this.#sweep(), SERVICE_SWEEP_MS)]
    for (const timer of this.#timers) timer.unref()
  }

  end(): void {
    for (const timer of this.#timers) clearInterval(timer)
    this.devices.end()
  }

  #tick(): void {
    this.commands.tick()
    this.feedback.tick()
    this.#batcher.tick()
  }

  async #sweep(): Promise<void> {
    const { store, clock, fault } = this.#parts
    try {
      while ((await store.expireServiceMessages(clock.wall(), SWEEP_COMMANDS_MAX)) === SWEEP_COMMANDS_MAX) continue
    } catch (error) {
      fault(error)
    }
  }
}
