/** A back end that receives feedback or file notifications (azure-iot.md §5.5): peek-lock, several compete. */

import { type AmqpOutcome, encodeMessage, type OutgoingHandler, type OutgoingLink } from '@holdfast/amqp'
import type { Outcome } from '@holdfast/commands'
import type { Remote } from '@holdfast/node/threads'
import type { AmqpDesk } from './contract.ts'

type QueueCalls = Pick<Remote<AmqpDesk>, 'receiveFromQueue' | 'settleInQueue' | 'releaseInQueue' | 'closeQueue'>

export interface QueueLinkParts {
  readonly link: OutgoingLink
  /** Its number at the core. */
  readonly receiver: number
  readonly desk: QueueCalls
  readonly failed: (error: unknown) => void
  readonly closed: () => void
}

const OUTCOMES: Readonly<Record<AmqpOutcome, Outcome>> = {
  accepted: 'complete',
  rejected: 'reject',
  released: 'abandon',
  modified: 'abandon',
}

export class QueueLink implements OutgoingHandler {
  readonly #parts: QueueLinkParts
  readonly #locks = new Map<number, string>()
  #nextToken = 0
  #isAsking = false
  #isEmpty = false
  #isOver = false

  constructor(parts: QueueLinkParts) {
    this.#parts = parts
  }

  /** The queue may have something. */
  woken(): void {
    this.#isEmpty = false
    this.ready()
  }

  ready(): void {
    if (this.#isAsking || this.#isEmpty || this.#isOver || this.#parts.link.capacity === 0) return
    this.#isAsking = true
    this.#ask().then(
      () => {
        this.#isAsking = false
        this.ready()
      },
      (error: unknown) => {
        this.#isAsking = false
        this.#isEmpty = true
        this.#parts.failed(error)
      },
    )
  }

  settled(token: number, outcome: AmqpOutcome): void {
    const { desk, receiver, failed } = this.#parts
    const lockToken = this.#locks.get(token)
    this.#locks.delete(token)
    if (lockToken !== undefined) desk.settleInQueue(receiver, lockToken, OUTCOMES[outcome]).catch(failed)
  }

  closed(): void {
    this.#isOver = true
    const { desk, receiver, failed, closed } = this.#parts
    desk.closeQueue(receiver).catch(failed)
    closed()
  }

  async #ask(): Promise<void> {
    const { desk, receiver, link } = this.#parts
    // What comes while it is asked is told by `woken`, which must not be lost.
    this.#isEmpty = true
    const message = await desk.receiveFromQueue(receiver)
    if (message === undefined) return
    this.#isEmpty = false
    if (this.#isOver || link.capacity === 0) {
      await desk.releaseInQueue(receiver, message.lockToken)
      return
    }
    const token = this.#nextToken++
    this.#locks.set(token, message.lockToken)
    const { body, contentType, enqueued, expires } = message
    link.send(
      encodeMessage({
        messageId: message.lockToken,
        contentType,
        contentEncoding: 'utf-8',
        absoluteExpiryTime: expires,
        creationTime: enqueued,
        body,
      }),
      token,
    )
  }
}
