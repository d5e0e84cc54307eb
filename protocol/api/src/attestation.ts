/** Measured boot: how devices stand, what is asked of them, and what a good boot measures. */

import Type from 'typebox'
import { operation } from './operation.ts'
import { closed, instant, page, paging, shape } from './shape.ts'

/** What is left out is as the hub has it by default. */
export const PolicyDraft = shape('AttestationPolicyDraft', {
  required: Type.Optional(Type.Boolean()),
  bank: Type.Optional(Type.Union([Type.Literal('sha256'), Type.Literal('sha384'), Type.Literal('sha512')])),
  pcrs: Type.Optional(Type.Array(Type.Integer({ minimum: 0, maximum: 23 }), { minItems: 1, maxItems: 24 })),
  maxAgeMs: Type.Optional(Type.Integer()),
  onFailure: Type.Optional(Type.Union([Type.Literal('remediation'), Type.Literal('observe')])),
  endorsementCertificate: Type.Optional(Type.Boolean()),
})
export type PolicyDraft = Type.Static<typeof PolicyDraft>

export const Policy = shape('AttestationPolicy', {
  /** Whether a device that has never attested counts as one that failed. */
  required: Type.Boolean(),
  bank: Type.Enum(['sha256', 'sha384', 'sha512']),
  pcrs: Type.Array(Type.Number()),
  maxAgeMs: Type.Number(),
  onFailure: Type.Enum(['remediation', 'observe']),
  /** Whether a manufacturer that is trusted must vouch for the endorsement key. */
  endorsementCertificate: Type.Boolean(),
})
export type Policy = Type.Static<typeof Policy>

export const Standing = shape('AttestationStanding', {
  deviceId: Type.String(),
  state: Type.Enum(['trusted', 'failed', 'stale', 'none']),
  /** When it was judged. */
  at: Type.Optional(instant),
  /** How long it counts. */
  until: Type.Optional(instant),
  /** Code of the first reason. */
  reason: Type.Optional(Type.String()),
  /** Reference values that it rests on. */
  reference: Type.Optional(Type.String()),
})
export type Standing = Type.Static<typeof Standing>

/** One thing that speaks against a boot. */
export const Reason = shape('AttestationReason', {
  code: Type.String(),
  pcr: Type.Optional(Type.Integer()),
  /** Its place in the log, from 0. */
  event: Type.Optional(Type.Integer()),
  eventType: Type.Optional(Type.String()),
  expected: Type.Optional(Type.Array(Type.String())),
  found: Type.Optional(Type.String()),
  remark: Type.Optional(Type.String()),
})
export type Reason = Type.Static<typeof Reason>

const { reference: _, ...standing } = Standing.properties

export const Attestation = shape('Attestation', {
  ...standing,
  policy: Type.Optional(Policy),
  policySource: Type.Optional(Type.Enum(['device', 'model', 'default'])),
  /** Names of the keys (algorithm and digest), in hexadecimal. */
  endorsementKey: Type.Optional(Type.String()),
  attestationKey: Type.Optional(Type.String()),
  /** Who vouches for the endorsement key. */
  manufacturer: Type.Optional(Type.String()),
  certified: Type.Optional(instant),
  tpm: Type.Optional(
    closed({
      firmwareVersion: Type.String(),
      resetCount: Type.Integer(),
      restartCount: Type.Integer(),
      clock: Type.String(),
      clockSafe: Type.Boolean(),
    }),
  ),
  reference: Type.Optional(closed({ name: Type.String(), serial: Type.Integer() })),
  reasons: Type.Optional(Type.Array(Reason)),
  reasonsOmitted: Type.Optional(Type.Integer()),
})
export type Attestation = Type.Static<typeof Attestation>

/** Null where nothing is asked. */
export const DefaultPolicy = shape('AttestationDefaultPolicy', { policy: Type.Union([Policy, Type.Null()]) })
export type DefaultPolicy = Type.Static<typeof DefaultPolicy>

export const SignerAdd = shape('AttestationSignerAdd', {
  name: Type.String({ maxLength: 128 }),
  /** PEM. */
  publicKey: Type.String({ maxLength: 8_192 }),
})
export type SignerAdd = Type.Static<typeof SignerAdd>

export const Signer = shape('AttestationSigner', {
  name: Type.String(),
  publicKey: Type.String(),
  added: instant,
})
export type Signer = Type.Static<typeof Signer>

export const ReferencesAdd = shape('AttestationReferencesAdd', {
  /** The document, exactly as it was signed. */
  document: Type.String({ maxLength: 262_144 }),
  /** Base64. */
  signature: Type.String({ maxLength: 1_024 }),
})
export type ReferencesAdd = Type.Static<typeof ReferencesAdd>

export const References = shape('AttestationReferences', {
  name: Type.String(),
  serial: Type.Integer(),
  signer: Type.String(),
  description: Type.Optional(Type.String()),
  models: Type.Optional(Type.Array(Type.String())),
  notAfter: Type.Optional(instant),
  inForce: Type.Boolean(),
  pcrs: Type.Array(Type.Number()),
  events: Type.Integer(),
  denied: Type.Integer(),
  added: instant,
})
export type References = Type.Static<typeof References>

export const attestationOperations = {
  list: operation({
    id: 'attestation.list',
    method: 'GET',
    path: '/api/v1/attestation/devices',
    summary: 'Lists how devices with an attestation key stand',
    action: 'attestation:read',
    on: 'devices',
    query: closed({ ...paging }),
    answer: { kind: 'json', schema: page('AttestationStanding', Standing) },
  }),
  show: operation({
    id: 'attestation.show',
    method: 'GET',
    path: '/api/v1/attestation/devices/{id}',
    summary: 'Shows how a device stands, and why',
    action: 'attestation:read',
    on: 'device',
    answer: { kind: 'json', schema: Attestation },
  }),
  forget: operation({
    id: 'attestation.forget',
    method: 'DELETE',
    path: '/api/v1/attestation/devices/{id}',
    summary: 'Forgets keys and verdict of a device; another TPM may come',
    action: 'attestation:write',
    on: 'device',
    answer: { kind: 'none' },
  }),
  setDevicePolicy: operation({
    id: 'attestation.setDevicePolicy',
    method: 'POST',
    path: '/api/v1/attestation/devices/{id}/policy',
    summary: "Says what is asked of the boot of a device, before its model's policy",
    action: 'attestation:write',
    on: 'device',
    body: PolicyDraft,
    answer: { kind: 'json', schema: Policy },
  }),
  clearDevicePolicy: operation({
    id: 'attestation.clearDevicePolicy',
    method: 'DELETE',
    path: '/api/v1/attestation/devices/{id}/policy',
    summary: 'Takes a device its own policy',
    action: 'attestation:write',
    on: 'device',
    answer: { kind: 'none' },
  }),
  policy: operation({
    id: 'attestation.policy',
    method: 'GET',
    path: '/api/v1/attestation/policy',
    summary: 'Shows what is asked of devices without another policy',
    action: 'attestation:read',
    on: 'hub',
    answer: { kind: 'json', schema: DefaultPolicy },
  }),
  setPolicy: operation({
    id: 'attestation.setPolicy',
    method: 'POST',
    path: '/api/v1/attestation/policy',
    summary: 'Says what is asked of devices without another policy',
    action: 'attestation:trust',
    on: 'hub',
    body: PolicyDraft,
    answer: { kind: 'json', schema: Policy },
  }),
  clearPolicy: operation({
    id: 'attestation.clearPolicy',
    method: 'DELETE',
    path: '/api/v1/attestation/policy',
    summary: 'Asks nothing of devices without another policy',
    action: 'attestation:trust',
    on: 'hub',
    answer: { kind: 'none' },
  }),
}

export const attestationSignerOperations = {
  list: operation({
    id: 'attestationSigner.list',
    method: 'GET',
    path: '/api/v1/attestation/signers',
    summary: 'Lists who may sign reference values',
    action: 'attestation:read',
    on: 'hub',
    query: closed({ ...paging }),
    answer: { kind: 'json', schema: page('AttestationSigner', Signer) },
  }),
  add: operation({
    id: 'attestationSigner.add',
    method: 'POST',
    path: '/api/v1/attestation/signers',
    summary: 'Believes another signer of reference values',
    action: 'attestation:trust',
    on: 'hub',
    body: SignerAdd,
    answer: { kind: 'json', status: 201, schema: Signer },
  }),
  remove: operation({
    id: 'attestationSigner.remove',
    method: 'DELETE',
    path: '/api/v1/attestation/signers/{name}',
    summary: 'Believes a signer no more, and nothing that it signed',
    action: 'attestation:trust',
    on: 'hub',
    answer: { kind: 'none' },
  }),
}

export const referenceOperations = {
  list: operation({
    id: 'reference.list',
    method: 'GET',
    path: '/api/v1/attestation/references',
    summary: 'Lists reference values',
    action: 'attestation:read',
    on: 'hub',
    query: closed({ ...paging }),
    answer: { kind: 'json', schema: page('AttestationReferences', References) },
  }),
  add: operation({
    id: 'reference.add',
    method: 'POST',
    path: '/api/v1/attestation/references',
    summary: 'Takes signed reference values',
    action: 'attestation:write',
    on: 'hub',
    body: ReferencesAdd,
    answer: { kind: 'json', status: 201, schema: References },
  }),
  remove: operation({
    id: 'reference.remove',
    method: 'DELETE',
    path: '/api/v1/attestation/references/{name}',
    summary: 'Removes reference values',
    action: 'attestation:write',
    on: 'hub',
    answer: { kind: 'none' },
  }),
}
