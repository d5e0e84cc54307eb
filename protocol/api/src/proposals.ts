/** Acts that take the word of two people: what waits for it, and which those are. */

import Type from 'typebox'
import { type Operation, operation } from './operation.ts'
import { anyObject, closed, instant, page, paging, shape } from './shape.ts'

/** Status of an answer that says: this was not done, it waits for the word of another. Its body is the proposal. */
export const PROPOSED_STATUS = 202

/** To decide on proposals takes no proposal, or nothing would ever be decided. */
const DECIDING: ReadonlySet<string> = new Set(['proposal.approve', 'proposal.reject'])

/** Whether an operation can wait for the word of another: a change whose answer nobody needs, and that is no file. */
export function canBeProposed({ id, method, on, upload, answer, disclosesSecret }: Operation): boolean {
  const isChange = method !== 'GET' && on !== 'self' && upload === undefined && !DECIDING.has(id)
  return isChange && disclosesSecret !== true && (answer.kind === 'json' || answer.kind === 'none')
}

export const Proposal = shape('Proposal', {
  id: Type.String(),
  /** Id of the operation. */
  operation: Type.String(),
  /** What that does. */
  summary: Type.String(),
  /** What it is asked for: path, query and body. Secrets are not shown; nothing is, once it is decided. */
  request: anyObject,
  /** Of what is asked for, secrets and all: who approves names it. */
  digest: Type.String(),
  proposedBy: Type.String(),
  proposedTime: instant,
  expires: instant,
  /** `begun`: approved, and being done. */
  state: Type.Union([
    Type.Literal('waiting'),
    Type.Literal('begun'),
    Type.Literal('done'),
    Type.Literal('failed'),
    Type.Literal('rejected'),
    Type.Literal('withdrawn'),
    Type.Literal('expired'),
  ]),
  decidedBy: Type.Optional(Type.String()),
  decidedTime: Type.Optional(instant),
  /** Of what was done: its HTTP status, and the code of its problem. `interrupted`: nobody knows how it ended. */
  outcome: Type.Optional(closed({ status: Type.Integer(), code: Type.Optional(Type.String()) })),
})
export type Proposal = Type.Static<typeof Proposal>

export const TwoPersonPolicy = shape('TwoPersonPolicy', {
  /** Ids of operations, or whole themes: `authority.delete`, `hubAuthority.*`. */
  acts: Type.Array(Type.String({ maxLength: 82 }), { maxItems: 200 }),
  /** How long a proposal waits. */
  hours: Type.Integer({ minimum: 1, maximum: 168 }),
})
export type TwoPersonPolicy = Type.Static<typeof TwoPersonPolicy>

const approve = { action: 'proposal:approve', on: 'own-organisation' } as const
const read = { action: 'proposal:read', on: 'own-organisation' } as const

export const proposalOperations = {
  list: operation({
    id: 'proposal.list',
    method: 'GET',
    path: '/api/v1/proposals',
    summary: 'Lists proposals, the newest first; those that are decided too',
    ...read,
    query: closed(paging),
    answer: { kind: 'json', schema: page('Proposal', Proposal) },
  }),
  show: operation({
    id: 'proposal.show',
    method: 'GET',
    path: '/api/v1/proposals/{proposal}',
    summary: 'Shows a proposal',
    ...read,
    answer: { kind: 'json', schema: Proposal },
  }),
  approve: operation({
    id: 'proposal.approve',
    method: 'POST',
    path: '/api/v1/proposals/{proposal}/approve',
    summary: 'Approves what somebody else proposed, with a proof of presence; it is done at once, and once',
    ...approve,
    body: closed({ digest: Type.String({ maxLength: 64 }) }),
    answer: { kind: 'json', schema: Proposal },
  }),
  reject: operation({
    id: 'proposal.reject',
    method: 'POST',
    path: '/api/v1/proposals/{proposal}/reject',
    summary: 'Rejects a proposal, or withdraws an own one',
    ...approve,
    body: closed({ reason: Type.Optional(Type.String({ maxLength: 256 })) }),
    answer: { kind: 'json', schema: Proposal },
  }),
  policy: operation({
    id: 'proposal.policy',
    method: 'GET',
    path: '/api/v1/two-person-policy',
    summary: 'Shows which acts take the word of two people',
    action: 'proposal:read',
    on: 'hub',
    isVersioned: true,
    answer: { kind: 'json', schema: TwoPersonPolicy },
  }),
  setPolicy: operation({
    id: 'proposal.setPolicy',
    method: 'PUT',
    path: '/api/v1/two-person-policy',
    summary: 'Says which acts take the word of two people',
    action: 'operator:write',
    on: 'hub',
    isVersioned: true,
    body: TwoPersonPolicy,
    answer: { kind: 'json', schema: TwoPersonPolicy },
  }),
}
