/**
 * A program signs in as a person: it shows a code, the person confirms it in a browser with a passkey, the program fetches
 * its session. The form is that of RFC 8628 (device authorization grant), with what its §5.4 asks for: whoever confirms
 * sees from where the program asks, and proves to be there.
 */

import type { EventSink } from '@holdfast/audit'
import { type Clock, type Instant, later } from '@holdfast/base'
import { CodeBook } from './code-book.ts'
import { OperatorError } from './errors.ts'
import { CODE_LIFE_MS, CODES_MAX } from './limits.ts'
import type { Operator } from './operator.ts'
import { actorOf } from './operator.ts'
import type { Proof } from './proof.ts'
import { base64url, makeId, digestOf, type RandomBytes } from './secret.ts'

export interface LoginRequest {
  readonly id: string
  readonly secretDigest: string
  readonly nonce: string
  readonly agent: string
  readonly address: string
  /** Of a session that is to prove its person's presence anew, instead of a new session. */
  readonly session?: string
}

interface Pending {
  readonly request: LoginRequest
  readonly until: Instant
  workstationId?: string
  answer?: { readonly kind: 'confirmed'; readonly proof: Proof } | { readonly kind: 'denied' }
}

export interface BegunLogin {
  readonly id: string
  readonly code: string
  readonly secret: string
  /** For a workstation to vouch with. */
  readonly nonce: string
  readonly lifeMs: number
}

export type LoginAnswer =
  | { readonly kind: 'pending' }
  | { readonly kind: 'denied' }
  | {
      readonly kind: 'confirmed'
      readonly request: LoginRequest
      readonly proof: Proof
      readonly workstationId?: string
    }

export interface LoginsParts {
  readonly clock: Clock
  readonly random: RandomBytes
  readonly events: EventSink
}

export class Logins {
  readonly #parts: LoginsParts
  readonly #codes: CodeBook<string>
  readonly #pending = new Map<string, Pending>()

  constructor(parts: LoginsParts) {
    this.#parts = parts
    this.#codes = new CodeBook(parts.random)
  }

  /** @throws OperatorError `throttled`. */
  begin(facts: Pick<LoginRequest, 'agent' | 'address' | 'session'>): BegunLogin {
    const { clock, random } = this.#parts
    const now = clock.monotonic()
    for (const [id, { until }] of this.#pending)
      if (until <= now || this.#pending.size > CODES_MAX) this.#pending.delete(id)
    const secret = base64url(random(32))
    const id = makeId(random)
    const request: LoginRequest = { ...facts, id, secretDigest: digestOf(secret), nonce: base64url(random(32)) }
    const code = this.#codes.issue(id, `address/${facts.address}`, now)
    this.#pending.set(id, { request, until: later(now, CODE_LIFE_MS) })
    return { id, code, secret, nonce: request.nonce, lifeMs: CODE_LIFE_MS }
  }

  /** What waits under a code. @param asker the session that asks. @throws OperatorError `code-unknown`, `throttled`. */
  find(code: string, asker: string): LoginRequest & { readonly workstationId?: string } {
    const now = this.#parts.clock.monotonic()
    const { request, workstationId } = this.#known(this.#codes.find(code, asker, now))
    return { ...request, ...(workstationId !== undefined && { workstationId }) }
  }

  /** @throws OperatorError `code-unknown` when it is over. */
  read(id: string): LoginRequest {
    return this.#known(id).request
  }

  /** The request of who holds its secret. @throws OperatorError `code-unknown`. */
  ofSecret(secret: string): LoginRequest {
    return this.#bySecret(secret).request
  }

  /** A workstation has vouched for it. */
  vouch(id: string, workstationId: string): void {
    this.#known(id).workstationId = workstationId
  }

  /** @throws OperatorError `code-unknown`, `not-allowed` where it asks for the presence of somebody else. */
  confirm(id: string, operator: Operator, proof: Proof): void {
    const pending = this.#known(id)
    if (pending.answer !== undefined) throw unknown()
    pending.answer = { kind: 'confirmed', proof }
    this.#codes.remove((one) => one === id)
    this.#tell('login.confirmed', pending.request, actorOf(operator))
  }

  deny(id: string, operator: Operator): void {
    const pending = this.#known(id)
    if (pending.answer !== undefined) throw unknown()
    pending.answer = { kind: 'denied' }
    this.#codes.remove((one) => one === id)
    this.#tell('login.denied', pending.request, actorOf(operator))
  }

  /** What became of it; a confirmed one is handed out once. @throws OperatorError `code-unknown`. */
  collect(secret: string): LoginAnswer {
    const { request, answer, workstationId } = this.#bySecret(secret)
    if (answer === undefined) return { kind: 'pending' }
    this.#pending.delete(request.id)
    if (answer.kind === 'denied') return answer
    return { ...answer, request, ...(workstationId !== undefined && { workstationId }) }
  }

  #bySecret(secret: string): Pending {
    const digest = digestOf(secret)
    for (const pending of this.#pending.values()) {
      if (pending.request.secretDigest === digest) return this.#known(pending.request.id)
    }
    throw unknown()
  }

  #known(id: string): Pending {
    const pending = this.#pending.get(id)
    if (pending !== undefined && pending.until > this.#parts.clock.monotonic()) return pending
    throw unknown()
  }

  #tell(type: 'login.confirmed' | 'login.denied', { address, agent }: LoginRequest, actor: string): void {
    const { events, clock } = this.#parts
    events({ type, at: clock.wall(), subject: actor, actor, detail: { address, agent } })
  }
}

function unknown(): OperatorError {
  return new OperatorError('code-unknown', 'there is no such login, or its ten minutes are over')
}
