/** What a front has of AMQP before the first connection comes: two ports, and the way to the rest. */

import type { MessagePort } from 'node:worker_threads'
import type { Clock } from '@holdfast/base'
import type { TelemetryReader } from '@holdfast/messaging'
import type { AmqpServing } from '@holdfast/node'
import { connect, type Remote, serve } from '@holdfast/node/threads'
import type { AmqpDesk, AmqpFront } from './contract.ts'
import type { FrontAmqp } from './front-amqp.ts'

export interface FrontDoorParts {
  readonly desk: MessagePort
  readonly front: MessagePort
  readonly history: MessagePort
  readonly clock: Clock
}

export class FrontDoor {
  readonly #parts: FrontDoorParts
  #desk: Remote<AmqpDesk> | undefined
  #history: Remote<TelemetryReader> | undefined
  #opening: Promise<FrontAmqp> | undefined
  #open: FrontAmqp | undefined

  constructor(parts: FrontDoorParts) {
    this.#parts = parts
    const front: AmqpFront = {
      cut: (policy, slot, serial) => this.#open?.cut(policy, slot, serial) ?? 0,
      changed: async (about) => (this.#open ?? (await this.#opening))?.changed(about),
      stolen: (reader, detail) => this.#open?.stolen(reader, detail),
      committed: () => this.#open?.committed(),
      queueReady: (receiver) => this.#open?.queueReady(receiver),
      shutdown: () => this.#open?.shutdown(),
    }
    serve(parts.front, front)
  }

  get connections(): number {
    return this.#open?.server.connections ?? 0
  }

  /** Loads what serves AMQP, once. */
  async enter(): Promise<AmqpServing> {
    this.#opening ??= this.#load()
    return (await this.#opening).server
  }

  async #load(): Promise<FrontAmqp> {
    const { clock } = this.#parts
    this.#desk ??= connect<AmqpDesk>(this.#parts.desk)
    this.#history ??= connect<TelemetryReader>(this.#parts.history)
    const desk = this.#desk
    // A core that has ended hears no faults.
    const failed = (error: unknown): void => void desk.fault(described(error)).catch(() => {})
    try {
      const { FrontAmqp } = await import('./front-amqp.ts')
      this.#open = await FrontAmqp.open({ desk, history: this.#history, clock, failed })
      return this.#open
    } catch (error) {
      failed(error)
      this.#opening = undefined
      throw error
    }
  }
}

function described(error: unknown): { readonly name: string; readonly message: string; readonly stack: string } {
  if (!(error instanceof Error)) return { name: 'Error', message: 'something that is no Error was thrown', stack: '' }
  return { name: error.name, message: error.message, stack: error.stack ?? '' }
}
