/**
 * What a front is told of connections that come, held back until what it rests on is written down: nobody is let in, or sent
 * away, before the log says so. What follows an admission waits behind it.
 */

import type { CoreToFront } from '@holdfast/messaging'

export interface HeldAnswersParts {
  readonly send: (front: number, message: CoreToFront) => void
  /** Resolves when all that was told so far is on disk; undefined where there is nothing to wait for. */
  readonly durable: () => Promise<void> | undefined
}

/** CONNACK 3, "server unavailable" (MQTT 3.1.1 §3.2.2.3): it may be tried again. */
const UNAVAILABLE = 3

export class HeldAnswers {
  readonly #parts: HeldAnswersParts
  /** By connection; as many as are being admitted at once, which the fronts bound. */
  readonly #held = new Map<string, CoreToFront[]>()

  constructor(parts: HeldAnswersParts) {
    this.#parts = parts
  }

  send(front: number, message: CoreToFront): void {
    if (!('connection' in message)) {
      this.#parts.send(front, message)
      return
    }
    const name = `${front} ${message.connection}`
    const waiting = this.#held.get(name)
    if (waiting !== undefined) waiting.push(message)
    else if (message.kind === 'admit' || message.kind === 'admit-provisioning' || message.kind === 'refuse') {
      this.#held.set(name, [message])
      void this.#release(front, message.connection, name)
    } else this.#parts.send(front, message)
  }

  async #release(front: number, connection: number, name: string): Promise<void> {
    // One turn: that somebody is in is told after the front was told so.
    await Promise.resolve()
    let isKept = true
    try {
      await this.#parts.durable()
    } catch {
      isKept = false
    }
    const messages = this.#held.get(name) ?? []
    this.#held.delete(name)
    if (isKept) for (const message of messages) this.#parts.send(front, message)
    // The front closes it and says so; then it is gone from the directory like any other.
    else {
      const reason = 'its coming could not be written down'
      this.#parts.send(front, { kind: 'refuse', connection, code: UNAVAILABLE, reason })
    }
  }
}
