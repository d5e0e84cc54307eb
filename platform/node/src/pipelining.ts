/** Bounds the requests that one connection has under way: RFC 9112 §9.3.2 lets a client send on without waiting. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { TurnedAway } from './handshake-gate.ts'

/** Hardly any client pipelines; one that does has a few on their way. A 64 KiB chunk can hold more than a thousand. */
const UNDER_WAY_MAX = 16

export class Pipelining {
  readonly #underWay = new WeakMap<Socket, number>()
  readonly #turnedAway: TurnedAway

  constructor(turnedAway: TurnedAway) {
    this.#turnedAway = turnedAway
  }

  /** @returns false for a request that is not to be answered: its connection has been closed. */
  admit({ socket }: IncomingMessage, response: ServerResponse): boolean {
    // The parser goes on to the end of its chunk.
    if (socket.destroyed) return false
    const count = (this.#underWay.get(socket) ?? 0) + 1
    if (count > UNDER_WAY_MAX) {
      this.#turnedAway(socket.remoteAddress ?? 'unknown', 'too many requests at once')
      socket.destroy()
      return false
    }
    this.#underWay.set(socket, count)
    response.once('close', () => this.#underWay.set(socket, (this.#underWay.get(socket) ?? 1) - 1))
    return true
  }
}
