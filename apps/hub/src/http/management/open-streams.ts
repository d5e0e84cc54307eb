/** Answers that go on until somebody ends them: as long as the credential that asked for them, and few at a time. */

import type { Clock } from '@holdfast/base'
import type { Cut } from '@holdfast/identity'
import { Problem } from '../../core/problem.ts'
import type { Actor, Lifetime } from '../../people/actor.ts'

/** Streams at once. Each holds at most a page of messages. */
export const STREAMS_MAX = 64

/** Longest delay of a timer in milliseconds; a stream that would outlive it ends then. */
const DELAY_MS_MAX = 2_147_483_647

interface OpenStream {
  readonly actor: Actor
  readonly end: AbortController
}

export interface Lease {
  /** Aborted when the stream has to end, or has. */
  readonly signal: AbortSignal
  /** Ends the stream; its place is free then. */
  end(): void
}

export class OpenStreams {
  readonly #clock: Clock
  readonly #open = new Set<OpenStream>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get size(): number {
    return this.#open.size
  }

  /** @throws Problem 503 when there are too many. */
  open(actor: Actor): Lease {
    if (this.#open.size >= STREAMS_MAX) {
      throw new Problem({
        status: 503,
        code: 'too-many-streams',
        title: `${STREAMS_MAX} streams are open, which is as many as there may be`,
        detail: 'end one that is not needed, or ask without follow',
        headers: { 'retry-after': '10' },
      })
    }
    const stream: OpenStream = { actor, end: new AbortController() }
    this.#open.add(stream)
    const life = lifeOf(actor)
    const timer = life.until === undefined ? undefined : this.#endAt(stream, life.until)
    const endNow = (): void => stream.end.abort()
    life.ended?.addEventListener('abort', endNow, { once: true })
    if (life.ended?.aborted === true) endNow()
    return {
      signal: stream.end.signal,
      end: () => {
        clearTimeout(timer)
        life.ended?.removeEventListener('abort', endNow)
        this.#open.delete(stream)
        stream.end.abort()
      },
    }
  }

  /** Ends the streams whose policy key was taken away; returns how many. */
  cut(cuts: readonly Cut[]): number {
    let ended = 0
    for (const { actor, end } of this.#open) {
      if (actor.kind !== 'policy' || end.signal.aborted) continue
      const { name, slot } = actor.principal
      if (!cuts.some((cut) => cut.kind === 'policy' && cut.name === name && cut.slot === slot)) continue
      end.abort()
      ended += 1
    }
    return ended
  }

  #endAt(stream: OpenStream, at: number): NodeJS.Timeout {
    const delay = Math.min(Math.max(at - this.#clock.wall(), 0), DELAY_MS_MAX)
    return setTimeout(() => stream.end.abort(), delay).unref()
  }
}

function lifeOf(actor: Actor): Partial<Lifetime> {
  switch (actor.kind) {
    case 'local':
      return {}
    case 'person':
      return actor.session
    case 'token':
      return actor
    case 'policy':
      return { until: actor.principal.expires }
  }
}
