/**
 * Certificates over MQTT: `$iothub/credentials/POST/issueCertificate` and its answers (api-version 2025-08-01-preview).
 * A request is answered 202 at once, and 200 or an error under the same request id when it is done.
 */

import { formatTimestamp, type Timestamp } from '@holdfast/base'
import { HubFormatError } from './errors.ts'
import { parseTwinJson } from './twin/twin-json.ts'
import { isTwinObject, propertyOf, type TwinValue } from './twin/twin-value.ts'

/** Characters of the base64 text of a request; IoT Hub's bound. */
export const CSR_CHARACTERS_MAX = 8_192

export interface CertificateRequest {
  /** DER of a PKCS #10 request; not looked into. */
  readonly csr: Uint8Array
  /** Which request that is under way this one takes the place of: that of an id, or whichever. */
  readonly replace?: { readonly kind: 'any' } | { readonly kind: 'request'; readonly requestId: string }
}

/** As IoT Hub numbers them. */
export type CertificateErrorCode = 400_004 | 400_006 | 400_037 | 403_001 | 409_004 | 412_001 | 429_001 | 503_001

export interface CertificateError {
  readonly errorCode: CertificateErrorCode
  readonly message: string
  readonly info?: Readonly<Record<string, string>>
}

const FIELDS: ReadonlySet<string> = new Set(['id', 'csr', 'replace'])
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/
/** 4 to 36 letters, digits and hyphens, a hyphen neither first nor last. */
const REQUEST_ID = /^[A-Za-z0-9][A-Za-z0-9-]{2,34}[A-Za-z0-9]$/

/**
 * Reads `{id, csr, replace?}`. Messages name the field and what it has to be; they go to the device.
 * @param bytes a body that the caller has bounded.
 * @param identity what the device has proved to be: `{device}` or `{device}/{module}`, which `id` repeats.
 * @throws HubFormatError `bad-json` (400006), `bad-certificate-request` (400004).
 */
export function readCertificateRequest(bytes: Uint8Array, identity: string): CertificateRequest {
  if (bytes.length === 0) throw bad('the body is empty; send JSON with the fields id and csr')
  const body = readJson(bytes)
  if (!isTwinObject(body)) throw bad('the body has to be an object with the fields id and csr')
  if (Object.keys(body).some((name) => !FIELDS.has(name))) throw bad('only the fields id, csr and replace are known')
  const id = propertyOf(body, 'id')
  if (typeof id !== 'string' || id === '') throw bad('id is missing; it is the id of the device that asks')
  if (id !== identity) throw bad('id is not that of the device that is connected')
  const csr = propertyOf(body, 'csr')
  if (typeof csr !== 'string' || csr === '') throw bad('csr is missing; it is base64 of a PKCS #10 request')
  if (csr.length > CSR_CHARACTERS_MAX) throw bad(`csr has more than ${CSR_CHARACTERS_MAX} characters`)
  if (csr.length % 4 !== 0 || !BASE64.test(csr)) throw bad('csr is no base64')
  const replace = replaceOf(propertyOf(body, 'replace'))
  return { csr: Uint8Array.from(Buffer.from(csr, 'base64')), ...(replace === undefined ? {} : { replace }) }
}

/** JSON text of the 202. */
export function formatCertificateAccepted(operation: {
  readonly correlationId: string
  readonly operationExpires: Timestamp
}): string {
  const { correlationId, operationExpires } = operation
  return JSON.stringify({ correlationId, operationExpires: formatTimestamp(operationExpires) })
}

/** JSON text of the 200. @param operation.chain DER, leaf first. */
export function formatCertificateIssued(operation: {
  readonly correlationId: string
  readonly chain: readonly Uint8Array[]
}): string {
  const { correlationId, chain } = operation
  return JSON.stringify({ correlationId, certificates: chain.map((der) => Buffer.from(der).toString('base64')) })
}

/** JSON text of a refusal; its status is `certificateStatusOf`. */
export function formatCertificateError(
  error: CertificateError,
  stamp: { readonly trackingId: string; readonly at: Timestamp },
): string {
  const { errorCode, message, info } = error
  const { trackingId, at } = stamp
  return JSON.stringify({ errorCode, message, trackingId, timestampUtc: formatTimestamp(at), info: info ?? null })
}

export function certificateStatusOf(errorCode: CertificateErrorCode): number {
  return Math.floor(errorCode / 1_000)
}

/** As for a twin: what reads in more ways than one is refused. */
function readJson(bytes: Uint8Array): TwinValue {
  try {
    return parseTwinJson(bytes)
  } catch (error) {
    if (error instanceof HubFormatError && error.code === 'bad-twin') throw bad('the body holds more than a request')
    throw error
  }
}

function replaceOf(value: TwinValue | undefined): CertificateRequest['replace'] {
  if (value === undefined || value === null) return undefined
  if (value === '*') return { kind: 'any' }
  if (typeof value === 'string' && REQUEST_ID.test(value)) return { kind: 'request', requestId: value }
  throw bad('replace is a request id of 4 to 36 letters, digits and hyphens, or * for whichever is under way')
}

function bad(message: string): HubFormatError {
  return new HubFormatError('bad-certificate-request', message)
}
