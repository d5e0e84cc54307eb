/**
 * Requests that bear an Idempotency-Key: done once, and answered the same however often they come, for a day. The key is
 * the caller's, of one operation; used for another request it is refused.
 */

import { createHash } from 'node:crypto'
import { type Operation, readIdempotencyKey, takesIdempotencyKey } from '@holdfast/api'
import type { Clock } from '@holdfast/base'
import type { IdempotencyStore, KeptAnswer } from '@holdfast/store'
import { badRequest, Problem } from '../../core/problem.ts'
import { type Actor, actorName } from '../../people/actor.ts'

/** Longest answer that is kept, in UTF-16 units; those of operations that take a key stay far below. */
export const ANSWER_CHARACTERS_MAX = 8_192

/** What is asked for, as it was read. */
export interface AskedOnce {
  readonly operation: Operation
  readonly actor: Actor
  /** As the header says it; undefined: there is none. */
  readonly header: string | undefined
  /** All that says what is to be done: what differs in it is another request. */
  readonly request: unknown
}

export class Idempotency {
  readonly #store: IdempotencyStore
  readonly #clock: Clock
  readonly #explain: (error: unknown) => Problem | undefined
  /** Requests that are being done now, by the ids of their reservations; as many as are being served. */
  readonly #running = new Set<string>()

  /** @param explain the answer to an error, where there is one: it says whether something may have been done. */
  constructor(store: IdempotencyStore, clock: Clock, explain: (error: unknown) => Problem | undefined) {
    this.#store = store
    this.#clock = clock
    this.#explain = explain
  }

  /**
   * Does what is asked, unless it was done: then it answers as it did then.
   * @throws Problem 400, 409, 422 or 429; or what `act` throws.
   */
  async once(asked: AskedOnce, act: () => Promise<Response>): Promise<Response> {
    if (asked.header === undefined) return act()
    const { id, caller, digest } = namesOf(asked, asked.header)
    if (this.#running.has(id)) throw inProgress()
    this.#running.add(id)
    try {
      const found = await this.#store.reserveAnswer({ id, caller, digest, at: this.#clock.wall() })
      switch (found.kind) {
        case 'full':
          throw full()
        case 'known':
          if (found.digest !== digest) throw mismatch()
          if (found.answer === undefined) throw unknown()
          return responseOf(found.answer)
        case 'reserved':
          return await this.#act(id, act)
      }
    } finally {
      this.#running.delete(id)
    }
  }

  async #act(id: string, act: () => Promise<Response>): Promise<Response> {
    let response: Response
    try {
      response = await act()
    } catch (error) {
      const problem = error instanceof Problem ? error : this.#explain(error)
      if (problem !== undefined && wasRefused(problem)) await this.#store.releaseAnswer(id)
      throw error
    }
    const body = await response.text()
    const etag = response.headers.get('etag') ?? undefined
    // What is too long to be kept stays a request whose answer is not known: it is not done twice either.
    if (body.length <= ANSWER_CHARACTERS_MAX) {
      await this.#store.keepAnswer(id, { status: response.status, body, ...(etag !== undefined && { etag }) })
    }
    return new Response(response.status === 204 ? null : body, { status: response.status, headers: response.headers })
  }
}

/** Where there is nothing to keep answers in, a key is refused rather than passed over. */
export function demandNoKey(header: string | undefined): void {
  if (header !== undefined) throw unsupported()
}

function namesOf(
  asked: AskedOnce,
  header: string,
): { readonly id: string; readonly caller: string; readonly digest: string } {
  if (!takesIdempotencyKey(asked.operation)) throw unsupported()
  const key = readIdempotencyKey(header)
  if (key === undefined) {
    throw badRequest([{ path: '', message: 'has an Idempotency-Key that is none: send 1 to 128 visible characters' }])
  }
  const caller = actorName(asked.actor)
  return {
    id: hashOf([caller, asked.operation.id, key]),
    caller: hashOf([caller]),
    // With the key, which is kept nowhere: what was sent cannot be guessed from its digest alone.
    digest: hashOf([key, asked.request]),
  }
}

function hashOf(value: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('base64url')
}

/** What left a device half-way: it may have done what it was asked. */
const HALF_WAY: ReadonlySet<string> = new Set(['method-closed', 'method-deleted'])

/** Whether a refusal says that nothing was done. */
function wasRefused({ facts: { status, code } }: Problem): boolean {
  return code === 'busy' || (status < 500 && !HALF_WAY.has(code))
}

function responseOf({ status, etag, body }: KeptAnswer): Response {
  const headers = {
    'idempotency-replayed': 'true',
    ...(body !== '' && { 'content-type': 'application/json' }),
    ...(etag !== undefined && { etag }),
  }
  return new Response(status === 204 ? null : body, { status, headers })
}

function unsupported(): Problem {
  return new Problem({
    status: 400,
    code: 'idempotency-unsupported',
    title: 'this operation takes no Idempotency-Key',
    detail: 'leave the header away; the OpenAPI document says which operations take one',
  })
}

function inProgress(): Problem {
  return new Problem({
    status: 409,
    code: 'idempotency-in-progress',
    title: 'the first request with this Idempotency-Key is not answered yet',
    detail: 'send the same request again in a moment',
    headers: { 'retry-after': '1' },
  })
}

function unknown(): Problem {
  return new Problem({
    status: 409,
    code: 'idempotency-unknown',
    title: 'the first request with this Idempotency-Key was begun, and how it ended is not known',
    detail: 'look whether it was done; if it was not, ask again with another key',
  })
}

function mismatch(): Problem {
  return new Problem({
    status: 422,
    code: 'idempotency-mismatch',
    title: 'this Idempotency-Key was used for another request',
    detail: 'make a new key for each thing to be done',
  })
}

function full(): Problem {
  return new Problem({
    status: 429,
    code: 'idempotency-full',
    title: 'as many answers are kept as may be',
    detail: 'ask without Idempotency-Key, or later: answers are forgotten after a day',
    headers: { 'retry-after': '3600' },
  })
}
