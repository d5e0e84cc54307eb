/** How devices boot, what is asked of their boot, and what a good one measures (protocol/api/src/attestation.ts). */

import { AttestationApi } from '@holdfast/api'
import {
  AttestationError,
  type AttestationErrorCode,
  type AttestationPolicy,
  type AttestationRecord,
  type FoundPolicy,
  firmwareText,
  type KnownReferenceValues,
  type ReferenceSigner,
  readAttestationPolicy,
  type Standing,
} from '@holdfast/attestation'
import { formatTimestamp, timestampOf } from '@holdfast/base'
import { readJson } from '../json-body.ts'
import { Problem, type ProblemFacts } from '../problem.ts'
import { readQuery, text, wholeNumber } from '../query.ts'
import { actorName, OWNER } from './actor.ts'
import { onePage, PAGE_ITEMS, PAGE_ITEMS_MAX } from './page.ts'
import { type Call, json, parameter, type Route } from './route.ts'

const ROOT = '/api/v1/attestation'
const DEVICE = `${ROOT}/devices/:device` as const

export const ATTESTATION_ROUTES: readonly Route[] = [
  { method: 'GET', path: `${ROOT}/devices`, rights: ['RegistryRead'], answer: list },
  { method: 'GET', path: DEVICE, rights: ['RegistryRead'], answer: show },
  { method: 'DELETE', path: DEVICE, rights: ['RegistryWrite'], answer: forget },
  { method: 'POST', path: `${DEVICE}/policy`, rights: ['RegistryWrite'], answer: setDevicePolicy },
  { method: 'DELETE', path: `${DEVICE}/policy`, rights: ['RegistryWrite'], answer: removeDevicePolicy },
  { method: 'GET', path: `${ROOT}/policy`, rights: ['RegistryRead'], answer: showPolicy },
  // What holds for every device, and whom the hub believes, is its owner's to say.
  { method: 'POST', path: `${ROOT}/policy`, rights: OWNER, answer: setPolicy },
  { method: 'DELETE', path: `${ROOT}/policy`, rights: OWNER, answer: removePolicy },
  { method: 'GET', path: `${ROOT}/signers`, rights: ['RegistryRead'], answer: listSigners },
  { method: 'POST', path: `${ROOT}/signers`, rights: OWNER, answer: addSigner },
  { method: 'DELETE', path: `${ROOT}/signers/:name`, rights: OWNER, answer: removeSigner },
  { method: 'GET', path: `${ROOT}/references`, rights: ['RegistryRead'], answer: listReferences },
  { method: 'POST', path: `${ROOT}/references`, rights: ['RegistryWrite'], answer: addReferences },
  { method: 'DELETE', path: `${ROOT}/references/:name`, rights: ['RegistryWrite'], answer: removeReferences },
]

const REFUSALS: Readonly<Record<AttestationErrorCode, readonly [ProblemFacts['status'], string]>> = {
  invalid: [400, 'a value is not of the form it must have'],
  missing: [404, 'there is nothing of this name'],
  'device-missing': [404, 'the device does not exist'],
  'bad-endorsement-key': [400, 'the endorsement key is none'],
  'bad-attestation-key': [400, 'the attestation key is none'],
  'endorsement-key-taken': [409, 'another device attests with this TPM'],
  'endorsement-key-changed': [409, 'the device attests with another TPM'],
  'endorsement-unproven': [403, 'nobody vouches for the TPM'],
  'no-activation': [409, 'no key waits to be activated'],
  'wrong-secret': [403, 'the secret is wrong'],
  'no-attestation-key': [409, 'the device has no attestation key'],
  'no-challenge': [409, 'no challenge waits for an answer'],
  'bad-signature': [400, 'the document is not signed by anybody who may'],
  outdated: [409, 'a newer document of this name is there'],
  exists: [409, 'there is one of this name already'],
  'too-many': [409, 'there are as many as there may be'],
}

async function list(call: Call): Promise<Response> {
  const { after, limit = PAGE_ITEMS } = readQuery(call.context, {
    after: text(128),
    limit: wholeNumber(1, PAGE_ITEMS_MAX),
  })
  const { attestations } = call.services.attestation
  const items = await attestations.list({ limit, ...(after === undefined ? {} : { after }) })
  const last = items.length < limit ? undefined : items.at(-1)?.deviceId
  return json({
    items: items.map(({ deviceId, standing, reference }) => ({
      deviceId,
      ...standingJson(standing),
      ...(reference === undefined ? {} : { reference }),
    })),
    ...(last === undefined ? {} : { next: last }),
  })
}

async function show(call: Call): Promise<Response> {
  readQuery(call.context, {})
  const identity = await call.services.registry.read({ deviceId: parameter(call, 'device') })
  if (identity === undefined) throw missingDevice()
  const { attestations, policies } = call.services.attestation
  const { deviceId, generationId } = identity
  const record = await attestations.read({ deviceId, generationId })
  const found = policies.find(deviceId)
  return json(attestationJson(deviceId, attestations.standing({ deviceId, generationId }), record, found))
}

async function forget(call: Call): Promise<Response> {
  const deviceId = parameter(call, 'device')
  if (!(await call.services.attestation.attestations.forget(deviceId, actorName(call.actor)))) {
    throw new Problem({
      status: 404,
      code: 'missing',
      title: 'the device has no attestation key',
      detail: 'there is nothing to forget',
    })
  }
  return new Response(null, { status: 204 })
}

async function setDevicePolicy(call: Call): Promise<Response> {
  return change(call, parameter(call, 'device'))
}

function removeDevicePolicy(call: Call): Promise<Response> {
  return refusing(async () => {
    await call.services.attestation.policies.set(parameter(call, 'device'), undefined, actorName(call.actor))
    return new Response(null, { status: 204 })
  })
}

async function showPolicy(call: Call): Promise<Response> {
  readQuery(call.context, {})
  const policy = call.services.attestation.policies.default
  return json({ policy: policy === undefined ? null : policyJson(policy) })
}

async function setPolicy(call: Call): Promise<Response> {
  return change(call, undefined)
}

function removePolicy(call: Call): Promise<Response> {
  return refusing(async () => {
    await call.services.attestation.policies.set(undefined, undefined, actorName(call.actor))
    return new Response(null, { status: 204 })
  })
}

async function change(call: Call, deviceId: string | undefined): Promise<Response> {
  const draft = await readJson(call.context, AttestationApi.PolicyDraft)
  return refusing(async () => {
    const policy = readAttestationPolicy(draft)
    await call.services.attestation.policies.set(deviceId, policy, actorName(call.actor))
    return json(policyJson(policy))
  })
}

async function listSigners(call: Call): Promise<Response> {
  return json(onePage(call.context, call.services.attestation.references.signers(), ({ name }) => name, signerJson))
}

async function addSigner(call: Call): Promise<Response> {
  const { name, publicKey } = await readJson(call.context, AttestationApi.SignerAdd)
  const { references } = call.services.attestation
  return refusing(async () => json(signerJson(await references.addSigner(name, publicKey, actorName(call.actor))), 201))
}

function removeSigner(call: Call): Promise<Response> {
  return refusing(async () => {
    await call.services.attestation.references.removeSigner(parameter(call, 'name'), actorName(call.actor))
    return new Response(null, { status: 204 })
  })
}

async function listReferences(call: Call): Promise<Response> {
  const { references } = call.services.attestation
  return json(
    onePage(
      call.context,
      references.list(),
      ({ name }) => name,
      (known) => referencesJson(known, references.isInForce(known.name)),
    ),
  )
}

async function addReferences(call: Call): Promise<Response> {
  const { document, signature } = await readJson(call.context, AttestationApi.ReferencesAdd)
  const { references } = call.services.attestation
  return refusing(async () => {
    const bytes = Buffer.from(document, 'utf8')
    const known = await references.add(bytes, Buffer.from(signature, 'base64'), actorName(call.actor))
    return json(referencesJson(known, references.isInForce(known.name)), 201)
  })
}

function removeReferences(call: Call): Promise<Response> {
  return refusing(async () => {
    await call.services.attestation.references.remove(parameter(call, 'name'), actorName(call.actor))
    return new Response(null, { status: 204 })
  })
}

function attestationJson(
  deviceId: string,
  standing: Standing,
  record: AttestationRecord | undefined,
  found: FoundPolicy | undefined,
): AttestationApi.Attestation {
  const { state, verdict } = record ?? {}
  return {
    deviceId,
    ...standingJson(standing),
    ...(found === undefined ? {} : { policy: policyJson(found.policy), policySource: found.source }),
    ...(record === undefined
      ? {}
      : {
          endorsementKey: record.endorsementName,
          attestationKey: record.attestationName,
          ...(record.manufacturer === undefined ? {} : { manufacturer: record.manufacturer }),
          certified: formatTimestamp(record.certifiedTime),
        }),
    ...(state === undefined
      ? {}
      : {
          tpm: {
            firmwareVersion: firmwareText(state.firmwareVersion),
            resetCount: state.resetCount,
            restartCount: state.restartCount,
            clock: String(state.clock),
            clockSafe: state.isSafe,
          },
        }),
    ...(verdict === undefined
      ? {}
      : {
          ...(verdict.reference === undefined ? {} : { reference: { ...verdict.reference } }),
          reasons: verdict.reasons.map(({ expected, ...reason }) => ({
            ...reason,
            ...(expected === undefined ? {} : { expected: [...expected] }),
          })),
          reasonsOmitted: verdict.reasonsOmitted,
        }),
  }
}

function standingJson(standing: Standing): Omit<AttestationApi.Standing, 'deviceId' | 'reference'> {
  return {
    state: standing.kind,
    ...(standing.kind === 'none' ? {} : { at: formatTimestamp(standing.at) }),
    ...(standing.kind === 'trusted' ? { until: formatTimestamp(standing.until) } : {}),
    ...(standing.kind === 'failed' || standing.kind === 'stale' ? { reason: standing.reason } : {}),
  }
}

function policyJson(policy: AttestationPolicy): AttestationApi.Policy {
  return { ...policy, pcrs: [...policy.pcrs] }
}

function signerJson({ name, publicKey, addedTime }: ReferenceSigner): AttestationApi.Signer {
  return { name, publicKey, added: formatTimestamp(addedTime) }
}

function referencesJson(
  { name, signer, addedTime, values }: KnownReferenceValues,
  inForce: boolean,
): AttestationApi.References {
  const { serial, description, models, notAfter, pcrs, events, denied } = values
  const about = new Set([...pcrs.values()].flatMap((bank) => [...bank.keys()]))
  for (const pcr of events.keys()) about.add(pcr)
  return {
    name,
    serial,
    signer,
    ...(description === undefined ? {} : { description }),
    ...(models === undefined ? {} : { models: [...models] }),
    ...(notAfter === undefined ? {} : { notAfter: formatTimestamp(timestampOf(notAfter)) }),
    inForce,
    pcrs: [...about].sort((a, b) => a - b),
    events: [...events.values()].reduce((sum, of) => sum + of.length, 0),
    denied: denied.size,
    added: formatTimestamp(addedTime),
  }
}

function missingDevice(): Problem {
  return new Problem({
    status: 404,
    code: 'missing',
    title: 'the device does not exist',
    detail: 'check the id; ids are case-sensitive',
  })
}

export async function refusing(work: () => Promise<Response>): Promise<Response> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof AttestationError)) throw error
    const [status, title] = REFUSALS[error.code]
    throw new Problem({ status, code: error.code, title, detail: error.message }, { cause: error })
  }
}
