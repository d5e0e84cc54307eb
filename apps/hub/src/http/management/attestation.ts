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
import { Problem, type ProblemFacts } from '../../core/problem.ts'
import { actorName } from '../../people/actor.ts'
import { narrowedPage, onePage } from './page.ts'
import { type Asked, type Call, type Route, serve } from './route.ts'

const { attestationOperations, attestationSignerOperations, referenceOperations } = AttestationApi

export const ATTESTATION_ROUTES: readonly Route[] = [
  serve(attestationOperations.list, list),
  serve(attestationOperations.show, show),
  serve(attestationOperations.forget, forget),
  serve(attestationOperations.setDevicePolicy, (call) => change(call, call.path.id)),
  serve(attestationOperations.clearDevicePolicy, (call) => clear(call, call.path.id)),
  serve(attestationOperations.policy, async ({ services }) => {
    const policy = services.attestation.policies.default
    return { policy: policy === undefined ? null : policyJson(policy) }
  }),
  serve(attestationOperations.setPolicy, (call) => change(call, undefined)),
  serve(attestationOperations.clearPolicy, (call) => clear(call, undefined)),
  serve(attestationSignerOperations.list, async ({ services, query }) =>
    onePage(query, services.attestation.references.signers(), ({ name }) => name, signerJson),
  ),
  serve(attestationSignerOperations.add, ({ services, body: { name, publicKey }, actor }) =>
    refusing(async () =>
      signerJson(await services.attestation.references.addSigner(name, publicKey, actorName(actor))),
    ),
  ),
  serve(attestationSignerOperations.remove, ({ services, path, actor }) =>
    refusing(async () => {
      await services.attestation.references.removeSigner(path.name, actorName(actor))
      return undefined
    }),
  ),
  serve(referenceOperations.list, async ({ services, query }) => {
    const { references } = services.attestation
    const shown = (known: KnownReferenceValues): AttestationApi.References =>
      referencesJson(known, references.isInForce(known.name))
    return onePage(query, references.list(), ({ name }) => name, shown)
  }),
  serve(referenceOperations.add, ({ services, body: { document, signature }, actor }) =>
    refusing(async () => {
      const { references } = services.attestation
      const bytes = Buffer.from(document, 'utf8')
      const known = await references.add(bytes, Buffer.from(signature, 'base64'), actorName(actor))
      return referencesJson(known, references.isInForce(known.name))
    }),
  ),
  serve(referenceOperations.remove, ({ services, path, actor }) =>
    refusing(async () => {
      await services.attestation.references.remove(path.name, actorName(actor))
      return undefined
    }),
  ),
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

async function list({ services, query, reach }: Asked<typeof attestationOperations.list>) {
  return narrowedPage({ reach, ...query }, (page) => services.attestation.attestations.list(page), {
    name: ({ deviceId }) => deviceId,
    about: (one) => ({ deviceId: one.deviceId }),
    shown: ({ deviceId, standing, reference }): AttestationApi.Standing => ({
      deviceId,
      ...standingJson(standing),
      ...(reference === undefined ? {} : { reference }),
    }),
  })
}

async function show({ services, path }: Asked<typeof attestationOperations.show>): Promise<AttestationApi.Attestation> {
  const identity = await services.registry.read({ deviceId: path.id })
  if (identity === undefined) throw missingDevice()
  const { attestations, policies } = services.attestation
  const { deviceId, generationId } = identity
  const record = await attestations.read({ deviceId, generationId })
  const found = policies.find(deviceId)
  return attestationJson(deviceId, attestations.standing({ deviceId, generationId }), record, found)
}

async function forget({ services, path, actor }: Asked<typeof attestationOperations.forget>): Promise<undefined> {
  if (await services.attestation.attestations.forget(path.id, actorName(actor))) return undefined
  throw new Problem({
    status: 404,
    code: 'missing',
    title: 'the device has no attestation key',
    detail: 'there is nothing to forget',
  })
}

function clear({ services, actor }: Call, deviceId: string | undefined): Promise<undefined> {
  return refusing(async () => {
    await services.attestation.policies.set(deviceId, undefined, actorName(actor))
    return undefined
  })
}

function change(
  { services, actor, body }: Call & { readonly body: AttestationApi.PolicyDraft },
  deviceId: string | undefined,
): Promise<AttestationApi.Policy> {
  return refusing(async () => {
    const policy = readAttestationPolicy(body)
    await services.attestation.policies.set(deviceId, policy, actorName(actor))
    return policyJson(policy)
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

export async function refusing<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof AttestationError)) throw error
    const [status, title] = REFUSALS[error.code]
    throw new Problem({ status, code: error.code, title, detail: error.message }, { cause: error })
  }
}
