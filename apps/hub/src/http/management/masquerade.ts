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
import { type MasqueradeApi, OPERATIONS } from '@holdfast/api'
import { formatTimestamp } from '@holdfast/base'
import { checkIdentityKey, type IdentityKey, identityText } from '@holdfast/identity'
import { badRequest, Problem } from '../../core/problem.ts'
import { actorName } from '../../people/actor.ts'
import { keyOf as namedKey, type Named } from './identity-named.ts'
import { within } from '../../people/reach.ts'
import { onePage } from './page.ts'
import { type Asked, type Call, type Route, serve } from './route.ts'

const { connectionPolicy, masquerade, quarantine } = OPERATIONS

export const MASQUERADE_ROUTES: readonly Route[] = [
  serve(quarantine.list, async ({ services, query, reach }) => {
    const entries = await within(reach, services.masquerade.quarantine.list(), ({ deviceId }) => ({ deviceId }))
    return onePage(query, entries, identityText, quarantinedJson)
  }),
  serve(quarantine.add, add),
  serve(quarantine.release, release),
  serve(quarantine.releaseModule, release),
  serve(masquerade.show, show),
  serve(masquerade.showModule, show),
  serve(masquerade.clear, clear),
  serve(masquerade.clearModule, clear),
  serve(connectionPolicy.show, async (call) => policyShown(call, {})),
  serve(connectionPolicy.set, (call) => setPolicy(call, {})),
  serve(connectionPolicy.clear, (call) => clearPolicy(call, {})),
  serve(connectionPolicy.showDevice, async (call) => policyShown(call, { deviceId: (await existing(call)).deviceId })),
  serve(connectionPolicy.setDevice, (call) => setPolicy(call, { deviceId: call.path.id })),
  serve(connectionPolicy.clearDevice, (call) => clearPolicy(call, { deviceId: call.path.id })),
]

export function quarantinedJson(entry: QuarantineEntry): MasqueradeApi.Quarantined {
  const { deviceId, moduleId, reason, at, actor } = entry
  return { deviceId, ...(moduleId === undefined ? {} : { moduleId }), reason, at: formatTimestamp(at), actor }
}

async function add({ services, body, actor, reach }: Asked<typeof quarantine.add>): Promise<MasqueradeApi.Quarantined> {
  const { deviceId, moduleId, reason } = body
  const key = checkIdentityKey(moduleId === undefined ? { deviceId } : { deviceId, moduleId })
  if (!(await reach.includes(key.deviceId))) throw new Problem(QUARANTINE_REFUSALS.missing)
  const held = services.masquerade.quarantine
  const outcome = await held.add(key, reason, actorName(actor))
  const entry = held.find(key)
  if (outcome !== 'added' || entry === undefined) throw new Problem(QUARANTINE_REFUSALS[outcome])
  return quarantinedJson(entry)
}

async function release(call: Call & Named): Promise<undefined> {
  if (await call.services.masquerade.release(keyOf(call), actorName(call.actor))) return undefined
  throw new Problem({
    status: 404,
    code: 'not-quarantined',
    title: 'it is not in quarantine by itself',
    detail: 'list the quarantine; a module may be in it by its device',
  })
}

async function show(call: Call & Named): Promise<MasqueradeApi.Masquerade> {
  const key = await existing(call)
  const office = call.services.masquerade
  const { dossier, judgement } = await office.show(key)
  const { verdict, score, provenScore, reasons } = judgement
  const { record } = dossier
  const quarantined = office.quarantine.find(key)
  return {
    ...key,
    verdict,
    score,
    provenScore,
    suspectedFrom: office.scale.suspectedPoints,
    provenFrom: office.scale.provenPoints,
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
}

async function clear(call: Call & Named): Promise<undefined> {
  await call.services.masquerade.clear(await existing(call), actorName(call.actor))
  return undefined
}

async function setPolicy(
  call: Call & { readonly body: object },
  scope: PolicyScope,
): Promise<MasqueradeApi.PolicyShown> {
  let policy: ConnectionPolicy
  try {
    policy = readConnectionPolicy(call.body)
  } catch (error) {
    if (error instanceof ConnectionPolicyError) throw badRequest(error.faults)
    throw error
  }
  refuse(await call.services.masquerade.policies.set(scope, policy, actorName(call.actor)))
  return policyShown(call, scope)
}

async function clearPolicy(call: Call, scope: PolicyScope): Promise<undefined> {
  refuse(await call.services.masquerade.policies.clear(scope, actorName(call.actor)))
  return undefined
}

function policyShown({ services }: Call, scope: PolicyScope): MasqueradeApi.PolicyShown {
  const { policies } = services.masquerade
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

function keyOf(call: Named): IdentityKey {
  return checkIdentityKey(namedKey(call))
}

async function existing(call: Call & Named): Promise<IdentityKey> {
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
