/** Revocation lists of customers' authorities. */

import Type from 'typebox'
import { operation } from './operation.ts'
import { closed, instant, page, paging, shape } from './shape.ts'

/** At least a list or a URL the first time; what is absent stays as it is. */
export const RevocationListPut = shape('RevocationListPut', {
  /** Base64 of the file, which is DER or PEM. Larger lists than a request may carry (1 MiB) come by `url`. */
  list: Type.Optional(Type.String()),
  /** PEM of the CA below the authority that signs the list; absent: the authority itself signs it. */
  issuer: Type.Optional(Type.String()),
  /** http or https; fetched at once, then every hour. */
  url: Type.Optional(Type.String({ maxLength: 2_048 })),
  /** What a list past its nextUpdate means for the certificates of its issuer; `accept` unless told. */
  whenStale: Type.Optional(Type.Union([Type.Literal('accept'), Type.Literal('refuse')])),
})
export type RevocationListPut = Type.Static<typeof RevocationListPut>

export const RevocationList = shape('RevocationList', {
  authority: Type.String(),
  /** Subject of the CA that signs the list. */
  issuer: Type.String(),
  /** SHA-256 of its public key, upper-case hex. */
  issuerKey: Type.String(),
  state: Type.Enum(['fresh', 'stale', 'missing']),
  whenStale: Type.Enum(['accept', 'refuse']),
  entries: Type.Optional(Type.Integer()),
  /** Hex. */
  number: Type.Optional(Type.String()),
  thisUpdate: Type.Optional(instant),
  nextUpdate: Type.Optional(instant),
  takenTime: Type.Optional(instant),
  url: Type.Optional(Type.String()),
  /** Why the last fetch failed. */
  fault: Type.Optional(Type.String()),
})
export type RevocationList = Type.Static<typeof RevocationList>

export const RevocationListTaken = shape('RevocationListTaken', {
  list: RevocationList,
  sessionsClosed: Type.Integer(),
  milliseconds: Type.Number(),
})
export type RevocationListTaken = Type.Static<typeof RevocationListTaken>

export const RevocationListsFetched = shape('RevocationListsFetched', {
  lists: Type.Array(RevocationList),
  sessionsClosed: Type.Integer(),
  milliseconds: Type.Number(),
})
export type RevocationListsFetched = Type.Static<typeof RevocationListsFetched>

export const revocationListOperations = {
  list: operation({
    id: 'revocationList.list',
    method: 'GET',
    path: '/api/v1/authorities/{name}/crls',
    summary: 'Lists the revocation lists of an authority',
    action: 'authority:read',
    on: 'hub',
    query: closed({ ...paging }),
    answer: { kind: 'json', schema: page('RevocationList', RevocationList) },
  }),
  put: operation({
    id: 'revocationList.put',
    method: 'POST',
    path: '/api/v1/authorities/{name}/crls',
    summary: 'Takes a revocation list, or the address where it is found',
    action: 'authority:write',
    on: 'hub',
    body: RevocationListPut,
    answer: { kind: 'json', status: 201, schema: RevocationListTaken },
  }),
  fetch: operation({
    id: 'revocationList.fetch',
    method: 'POST',
    path: '/api/v1/authorities/{name}/crls/fetch',
    summary: 'Asks every address of the authority for its list now',
    action: 'authority:write',
    on: 'hub',
    answer: { kind: 'json', schema: RevocationListsFetched },
  }),
  delete: operation({
    id: 'revocationList.delete',
    method: 'DELETE',
    path: '/api/v1/authorities/{name}/crls/{issuerKey}',
    summary: 'Forgets a revocation list',
    action: 'authority:write',
    on: 'hub',
    answer: { kind: 'json', schema: RevocationList },
  }),
}
