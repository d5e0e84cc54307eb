/** Shared access policies: Azure's form. */

import Type from 'typebox'
import { Changed, ConnectionString, KeyChoice } from './devices.ts'
import { operation } from './operation.ts'
import { closed, page, paging, shape } from './shape.ts'

export const Policy = shape('Policy', {
  name: Type.String(),
  rights: Type.Array(Type.String()),
})
export type Policy = Type.Static<typeof Policy>

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
