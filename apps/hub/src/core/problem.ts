/** Refusals as problem+json (RFC 9457), the one form in which the hub's own API says no. */

import { PROBLEMS_PATH } from '@holdfast/api'

/** One thing that is wrong with a request: where, and what. */
export interface Fault {
  /** JSON pointer into the body (RFC 6901), or `?name` for a query parameter. */
  readonly path: string
  readonly message: string
}

export interface ProblemFacts {
  readonly status: 400 | 401 | 403 | 404 | 405 | 409 | 411 | 412 | 413 | 414 | 415 | 422 | 429 | 500 | 502 | 503 | 504
  /** Part of the API, like the status. */
  readonly code: string
  /** What was refused and why, as one clause. */
  readonly title: string
  /** What to do about it. */
  readonly detail: string
  readonly faults?: readonly Fault[]
  readonly headers?: Readonly<Record<string, string>>
}

/** Thrown by a handler to end a request. Holds nothing that the peer may not see. */
export class Problem extends Error {
  override readonly name = 'Problem'
  readonly facts: ProblemFacts

  constructor(facts: ProblemFacts, options?: ErrorOptions) {
    super(facts.title, options)
    this.facts = facts
  }
}

export function problemResponse({ status, code, title, detail, faults, headers }: ProblemFacts): Response {
  const body = { type: `${PROBLEMS_PATH}#${code}`, title, status, detail, code, ...(faults && { faults }) }
  return new Response(JSON.stringify(body), {
    status,
    headers: { ...headers, 'content-type': 'application/problem+json' },
  })
}

export function badRequest(faults: readonly Fault[]): Problem {
  return new Problem({
    status: 400,
    code: 'invalid-request',
    title: 'the request is not of the form it must have',
    detail: `correct ${faults.map(({ path, message }) => `${path === '' ? 'the body' : path}: ${message}`).join('; ')}`,
    faults,
  })
}
