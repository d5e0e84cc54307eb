/**
 * The two-person rule: an act that the policy names is not done when it is asked for but proposed, and done when another
 * person approves it. One place for all operations; what an operation does knows nothing of it.
 */

import { createHmac } from 'node:crypto'
import { type Operation, type ProposalApi, PROPOSED_STATUS } from '@holdfast/api'
import { type Clock, formatTimestamp } from '@holdfast/base'
import { asksForTwo, INTERRUPTED, type Operator, type Proposal } from '@holdfast/operators'
import { type Actor, actorName } from './actor.ts'
import { Problem } from '../core/problem.ts'
import type { AuthorizationOffice } from './authorization-office.ts'
import type { PeopleOffice } from './people-office.ts'
import { requirePresence } from './presence.ts'
import type { Reach } from './reach.ts'

/** What is asked for, as it was read and checked. */
export interface HeldRequest {
  readonly path: Readonly<Record<string, string>>
  readonly query: object
  readonly body: unknown
  readonly ifMatch: string | undefined
}

/** Does an operation for somebody, as if they asked for it now. */
export type Perform = (act: {
  readonly operation: string
  readonly actor: Actor
  readonly reach: Reach
  readonly request: HeldRequest
}) => Promise<Response>

export interface TwoPersonRuleParts {
  readonly office: PeopleOffice
  readonly authorization: AuthorizationOffice
  readonly clock: Clock
  /** Those that can be proposed, by id. */
  readonly operations: ReadonlyMap<string, Operation>
  /** The problem of an error, where it is one that is known. */
  readonly explain: (error: unknown) => Problem | undefined
}

/** Bytes of a request that waits: it is kept in memory. */
const REQUEST_BYTES_MAX = 65_536

/**
 * What the machine of the hub does by itself, rule or not: a policy that no workstation satisfies keeps those away who
 * could approve.
 */
const OF_THE_MACHINE: ReadonlySet<string> = new Set(['workstation.setPolicy'])

/** Bytes of the key of digests. It is made at each start; a proposal keeps the digest that it was made with. */
const KEY_BYTES = 32

/** Members of a body that are shown to nobody. */
const SECRET = /pass|secret|pin|token|bundle|key$/i

export class TwoPersonRule {
  readonly #parts: TwoPersonRuleParts
  /** Of digests, which are shown and logged: without it whoever sees one could guess at a passphrase in the request. */
  readonly #key: Uint8Array

  constructor(parts: TwoPersonRuleParts) {
    this.#parts = parts
    this.#key = parts.office.random(KEY_BYTES)
  }

  /** Whether an operation, or a theme of them (`key.*`), can be named by the policy. */
  isKnown(act: string): boolean {
    const { operations } = this.#parts
    return act.endsWith('.*')
      ? [...operations.keys()].some((id) => id.startsWith(act.slice(0, -1)))
      : operations.has(act)
  }

  /**
   * The answer where it was proposed; undefined where it is to be done now.
   * @throws Problem 403 for machines and for who is not there, OperatorError `exists`, `too-many`.
   */
  async hold(operation: Operation, actor: Actor, request: HeldRequest): Promise<Response | undefined> {
    const { office, clock, operations } = this.#parts
    const { proposals } = office
    if (!operations.has(operation.id) || !asksForTwo(proposals.policy, operation.id)) return undefined
    if (actor.kind === 'local' && OF_THE_MACHINE.has(operation.id)) return undefined
    const organisation = this.organisationOf(actor)
    if (!proposals.isInForce(organisation)) return undefined
    requirePresence(actor, clock)
    const text = JSON.stringify({ operation: operation.id, ...request })
    if (Buffer.byteLength(text) > REQUEST_BYTES_MAX) throw tooLong()
    const proposal = await proposals.propose({
      operation: operation.id,
      request: {
        path: request.path,
        query: request.query,
        body: request.body,
        ...(request.ifMatch !== undefined && { ifMatch: request.ifMatch }),
      },
      digest: createHmac('sha256', this.#key).update(text).digest('base64url'),
      proposedBy: actorName(actor),
      organisation,
    })
    return new Response(JSON.stringify(this.shown(proposal)), {
      status: PROPOSED_STATUS,
      headers: { 'content-type': 'application/json' },
    })
  }

  /**
   * The word of another: it is done at once, in the name of whoever proposed it, if they still may.
   * @throws OperatorError as `Proposals.begin`.
   */
  async approve(id: string, approver: Operator, digest: string, perform: Perform): Promise<Proposal> {
    const { proposals } = this.#parts.office
    const begun = await proposals.begin(id, approver, digest)
    const outcome = await this.#done(begun, perform).catch(async (error: unknown) => {
      // As after a stop: nobody knows how far it came, and what it asked for is kept no longer.
      await proposals.finish(id, INTERRUPTED)
      throw error
    })
    return proposals.finish(id, outcome)
  }

  /** Whose proposals somebody sees and decides. */
  organisationOf(actor: Actor): string {
    return this.#parts.authorization.organisationOf(actor)
  }

  shown(proposal: Proposal): ProposalApi.Proposal {
    const { id, operation, request, digest, proposedBy, proposedTime, expires, state, ...rest } = proposal
    return {
      id,
      operation,
      summary: this.#parts.operations.get(operation)?.summary ?? operation,
      request: withoutSecrets(request) as object,
      digest,
      proposedBy,
      proposedTime: formatTimestamp(proposedTime),
      expires: formatTimestamp(expires),
      state,
      ...(rest.decidedBy !== undefined && { decidedBy: rest.decidedBy }),
      ...(rest.decidedTime !== undefined && { decidedTime: formatTimestamp(rest.decidedTime) }),
      ...(rest.outcome !== undefined && { outcome: rest.outcome }),
    }
  }

  async #done(proposal: Proposal, perform: Perform): Promise<{ readonly status: number; readonly code?: string }> {
    const { authorization, operations, explain } = this.#parts
    const operation = operations.get(proposal.operation)
    const actor = this.#actorOf(proposal)
    if (operation === undefined || actor === undefined) return { status: 403, code: 'not-allowed' }
    const { path = {}, query = {}, body, ifMatch } = proposal.request
    try {
      const verdict = await authorization.decide(actor, { operation, parameter: (name) => path[name] })
      if (verdict.kind !== 'allowed') return { status: 403, code: 'not-allowed' }
      const request = { path, query, body, ifMatch }
      const { status } = await perform({ operation: operation.id, actor, reach: verdict.reach, request })
      return { status }
    } catch (error) {
      const problem = error instanceof Problem ? error : explain(error)
      if (problem === undefined) throw error
      return { status: problem.facts.status, code: problem.facts.code }
    }
  }

  /** Who proposed it, as they stand now: whoever is gone asks for nothing any more. */
  #actorOf({ id, proposedBy, organisation, expires }: Proposal): Actor | undefined {
    if (proposedBy === 'operator/local') return { kind: 'local' }
    const { roll, clock } = this.#parts.office
    const operator = roll.operatorNamed(proposedBy.replace(/^operator\//, ''))
    if (operator?.state !== 'active' || operator.organisation !== organisation) return undefined
    const session = { id: `proposal-${id}`, until: expires, ended: new AbortController().signal }
    const { name } = operator
    return { kind: 'person', id: name, name, organisation, session, presenceAt: clock.wall(), posture: 'full' }
  }
}

function withoutSecrets(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutSecrets)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, member]: [string, unknown]) => [
      name,
      typeof member === 'string' && SECRET.test(name) ? '(not shown)' : withoutSecrets(member),
    ]),
  )
}

function tooLong(): Problem {
  return new Problem({
    status: 413,
    code: 'too-large',
    title: 'the request is too long to wait for the word of another person',
    detail: `ask for less at once: ${REQUEST_BYTES_MAX} bytes at most`,
  })
}
