/** Manufacturers of TPMs that the hub trusts (protocol/api/src/tpm.ts). */

import { TpmApi } from '@holdfast/api'
import type { EndorsementRoot } from '@holdfast/attestation'
import { formatTimestamp, timestampOf } from '@holdfast/base'
import { decodeCertificateInput, PkiError } from '@holdfast/pki'
import { readJson } from '../json-body.ts'
import { badRequest } from '../problem.ts'
import { actorName, OWNER } from './actor.ts'
import { refusing } from './attestation.ts'
import { onePage } from './page.ts'
import { type Call, json, parameter, type Route } from './route.ts'

const ROOTS = '/api/v1/tpm/roots'

export const ENDORSEMENT_ROOT_ROUTES: readonly Route[] = [
  { method: 'GET', path: ROOTS, rights: ['RegistryRead'], answer: list },
  // Whom the hub believes is its owner's to say.
  { method: 'POST', path: ROOTS, rights: OWNER, answer: add },
  { method: 'DELETE', path: `${ROOTS}/:name`, rights: OWNER, answer: remove },
]

async function list(call: Call): Promise<Response> {
  return json(onePage(call.context, call.services.endorsementRoots.list(), ({ name }) => name, rootJson))
}

async function add(call: Call): Promise<Response> {
  const { name, certificate } = await readJson(call.context, TpmApi.EndorsementRootAdd)
  const { endorsementRoots } = call.services
  return refusing(async () => {
    return json(rootJson(await endorsementRoots.add(name, decoded(certificate), actorName(call.actor))), 201)
  })
}

async function remove(call: Call): Promise<Response> {
  const { endorsementRoots } = call.services
  return refusing(async () => {
    return json(rootJson(await endorsementRoots.remove(parameter(call, 'name'), actorName(call.actor))))
  })
}

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
