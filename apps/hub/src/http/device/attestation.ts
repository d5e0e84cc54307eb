/**
 * How a device attests, in JSON (docs/tpm.md): it has its attestation key certified, asks for a challenge, and answers it
 * with a quote and the log of its boot. Served in every lane, for it is the way out of the narrow ones.
 */

import {
  ATTEST_BYTES_MAX,
  AttestationError,
  type AttestationErrorCode,
  type AttestedVerdict,
  type AttestingDevice,
  type Bank,
  ENDORSEMENT_CERTIFICATE_BYTES_MAX,
  SIGNATURE_BYTES_MAX,
} from '@holdfast/attestation'
import { formatTimestamp, timestampOf } from '@holdfast/base'
import { EVENT_LOG_BYTES_MAX, HASH_BYTES } from '@holdfast/tpm'
import Type, { type Static, type TSchema } from 'typebox'
import { json } from '../hub/answer.ts'
import { HubError } from '../hub/errors.ts'
import { checked } from '../hub/request.ts'
import { type ProblemFacts, problemResponse } from '../../core/problem.ts'
import { type DeviceCall, readDeviceBody } from './device-call.ts'

/** A log of the greatest length in base64, with what stands around it. */
const EVIDENCE_BYTES_MAX = 786_432
const SMALL_BYTES_MAX = 32_768
/** A TPM2B_PUBLIC in bytes. */
const PUBLIC_BYTES_MAX = 1_026
const SECRET_BYTES_MAX = 64

/** Base64 of at most so many bytes. */
const bytes = (most: number): ReturnType<typeof Type.String> =>
  Type.String({ minLength: 1, maxLength: Math.ceil(most / 3) * 4 })
const strict = { additionalProperties: false }

const Keys = Type.Object(
  {
    endorsementKey: bytes(PUBLIC_BYTES_MAX),
    attestationKey: bytes(PUBLIC_BYTES_MAX),
    endorsementCertificate: Type.Optional(bytes(ENDORSEMENT_CERTIFICATE_BYTES_MAX)),
  },
  strict,
)
const Activation = Type.Object({ secret: bytes(SECRET_BYTES_MAX) }, strict)
const Values = Type.Object({}, { additionalProperties: Type.String({ maxLength: 128 }), maxProperties: 24 })
const EvidenceBody = Type.Object(
  {
    quote: bytes(ATTEST_BYTES_MAX),
    signature: bytes(SIGNATURE_BYTES_MAX),
    pcrs: Type.Object(
      { sha256: Type.Optional(Values), sha384: Type.Optional(Values), sha512: Type.Optional(Values) },
      strict,
    ),
    eventLog: Type.Optional(bytes(EVENT_LOG_BYTES_MAX)),
  },
  strict,
)

const REFUSALS: Readonly<Record<AttestationErrorCode, ProblemFacts['status']>> = {
  invalid: 400,
  missing: 404,
  'device-missing': 404,
  'bad-endorsement-key': 400,
  'bad-attestation-key': 400,
  'endorsement-key-taken': 409,
  'endorsement-key-changed': 409,
  'endorsement-unproven': 403,
  'no-activation': 409,
  'wrong-secret': 403,
  'no-attestation-key': 409,
  'no-challenge': 409,
  'bad-signature': 400,
  outdated: 409,
  exists: 409,
  'too-many': 409,
}

export function showKeys(call: DeviceCall): Promise<Response> {
  return refusing(async () => {
    const body = await read(call, Keys, SMALL_BYTES_MAX)
    const { endorsementCertificate: certificate } = body
    const { credential, expires } = await call.services.attestation.attestations.enrol(deviceOf(call), {
      endorsementKey: decoded(body.endorsementKey, 'endorsementKey'),
      attestationKey: decoded(body.attestationKey, 'attestationKey'),
      ...(certificate === undefined ? {} : { endorsementCertificate: decoded(certificate, 'endorsementCertificate') }),
    })
    return json({
      credentialBlob: encoded(credential.credential),
      encryptedSecret: encoded(credential.secret),
      expires: formatTimestamp(timestampOf(expires)),
    })
  })
}

export function activateKey(call: DeviceCall): Promise<Response> {
  return refusing(async () => {
    const { secret } = await read(call, Activation, SMALL_BYTES_MAX)
    const record = await call.services.attestation.attestations.activate(deviceOf(call), decoded(secret, 'secret'))
    return json({ attestationKeyName: record.attestationName, certified: formatTimestamp(record.certifiedTime) })
  })
}

export function challenge(call: DeviceCall): Promise<Response> {
  return refusing(async () => {
    const { nonce, policy, expires } = await call.services.attestation.attestations.challenge(deviceOf(call))
    return json({
      nonce: encoded(nonce),
      bank: policy.bank,
      pcrs: policy.pcrs,
      expires: formatTimestamp(timestampOf(expires)),
    })
  })
}

/** 200 with the verdict, whichever it is: the evidence was judged. */
export function submitEvidence(call: DeviceCall): Promise<Response> {
  return refusing(async () => {
    const body = await read(call, EvidenceBody, EVIDENCE_BYTES_MAX)
    const evidence = {
      attest: decoded(body.quote, 'quote'),
      signature: decoded(body.signature, 'signature'),
      values: valuesOf(body.pcrs),
      ...(body.eventLog === undefined ? {} : { eventLog: decoded(body.eventLog, 'eventLog') }),
    }
    const device = deviceOf(call)
    const verdict = await call.services.attestation.attestations.submit(device, evidence)
    return json(verdictJson(verdict, call.services.attestation.attestations.standing(device)))
  })
}

function verdictJson(
  { kind, at, reasons, reasonsOmitted, reference }: AttestedVerdict,
  standing: { readonly kind: string; readonly until?: number },
): object {
  return {
    verdict: kind,
    at: formatTimestamp(at),
    ...(standing.until === undefined ? {} : { until: formatTimestamp(timestampOf(standing.until)) }),
    ...(reference === undefined ? {} : { reference }),
    reasons,
    ...(reasonsOmitted === 0 ? {} : { reasonsOmitted }),
  }
}

function valuesOf(pcrs: Static<typeof EvidenceBody>['pcrs']): ReadonlyMap<Bank, ReadonlyMap<number, Uint8Array>> {
  const banks = new Map<Bank, ReadonlyMap<number, Uint8Array>>()
  for (const bank of ['sha256', 'sha384', 'sha512'] as const) {
    const values = new Map<number, Uint8Array>()
    for (const [name, text] of Object.entries(pcrs[bank] ?? {})) {
      const isValue = /^(?:\d|1\d|2[0-3])$/.test(name) && /^[0-9a-fA-F]+$/.test(text)
      if (!isValue || text.length !== HASH_BYTES[bank] * 2) {
        throw new AttestationError('invalid', `pcrs/${bank} holds what is no value of a PCR in hexadecimal`)
      }
      values.set(Number(name), Buffer.from(text, 'hex'))
    }
    banks.set(bank, values)
  }
  return banks
}

function deviceOf({ device }: DeviceCall): AttestingDevice {
  const { deviceId, generationId } = device.identity
  return { deviceId, generationId }
}

async function read<S extends TSchema>(call: DeviceCall, schema: S, bytesMax: number): Promise<Static<S>> {
  const body = await readDeviceBody(call, bytesMax)
  try {
    return checked(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body)), schema)
  } catch (error) {
    if (error instanceof HubError) throw new AttestationError('invalid', error.message, { cause: error })
    throw new AttestationError('invalid', 'the body is not JSON in UTF-8', { cause: error })
  }
}

function decoded(text: string, name: string): Uint8Array {
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text)) {
    throw new AttestationError('invalid', `${name} is not base64`)
  }
  return Buffer.from(text, 'base64')
}

function encoded(value: Uint8Array): string {
  return Buffer.from(value).toString('base64')
}

/** Refusals of attestation are ours and not Azure's: problem+json with their code. */
async function refusing(work: () => Promise<Response>): Promise<Response> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof AttestationError)) throw error
    const title = 'the attestation was refused'
    return problemResponse({ status: REFUSALS[error.code], code: error.code, title, detail: error.message })
  }
}
