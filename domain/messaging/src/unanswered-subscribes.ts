/** SUBSCRIBE and UNSUBSCRIBE packets of a connection whose subscriptions the core has not kept yet; answered in order. */

import type { SubackCode } from '@holdfast/mqtt'

/** A SUBSCRIBE with its codes, or an UNSUBSCRIBE without. */
export interface UnansweredSubscribe {
  readonly packetId: number
  readonly codes: readonly SubackCode[] | undefined
}

/** Whoever adds to it bounds it. */
export class UnansweredSubscribes {
  readonly #waiting: { readonly ticket: number; readonly packet: UnansweredSubscribe }[] = []
  #tickets = 0

  get size(): number {
    return this.#waiting.length
  }

  /** @returns the ticket under which the core answers. */
  add(packet: UnansweredSubscribe): number {
    const ticket = this.#tickets++
    this.#waiting.push({ ticket, packet })
    return ticket
  }

  /** What may be answered now that the subscriptions of `ticket`, and of all before it, are kept. */
  kept(ticket: number): readonly UnansweredSubscribe[] {
    const end = this.#waiting.findIndex((one) => one.ticket > ticket)
    return this.#waiting.splice(0, end < 0 ? this.#waiting.length : end).map(({ packet }) => packet)
  }
}
