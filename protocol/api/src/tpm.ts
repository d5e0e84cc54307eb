/** Manufacturers of TPMs that the hub trusts. */

import Type from 'typebox'
import { operation } from './operation.ts'
import { closed, instant, page, paging, shape } from './shape.ts'

export const EndorsementRootAdd = shape('EndorsementRootAdd', {
  /** 1 to 128 of A-Z a-z 0-9 . _ - */
  name: Type.String(),
  /** PEM, or base64 of DER, of a CA: a manufacturer's root, or what stands below it. */
  certificate: Type.String(),
})
export type EndorsementRootAdd = Type.Static<typeof EndorsementRootAdd>

export const EndorsementRoot = shape('EndorsementRoot', {
  name: Type.String(),
  subject: Type.String(),
  /** Of the certificate, upper-case hex. */
  sha256: Type.String(),
  notAfter: instant,
  added: instant,
})
export type EndorsementRoot = Type.Static<typeof EndorsementRoot>

export const endorsementRootOperations = {
  list: operation({
    id: 'endorsementRoot.list',
    method: 'GET',
    path: '/api/v1/tpm/roots',
    summary: 'Lists the manufacturers of TPMs that are trusted',
    action: 'attestation:read',
    on: 'hub',
    query: closed({ ...paging }),
    answer: { kind: 'json', schema: page('EndorsementRoot', EndorsementRoot) },
  }),
  add: operation({
    id: 'endorsementRoot.add',
    method: 'POST',
    path: '/api/v1/tpm/roots',
    summary: 'Trusts a manufacturer of TPMs',
    action: 'attestation:trust',
    on: 'hub',
    body: EndorsementRootAdd,
    answer: { kind: 'json', status: 201, schema: EndorsementRoot },
  }),
  remove: operation({
    id: 'endorsementRoot.remove',
    method: 'DELETE',
    path: '/api/v1/tpm/roots/{name}',
    summary: 'Trusts a manufacturer of TPMs no more',
    action: 'attestation:trust',
    on: 'hub',
    answer: { kind: 'json', schema: EndorsementRoot },
  }),
}
