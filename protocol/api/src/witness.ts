/** Witnesses of the audit log: who cosigns its checkpoints, and how far. */

import Type from 'typebox'
import { operation } from './operation.ts'

const closed = { additionalProperties: false }

const name = Type.String({ pattern: '^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$' })

export const WitnessDraft = Type.Object(
  {
    name,
    /** What its addresses begin with (C2SP tlog-witness: one prefix for both), `https` alone. */
    url: Type.String({ maxLength: 2_048 }),
    /** Its key for cosignatures, as vkey. */
    key: Type.String({ maxLength: 512 }),
    /** PEM of the root of its certificate; without it, the public roots count. */
    ca: Type.Optional(Type.String({ maxLength: 6_000 })),
    /** Whether it may have an address of the hub's own network. */
    allowPrivate: Type.Optional(Type.Boolean()),
  },
  { ...closed, title: 'WitnessDraft' },
)
export type WitnessDraft = Type.Static<typeof WitnessDraft>

export const Witness = Type.Object(
  {
    name: Type.String(),
    url: Type.String(),
    key: Type.String(),
    hasCa: Type.Boolean(),
    allowPrivate: Type.Boolean(),
    addedTime: Type.String({ format: 'date-time' }),
    /**
     * `new` has not answered yet; `current` has cosigned lately; `waiting` was not reached and is tried again; `ageing` for
     * a day, `away` for three; `refusing` does not know this log, or its key; `forked` saw another history of it.
     */
    state: Type.Union([
      Type.Literal('new'),
      Type.Literal('current'),
      Type.Literal('waiting'),
      Type.Literal('ageing'),
      Type.Literal('away'),
      Type.Literal('refusing'),
      Type.Literal('forked'),
    ]),
    /** Why it is not current. */
    reason: Type.Optional(Type.String()),
    /** Entries of the last checkpoint that it cosigned. */
    cosignedSize: Type.Optional(Type.Integer()),
    cosignedTime: Type.Optional(Type.String({ format: 'date-time' })),
    /** Entries that were signed for since. */
    behind: Type.Integer(),
  },
  { ...closed, title: 'Witness' },
)
export type Witness = Type.Static<typeof Witness>

const paging = Type.Object(
  {
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000 })),
    after: Type.Optional(Type.String({ maxLength: 512 })),
  },
  closed,
)

export const witnessOperations = {
  list: operation({
    id: 'witness.list',
    method: 'GET',
    path: '/api/v1/audit/witnesses',
    summary: 'List the witnesses of the audit log, with what they have cosigned',
    action: 'audit:read',
    on: 'hub',
    query: paging,
    answer: {
      kind: 'json',
      schema: Type.Object(
        { items: Type.Array(Witness), next: Type.Optional(Type.String()) },
        { ...closed, title: 'WitnessPage' },
      ),
    },
  }),
  add: operation({
    id: 'witness.add',
    method: 'POST',
    path: '/api/v1/audit/witnesses',
    summary: 'Have checkpoints of the audit log cosigned by a witness',
    action: 'audit:manage',
    on: 'hub',
    body: WitnessDraft,
    answer: { kind: 'json', status: 201, schema: Witness },
  }),
  remove: operation({
    id: 'witness.remove',
    method: 'DELETE',
    path: '/api/v1/audit/witnesses/{name}',
    summary: 'Send nothing more to a witness',
    action: 'audit:manage',
    on: 'hub',
    answer: { kind: 'none' },
  }),
}
