/**
 * Measured boot: how devices stand, what is asked of them, and what a good boot measures.
 *
 *   GET    /api/v1/attestation/devices?after=&limit=        Page<Standing>: of devices that have an attestation key
 *   GET    /api/v1/attestation/devices/{id}                 Attestation
 *   DELETE /api/v1/attestation/devices/{id}                 204: keys and verdict are forgotten; another TPM may come
 *   POST   /api/v1/attestation/devices/{id}/policy          PolicyDraft -> Policy: of this device, before its model's
 *   DELETE the same                                         204
 *   GET    /api/v1/attestation/policy                       { policy: Policy | null }: of every device without another
 *   POST   the same                                         PolicyDraft -> Policy
 *   DELETE the same                                         204
 *   GET    /api/v1/attestation/signers                      Page<Signer>
 *   POST   the same                                         SignerAdd -> Signer (201)
 *   DELETE /api/v1/attestation/signers/{name}               204, with all that it signed
 *   GET    /api/v1/attestation/references                   Page<References>
 *   POST   the same                                         ReferencesAdd -> References (201)
 *   DELETE /api/v1/attestation/references/{name}            204
 */

import Type from 'typebox'

const strict = { additionalProperties: false }

/** What is left out is as the hub has it by default. */
export const PolicyDraft = Type.Object(
  {
    required: Type.Optional(Type.Boolean()),
    bank: Type.Optional(Type.Union([Type.Literal('sha256'), Type.Literal('sha384'), Type.Literal('sha512')])),
    pcrs: Type.Optional(Type.Array(Type.Integer({ minimum: 0, maximum: 23 }), { minItems: 1, maxItems: 24 })),
    maxAgeMs: Type.Optional(Type.Integer()),
    onFailure: Type.Optional(Type.Union([Type.Literal('remediation'), Type.Literal('observe')])),
    endorsementCertificate: Type.Optional(Type.Boolean()),
  },
  strict,
)
export type PolicyDraft = Type.Static<typeof PolicyDraft>

export interface Policy {
  /** Whether a device that has never attested counts as one that failed. */
  required: boolean
  bank: 'sha256' | 'sha384' | 'sha512'
  pcrs: number[]
  maxAgeMs: number
  onFailure: 'remediation' | 'observe'
  /** Whether a manufacturer that is trusted must vouch for the endorsement key. */
  endorsementCertificate: boolean
}

export interface Standing {
  deviceId: string
  state: 'trusted' | 'failed' | 'stale' | 'none'
  /** When it was judged. */
  at?: string
  /** How long it counts. */
  until?: string
  /** Code of the first reason. */
  reason?: string
  /** Reference values that it rests on. */
  reference?: string
}

/** One thing that speaks against a boot. */
export interface Reason {
  code: string
  pcr?: number
  /** Its place in the log, from 0. */
  event?: number
  eventType?: string
  expected?: string[]
  found?: string
  remark?: string
}

export interface Attestation extends Omit<Standing, 'reference'> {
  policy?: Policy
  policySource?: 'device' | 'model' | 'default'
  /** Names of the keys (algorithm and digest), in hexadecimal. */
  endorsementKey?: string
  attestationKey?: string
  /** Who vouches for the endorsement key. */
  manufacturer?: string
  certified?: string
  tpm?: { firmwareVersion: string; resetCount: number; restartCount: number; clock: string; clockSafe: boolean }
  reference?: { name: string; serial: number }
  reasons?: Reason[]
  reasonsOmitted?: number
}

export const SignerAdd = Type.Object(
  {
    name: Type.String({ maxLength: 128 }),
    /** PEM. */
    publicKey: Type.String({ maxLength: 8_192 }),
  },
  strict,
)
export type SignerAdd = Type.Static<typeof SignerAdd>

export interface Signer {
  name: string
  publicKey: string
  added: string
}

export const ReferencesAdd = Type.Object(
  {
    /** The document, exactly as it was signed. */
    document: Type.String({ maxLength: 262_144 }),
    /** Base64. */
    signature: Type.String({ maxLength: 1_024 }),
  },
  strict,
)
export type ReferencesAdd = Type.Static<typeof ReferencesAdd>

export interface References {
  name: string
  serial: number
  signer: string
  description?: string
  models?: string[]
  notAfter?: string
  inForce: boolean
  pcrs: number[]
  events: number
  denied: number
  added: string
}
