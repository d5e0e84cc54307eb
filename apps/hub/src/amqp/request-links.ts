/** Nodes that are asked by a message and answer by one: `$cbs` and `$management`. */

import { type AmqpMessage, encodeMessage, type OutgoingLink, type ValueWriter } from '@holdfast/amqp'

/** What an answer says; `status` as HTTP has it. */
export interface NodeAnswer {
  readonly status: number
  readonly description: string
  readonly body?: (values: ValueWriter) => void
}

/** Answers that wait for credit of the link that they go to; what comes then is not answered. */
const WAITING_MAX = 64

/** The links on which one connection hears answers of one node. */
export class AnswerLinks {
  readonly #links = new Map<OutgoingLink, Buffer[]>()

  add(link: OutgoingLink): { ready(): void; settled(): void; closed(): void } {
    const waiting: Buffer[] = []
    this.#links.set(link, waiting)
    return {
      ready: () => {
        for (let next = waiting[0]; next !== undefined && link.capacity > 0; next = waiting[0]) {
          waiting.shift()
          link.send(next)
        }
      },
      settled: () => {},
      closed: () => this.#links.delete(link),
    }
  }

  /** Sends the answer to where the request says, by the name or the target of a link; else to the link that came last. */
  answer(request: AmqpMessage, { status, description, body }: NodeAnswer): void {
    const { replyTo, messageId } = request
    let chosen: OutgoingLink | undefined
    for (const link of this.#links.keys()) {
      chosen = link
      if (replyTo !== undefined && (link.name === replyTo || link.peerAddress === replyTo)) break
    }
    const waiting = chosen && this.#links.get(chosen)
    if (chosen === undefined || waiting === undefined || waiting.length >= WAITING_MAX) return
    const message = encodeMessage({
      ...(messageId === undefined ? {} : { correlationId: messageId }),
      applicationProperties: new Map<string, string | number>([
        ['status-code', status],
        ['statusCode', status],
        ['status-description', description],
        ['statusDescription', description],
      ]),
      body: body ?? ((values) => values.null()),
    })
    if (waiting.length === 0 && chosen.capacity > 0) chosen.send(message)
    else waiting.push(message)
  }
}
