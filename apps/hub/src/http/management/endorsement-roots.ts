/** Manufacturers of TPMs that the hub trusts (protocol/api/src/tpm.ts). */

import { TpmApi } from '@holdfast/api'
import type { EndorsementRoot } from '@holdfast/attestation'
import { formatTimestamp, timestampOf } from '@holdfast/base'
import { decodeCertificateInput, PkiError } from '@holdfast/pki'
import { badRequest } from '../../core/problem.ts'
import { actorName } from '../../people/actor.ts'
import { refusing } from './attestation.ts'
import { onePage } from './page.ts'
import { type Route, serve } from './route.ts'

const { endorsementRootOperations } = TpmApi

export const ENDORSEMENT_ROOT_ROUTES: readonly Route[] = [
  serve(endorsementRootOperations.list, async ({ services, query }) =>
    onePage(query, services.endorsementRoots.list(), ({ name }) => name, rootJson),
  ),
  serve(endorsementRootOperations.add, ({ services, body: { name, certificate }, actor }) =>
    refusing(async () => rootJson(await services.endorsementRoots.add(name, decoded(certificate), actorName(actor)))),
  ),
  serve(endorsementRootOperations.remove, ({ services, path, actor }) =>
    refusing(async () => rootJson(await services.endorsementRoots.remove(path.name, actorName(actor)))),
  ),
]

function decoded(text: string): Uint8Array {
  try {
    return decodeCertificateInput(text)
  } catch (error) {
    if (!(error instanceof PkiError)) throw error
    throw badRequest([{ path: '/certificate', message: 'is no certificate as PEM or base64 of DER' }])
  }
}

function rootJson({ name, certificate, addedTime }: EndorsementRoot): TpmApi.EndorsementRoot {
  return {
    name,
    subject: certificate.subjectName,
    sha256: certificate.sha256Thumbprint,
    notAfter: formatTimestamp(timestampOf(certificate.notAfter)),
    added: formatTimestamp(addedTime),
  }
}
