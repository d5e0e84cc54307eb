/** Customers' certificate authorities. */

import Type from 'typebox'
import { Changed } from './devices.ts'
import { operation } from './operation.ts'
import { closed, instant, page, paging, shape } from './shape.ts'

export const AuthorityCreate = shape('AuthorityCreate', { name: Type.String(), certificate: Type.String() })
export type AuthorityCreate = Type.Static<typeof AuthorityCreate>

/** PEM of a certificate signed by the authority whose common name is the nonce. */
export const AuthorityProof = shape('AuthorityProof', { certificate: Type.String() })
export type AuthorityProof = Type.Static<typeof AuthorityProof>

export const Authority = shape('Authority', {
  name: Type.String(),
  subject: Type.String(),
  sha256: Type.String(),
  notAfter: instant,
  state: Type.Enum(['pending', 'verified']),
  /** While pending: what a certificate signed by the authority must carry as common name. */
  nonce: Type.Optional(Type.String()),
})
export type Authority = Type.Static<typeof Authority>

export const authorityOperations = {
  list: operation({
    id: 'authority.list',
    method: 'GET',
    path: '/api/v1/authorities',
    summary: 'Lists the certificate authorities that devices may be signed by',
    action: 'authority:read',
    on: 'hub',
    query: closed({ ...paging }),
    answer: { kind: 'json', schema: page('Authority', Authority) },
  }),
  create: operation({
    id: 'authority.create',
    method: 'POST',
    path: '/api/v1/authorities',
    summary: 'Registers a certificate authority; it counts once it is verified',
    action: 'authority:write',
    on: 'hub',
    body: AuthorityCreate,
    answer: { kind: 'json', status: 201, schema: Authority },
  }),
  show: operation({
    id: 'authority.show',
    method: 'GET',
    path: '/api/v1/authorities/{name}',
    summary: 'Shows an authority',
    action: 'authority:read',
    on: 'hub',
    answer: { kind: 'json', schema: Authority },
  }),
  verify: operation({
    id: 'authority.verify',
    method: 'POST',
    path: '/api/v1/authorities/{name}/verify',
    summary: "Proves possession of the authority's key",
    action: 'authority:write',
    on: 'hub',
    body: AuthorityProof,
    answer: { kind: 'json', schema: Authority },
  }),
  delete: operation({
    id: 'authority.delete',
    method: 'DELETE',
    path: '/api/v1/authorities/{name}',
    summary: 'Removes an authority; sessions that rest on it are closed',
    action: 'authority:write',
    on: 'hub',
    answer: { kind: 'json', schema: Changed },
  }),
}
