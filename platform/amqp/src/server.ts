/** All AMQP connections of one thread. */

import type { Clock } from '@holdfast/base'
import rhea, { type Container } from 'rhea'
import { type ConnectionParts, ServerConnection } from './connection.ts'
import { AMQP_LIMITS, type AmqpLimits } from './limits.ts'
import type { AmqpApplication, AmqpPeer, AmqpRefusal, AmqpTransport } from './node.ts'

export interface AmqpServerOptions {
  readonly containerId: string
  readonly application: AmqpApplication
  readonly clock: Clock
  readonly fault: (error: unknown) => void
  readonly limits?: AmqpLimits
}

/** Where a connection's bytes go. */
export interface AmqpIntake {
  received(bytes: Uint8Array): void
  peerClosed(): void
}

const TICK_MS = 500

export class AmqpServer {
  readonly #options: AmqpServerOptions
  readonly #limits: AmqpLimits
  readonly #container: Container
  readonly #connections = new Map<number, ServerConnection>()
  #nextId = 0
  #timer: NodeJS.Timeout | undefined

  constructor(options: AmqpServerOptions) {
    this.#options = options
    this.#limits = options.limits ?? AMQP_LIMITS
    this.#container = rhea.create_container({ id: options.containerId })
  }

  get connections(): number {
    return this.#connections.size
  }

  /** Takes a connection whose first bytes are due. Undefined when there are too many; the caller closes it. */
  accept(transport: AmqpTransport, peer: AmqpPeer): AmqpIntake | undefined {
    if (this.#connections.size >= this.#limits.connectionsMax) return undefined
    const id = this.#nextId++
    const { application, clock, fault } = this.#options
    const parts: ConnectionParts = {
      id,
      container: this.#container,
      transport,
      peer,
      application,
      limits: this.#limits,
      clock,
      fault,
      ended: () => this.#connections.delete(id),
    }
    const connection = new ServerConnection(parts)
    this.#connections.set(id, connection)
    this.#timer ??= setInterval(() => this.#tick(), TICK_MS).unref()
    return connection
  }

  /** Tells every peer and closes. */
  closeAll(error: AmqpRefusal): void {
    for (const connection of this.#connections.values()) connection.close(error)
  }

  #tick(): void {
    const now = this.#options.clock.monotonic()
    for (const connection of this.#connections.values()) connection.tick(now)
    if (this.#connections.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}
