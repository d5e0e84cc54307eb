/** Our end of a link on which the peer sends. */

import type { Delivery, Receiver } from 'rhea'
import type { GateLink } from './frame-gate.ts'
import type { AmqpRefusal, IncomingDelivery, IncomingHandler, IncomingLink } from './node.ts'
import { refuse } from './refuse.ts'
import type { Settlements } from './settlements.ts'
import type { Value } from './value-reader.ts'

export interface IncomingEndParts {
  readonly receiver: Receiver
  readonly gate: GateLink
  readonly creditMax: number
  /** Of the connection. */
  readonly settlements: Settlements
  readonly forget: () => void
}

export class IncomingEnd implements IncomingLink {
  readonly #parts: IncomingEndParts
  #handler: IncomingHandler | undefined
  #isOver = false
  #granted = 0

  constructor(parts: IncomingEndParts) {
    this.#parts = parts
  }

  get name(): string {
    return this.#parts.gate.attach.name
  }

  get address(): string {
    return this.#parts.gate.attach.target?.address ?? ''
  }

  get peerAddress(): string {
    return this.#parts.gate.attach.source?.address ?? ''
  }

  get properties(): ReadonlyMap<Value, Value> {
    return this.#parts.gate.attach.properties
  }

  get desiredCapabilities(): readonly string[] {
    return this.#parts.gate.attach.desiredCapabilities
  }

  attach(verdict: IncomingHandler | AmqpRefusal): void {
    if ('condition' in verdict) {
      this.close(verdict)
      return
    }
    this.#handler = verdict
    const { receiver } = this.#parts
    receiver.set_source({ address: this.peerAddress })
    receiver.set_target({ address: this.address })
    // What was granted while the handler was being made.
    if (this.#granted > 0) this.#credit(this.#granted)
  }

  grant(messages: number): void {
    this.#granted = Math.min(messages, this.#parts.creditMax)
    if (this.#handler !== undefined) this.#credit(this.#granted)
  }

  close(error: AmqpRefusal): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#parts.gate.credit = 0
    this.#parts.forget()
    refuse(this.#parts.receiver, error)
  }

  closed(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#handler?.closed()
  }

  /** The gate has the message of this delivery. */
  arrived(delivery: Delivery): void {
    const { message } = this.#parts.gate
    if (message === undefined || this.#handler === undefined || this.#isOver) return
    if (message.kind === 'other') {
      this.#settle(false, () =>
        delivery.reject({
          condition: 'amqp:not-implemented',
          description: `messages of format 0x${message.format.toString(16)} are not taken on this link`,
        }),
      )
      return
    }
    this.#handler.message(this.#deliveryOf(delivery, message.message))
  }

  #deliveryOf(delivery: Delivery, message: IncomingDelivery['message']): IncomingDelivery {
    let isSettled = false
    const once = (isAcceptance: boolean, how: () => void): void => {
      if (isSettled) return
      isSettled = true
      this.#settle(isAcceptance, how)
    }
    return {
      message,
      accept: () => once(true, () => delivery.accept()),
      reject: ({ condition, description }) => once(false, () => delivery.reject({ condition, description })),
      release: () => once(false, () => delivery.release()),
    }
  }

  #settle(isAcceptance: boolean, how: () => void): void {
    this.#parts.settlements.add({
      isAcceptance,
      settle: () => {
        if (this.#isOver) return
        how()
        this.#credit(1)
      },
    })
  }

  #credit(messages: number): void {
    this.#parts.gate.credit += messages
    this.#parts.receiver.add_credit(messages)
  }
}
