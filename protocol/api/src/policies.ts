/** Shared access policies: Azure's form. */

import Type from 'typebox'
import { Changed, ConnectionString, KeyChoice } from './devices.ts'
import { operation } from './operation.ts'
import { closed, instant, page, paging, shape } from './shape.ts'

export const Policy = shape('Policy', {
  name: Type.String(),
  rights: Type.Array(Type.String()),
  /** Whose key connection strings carry unless the other is asked for. */
  current: Type.Enum(['primary', 'secondary']),
  keys: Type.Array(
    closed({
      slot: Type.Enum(['primary', 'secondary']),
      /** Of keys older than the version that keeps it: since the first start of that. */
      since: instant,
      /** A day; absent: not since the key is there, or not since it is kept. */
      lastUsed: Type.Optional(Type.String({ format: 'date' })),
      /** Of the former key of a rotation. */
      retires: Type.Optional(instant),
    }),
  ),
})
export type Policy = Type.Static<typeof Policy>

export const PolicyRotationAsked = shape('PolicyRotationAsked', {
  /** How long the former key works on: a day unless told, 30 days at most. */
  overlapMinutes: Type.Optional(Type.Integer({ minimum: 0, maximum: 30 * 24 * 60 })),
  /** Whether a key is replaced that somebody used in the last 30 days. */
  evenIfUsed: Type.Optional(Type.Boolean()),
})

export const PolicyRotated = shape('PolicyRotated', {
  policy: Policy,
  /** That rested on the key that is gone. */
  sessionsClosed: Type.Integer(),
})

export const policyOperations = {
  list: operation({
    id: 'policy.list',
    method: 'GET',
    path: '/api/v1/policies',
    summary: 'Lists shared access policies',
    action: 'policy:read',
    on: 'hub',
    query: closed({ ...paging }),
    answer: { kind: 'json', schema: page('Policy', Policy) },
  }),
  connectionString: operation({
    id: 'policy.connectionString',
    method: 'GET',
    path: '/api/v1/policies/{name}/connection-string',
    summary: 'Discloses the connection string of a policy, with a key',
    action: 'policy:secret',
    on: 'hub',
    query: closed({ eventHub: Type.Optional(Type.Boolean()), key: Type.Optional(Type.Enum(['primary', 'secondary'])) }),
    disclosesSecret: true,
    answer: { kind: 'json', schema: ConnectionString },
  }),
  rotate: operation({
    id: 'policy.rotate',
    method: 'POST',
    path: '/api/v1/policies/{name}/rotate',
    summary: 'Makes a new key current, and lets the former work on for a while',
    action: 'policy:write',
    on: 'hub',
    body: PolicyRotationAsked,
    answer: { kind: 'json', schema: PolicyRotated },
  }),
  retire: operation({
    id: 'policy.retire',
    method: 'POST',
    path: '/api/v1/policies/{name}/retire',
    summary: 'Ends the former key of a rotation before its time; sessions that rest on it are closed',
    action: 'policy:write',
    on: 'hub',
    answer: { kind: 'json', schema: PolicyRotated },
  }),
  regenerateKey: operation({
    id: 'policy.regenerateKey',
    method: 'POST',
    path: '/api/v1/policies/{name}/regenerate-key',
    summary: 'Makes a new key for a policy; sessions that rest on the former are closed',
    action: 'policy:write',
    on: 'hub',
    body: KeyChoice,
    answer: { kind: 'json', schema: Changed },
  }),
}
