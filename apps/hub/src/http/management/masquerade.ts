/** Quarantine, what was seen of identities, and connection policies. */

import {
  type ConnectionPolicy,
  ConnectionPolicyError,
  type PolicyOutcome,
  type PolicyScope,
  type QuarantineEntry,
  type QuarantineOutcome,
  readConnectionPolicy,
} from '@holdfast/admission'
import { MasqueradeApi } from '@holdfast/api'
import { formatTimestamp } from '@holdfast/base'
import { checkIdentityKey, type IdentityKey, identityText } from '@holdfast/identity'
import { readJson } from '../json-body.ts'
import { badRequest, Problem } from '../problem.ts'
import { readQuery } from '../query.ts'
import { actorName } from './actor.ts'
import { onePage } from './page.ts'
import { type Call, json, parameter, type Route } from './route.ts'

const QUARANTINE = '/api/v1/quarantine'
const DEVICE = '/api/v1/devices/:device'
const HUB_POLICY = '/api/v1/connection-policy'
const MODULE = '/modules/:module'

export const MASQUERADE_ROUTES: readonly Route[] = [
  { method: 'GET', path: QUARANTINE, rights: ['RegistryRead'], answer: list },
  { method: 'POST', path: QUARANTINE, rights: ['RegistryWrite'], answer: add },
  { method: 'DELETE', path: `${QUARANTINE}/:device`, rights: ['RegistryWrite'], answer: release },
  { method: 'DELETE', path: `${QUARANTINE}/:device${MODULE}`, rights: ['RegistryWrite'], answer: release },
  { method: 'GET', path: `${DEVICE}/masquerade`, rights: ['RegistryRead'], answer: show },
  { method: 'GET', path: `${DEVICE}${MODULE}/masquerade`, rights: ['RegistryRead'], answer: show },
  { method: 'DELETE', path: `${DEVICE}/masquerade`, rights: ['RegistryWrite'], answer: clear },
  { method: 'DELETE', path: `${DEVICE}${MODULE}/masquerade`, rights: ['RegistryWrite'], answer: clear },
  { method: 'GET', path: HUB_POLICY, rights: ['RegistryRead'], answer: showPolicy },
  { method: 'POST', path: HUB_POLICY, rights: ['RegistryWrite'], answer: setPolicy },
  { method: 'DELETE', path: HUB_POLICY, rights: ['RegistryWrite'], answer: clearPolicy },
  { method: 'GET', path: `${DEVICE}/connection-policy`, rights: ['RegistryRead'], answer: showPolicy },
  { method: 'POST', path: `${DEVICE}/connection-policy`, rights: ['RegistryWrite'], answer: setPolicy },
  { method: 'DELETE', path: `${DEVICE}/connection-policy`, rights: ['RegistryWrite'], answer: clearPolicy },
]

export function quarantinedJson(entry: QuarantineEntry): MasqueradeApi.Quarantined {
  const { deviceId, moduleId, reason, at, actor } = entry
  return { deviceId, ...(moduleId === undefined ? {} : { moduleId }), reason, at: formatTimestamp(at), actor }
}

async function list(call: Call): Promise<Response> {
  return json(onePage(call.context, call.services.masquerade.quarantine.list(), identityText, quarantinedJson))
}

async function add(call: Call): Promise<Response> {
  const { deviceId, moduleId, reason } = await readJson(call.context, MasqueradeApi.QuarantineAdd)
  const key = checkIdentityKey(moduleId === undefined ? { deviceId } : { deviceId, moduleId })
  const { quarantine } = call.services.masquerade
  const outcome = await quarantine.add(key, reason, actorName(call.actor))
  const entry = quarantine.find(key)
  if (outcome !== 'added' || entry === undefined) throw new Problem(QUARANTINE_REFUSALS[outcome])
  return json(quarantinedJson(entry), 201)
}

async function release(call: Call): Promise<Response> {
  if (!(await call.services.masquerade.release(keyOf(call), actorName(call.actor)))) {
    throw new Problem({
      status: 404,
      code: 'not-quarantined',
      title: 'it is not in quarantine by itself',
      detail: 'list the quarantine; a module may be in it by its device',
    })
  }
  return new Response(null, { status: 204 })
}

async function show(call: Call): Promise<Response> {
  readQuery(call.context, {})
  const key = await existing(call)
  const { masquerade } = call.services
  const { dossier, judgement } = await masquerade.show(key)
  const { verdict, score, provenScore, reasons } = judgement
  const { record } = dossier
  const quarantined = masquerade.quarantine.find(key)
  const answer: MasqueradeApi.Masquerade = {
    ...key,
    verdict,
    score,
    provenScore,
    suspectedFrom: masquerade.scale.suspectedPoints,
    provenFrom: masquerade.scale.provenPoints,
    reasons: reasons.map(({ kind, count, at, detail, points, worth, isProven }) => ({
      finding: kind,
      count,
      at: formatTimestamp(at),
      what: detail,
      points,
      worth,
      proven: isProven,
    })),
    connections: dossier.sightings.map(({ at, network, client, certificate, ended }) => ({
      at: formatTimestamp(at),
      network,
      client,
      ...(certificate === undefined ? {} : { certificate }),
      ...(ended === undefined ? {} : { endedAt: formatTimestamp(ended.at), takenOver: ended.isTakenOver }),
    })),
    nonce: record?.nonce === undefined ? 'none' : dossier.hasAnswered ? 'answered' : 'waiting',
    ...(record?.counter === undefined ? {} : { counter: record.counter.value }),
    ...(quarantined === undefined ? {} : { quarantined: quarantinedJson(quarantined) }),
  }
  return json(answer)
}

async function clear(call: Call): Promise<Response> {
  await call.services.masquerade.clear(await existing(call), actorName(call.actor))
  return new Response(null, { status: 204 })
}

async function showPolicy(call: Call): Promise<Response> {
  readQuery(call.context, {})
  const { deviceId } = scopeOf(call)
  if (deviceId !== undefined) await existing(call)
  return json(policyShown(call))
}

async function setPolicy(call: Call): Promise<Response> {
  const document = await readJson(call.context, MasqueradeApi.ConnectionPolicyDraft)
  let policy: ConnectionPolicy
  try {
    policy = readConnectionPolicy(document)
  } catch (error) {
    if (error instanceof ConnectionPolicyError) throw badRequest(error.faults)
    throw error
  }
  refuse(await call.services.masquerade.policies.set(scopeOf(call), policy, actorName(call.actor)))
  return json(policyShown(call))
}

async function clearPolicy(call: Call): Promise<Response> {
  refuse(await call.services.masquerade.policies.clear(scopeOf(call), actorName(call.actor)))
  return new Response(null, { status: 204 })
}

function policyShown(call: Call): MasqueradeApi.PolicyShown {
  const { policies } = call.services.masquerade
  const scope = scopeOf(call)
  const { deviceId } = scope
  const { parsedNetworks: _, ...effective } =
    deviceId === undefined ? policies.effectiveOfHub() : policies.effective({ deviceId })
  const policy = policies.read(scope)
  return { policy: policy === undefined ? null : policyJson(policy), effective: policyJson(effective) }
}

function policyJson({ networks, transports, ...rest }: ConnectionPolicy): MasqueradeApi.ConnectionPolicy {
  return {
    ...(networks === undefined ? {} : { networks: [...networks] }),
    ...(transports === undefined ? {} : { transports: [...transports] }),
    ...rest,
  }
}

function scopeOf(call: Call): PolicyScope {
  const deviceId = call.context.req.param('device')
  return deviceId === undefined ? {} : { deviceId }
}

function keyOf(call: Call): IdentityKey {
  const moduleId = call.context.req.param('module')
  return checkIdentityKey({ deviceId: parameter(call, 'device'), ...(moduleId === undefined ? {} : { moduleId }) })
}

async function existing(call: Call): Promise<IdentityKey> {
  const key = keyOf(call)
  if ((await call.services.registry.read(key)) === undefined) throw new Problem(QUARANTINE_REFUSALS.missing)
  return key
}

type Refusal = ConstructorParameters<typeof Problem>[0]

const QUARANTINE_REFUSALS: Readonly<Record<QuarantineOutcome, Refusal>> = {
  // It was let out again before we could tell.
  added: { status: 409, code: 'contended', title: 'others let it out at the same time', detail: 'list the quarantine' },
  already: { status: 409, code: 'exists', title: 'it is in quarantine', detail: 'nothing is left to do' },
  missing: { status: 404, code: 'missing', title: 'it does not exist', detail: 'check the id; ids are case-sensitive' },
  full: {
    status: 409,
    code: 'too-many',
    title: 'the quarantine is full',
    detail: 'let others out, or disable devices',
  },
}

const POLICY_REFUSALS: Readonly<Record<Exclude<PolicyOutcome, 'done'>, Refusal>> = {
  missing: {
    status: 404,
    code: 'missing',
    title: 'there is no such policy, or no such device',
    detail: 'show the policy; what holds by default cannot be cleared',
  },
  'too-many': {
    status: 409,
    code: 'too-many',
    title: 'as many devices have a policy of their own as may',
    detail: "put what they have in common into their model's policy or the hub's",
  },
}

function refuse(outcome: PolicyOutcome): void {
  if (outcome !== 'done') throw new Problem(POLICY_REFUSALS[outcome])
}
