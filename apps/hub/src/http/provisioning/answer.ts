/** Answers of the provisioning service in the form that its clients read (azure-iot.md §6, §7). */

import { DPS_ERRORS, DpsError, type DpsErrorCode, formatError } from '@holdfast/dps'
import type { Problem } from '../../core/problem.ts'
import type { ProvisioningServices } from './services.ts'

/** Node's SDK reads a body as JSON only when the header says so. */
const JSON_TYPE = { 'content-type': 'application/json; charset=utf-8' }

export type Headers = Readonly<Record<string, string>>

export function json(status: 200 | 202, body: unknown, headers: Headers = {}): Response {
  return new Response(JSON.stringify(body), { status, headers: { ...headers, ...JSON_TYPE } })
}

export function empty(): Response {
  return new Response(null, { status: 204 })
}

export function refusal(error: DpsError, services: Pick<ProvisioningServices, 'clock' | 'random'>): Response {
  const { status, errorCode } = DPS_ERRORS[error.code]
  const retry = error.retryAfterSeconds === undefined ? {} : { 'retry-after': String(error.retryAfterSeconds) }
  const body = formatError(error, { trackingId: trackingId(services), now: services.clock.wall() })
  return new Response(JSON.stringify(body), {
    status,
    headers: { ...retry, ...JSON_TYPE, 'x-ms-error-code': String(errorCode) },
  })
}

/** The 401 that a TPM waits for: with the key it has to sign its next request with (azure-iot.md §6.1). */
export function challengeAnswer(
  activation: Uint8Array,
  services: Pick<ProvisioningServices, 'clock' | 'random'>,
): Response {
  const error = new DpsError('unauthorized', 'Activate the key in the TPM, and sign the request with it.')
  const document = formatError(error, { trackingId: trackingId(services), now: services.clock.wall() })
  const body = { ...document, authenticationKey: Buffer.from(activation).toString('base64'), keyName: 'registration' }
  return new Response(JSON.stringify(body), { status: 401, headers: JSON_TYPE })
}

/** What a problem of the guard or of the authorisation is called here. */
const CODES: Readonly<Partial<Record<number, DpsErrorCode>>> = {
  400: 'bad-request',
  401: 'unauthorized',
  // A policy without the right: Node's SDK takes 403 for "too many devices".
  403: 'unauthorized',
  404: 'not-found',
  405: 'method-not-allowed',
  413: 'too-large',
  414: 'too-large',
  415: 'unsupported-media-type',
  429: 'throttled',
  503: 'unavailable',
}

export function problemAsError({ facts }: Problem): DpsError {
  const code = CODES[facts.status] ?? 'internal'
  // All denials look alike, here as on the device side.
  if (code === 'unauthorized') return new DpsError(code, 'Unauthorized')
  const message = code === 'internal' ? 'The service failed to answer.' : `${facts.title}; ${facts.detail}`
  if (code === 'throttled')
    return new DpsError(code, message, { retryAfterSeconds: Number(facts.headers?.['retry-after'] ?? 1) })
  return new DpsError(code, message, code === 'unavailable' ? { retryAfterSeconds: 10 } : {})
}

/** For finding the answer in a client's log; nothing is looked up by it. */
export function trackingId(services: Pick<ProvisioningServices, 'random'>): string {
  const hex = Buffer.from(services.random(16)).toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}
