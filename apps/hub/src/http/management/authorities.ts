import { Api } from '@holdfast/api'
import { formatTimestamp } from '@holdfast/base'
import type { Authority } from '@holdfast/identity'
import { readJson } from '../json-body.ts'
import { Problem } from '../problem.ts'
import { readQuery } from '../query.ts'
import { actorName } from './actor.ts'
import { cutOff } from './changed.ts'
import { onePage } from './page.ts'
import { type Call, json, parameter, type Route } from './route.ts'

const AUTHORITIES = '/api/v1/authorities'
const ONE = `${AUTHORITIES}/:name` as const

export const AUTHORITY_ROUTES: readonly Route[] = [
  { method: 'GET', path: AUTHORITIES, rights: ['RegistryRead'], answer: list },
  { method: 'POST', path: AUTHORITIES, rights: ['RegistryWrite'], answer: add },
  { method: 'GET', path: ONE, rights: ['RegistryRead'], answer: show },
  { method: 'POST', path: `${ONE}/verify`, rights: ['RegistryWrite'], answer: verify },
  { method: 'DELETE', path: ONE, rights: ['RegistryWrite'], answer: remove },
]

async function list(call: Call): Promise<Response> {
  return json(onePage(call.context, call.services.authorities.list(), ({ name }) => name, authorityJson))
}

async function show(call: Call): Promise<Response> {
  readQuery(call.context, {})
  const authority = call.services.authorities.read(parameter(call, 'name'))
  if (authority !== undefined) return json(authorityJson(authority))
  throw new Problem({
    status: 404,
    code: 'missing',
    title: 'there is no authority of this name',
    detail: 'list the authorities for those that exist',
  })
}

async function add(call: Call): Promise<Response> {
  const { name, certificate } = await readJson(call.context, Api.AuthorityCreate)
  const authority = await call.services.authorities.add(name, certificate, actorName(call.actor))
  return json(authorityJson(authority), 201)
}

async function verify(call: Call): Promise<Response> {
  const { certificate } = await readJson(call.context, Api.AuthorityProof)
  const name = parameter(call, 'name')
  return json(authorityJson(await call.services.authorities.verify(name, certificate, actorName(call.actor))))
}

async function remove(call: Call): Promise<Response> {
  const { cuts } = await call.services.authorities.remove(parameter(call, 'name'), actorName(call.actor))
  return json(await cutOff(call, cuts))
}

function authorityJson({ name, parsed, thumbprint, state }: Authority): Api.Authority {
  return {
    name,
    subject: parsed.subjectName,
    sha256: thumbprint,
    notAfter: formatTimestamp(parsed.notAfter),
    state: state.kind,
    ...(state.kind === 'pending' ? { nonce: state.nonce } : {}),
  }
}
