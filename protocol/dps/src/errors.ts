/**
 * What a client of the provisioning service can be told (azure-iot.md §6, "Errors body"; §7).
 * Codes are API; the number begins with the HTTP status, as Azure's do.
 */

import { type Timestamp, formatTimestamp } from '@holdfast/base'

export type DpsErrorCode =
  | 'bad-request'
  | 'bad-query'
  | 'bad-continuation'
  | 'bad-api-version'
  | 'not-supported'
  | 'unauthorized'
  | 'enrollment-not-found'
  | 'registration-not-found'
  | 'operation-not-found'
  | 'not-found'
  | 'method-not-allowed'
  | 'conflict'
  | 'device-taken'
  | 'certificate-refused'
  | 'precondition-failed'
  | 'too-large'
  | 'unsupported-media-type'
  | 'throttled'
  | 'too-many'
  | 'internal'
  | 'unavailable'

/** The HTTP status and Azure's number of each code. */
export const DPS_ERRORS: Readonly<Record<DpsErrorCode, { readonly status: number; readonly errorCode: number }>> = {
  'bad-request': { status: 400, errorCode: 400004 },
  'bad-query': { status: 400, errorCode: 400006 },
  'bad-continuation': { status: 400, errorCode: 400009 },
  'bad-api-version': { status: 400, errorCode: 400001 },
  'not-supported': { status: 400, errorCode: 400003 },
  unauthorized: { status: 401, errorCode: 401002 },
  'enrollment-not-found': { status: 404, errorCode: 404201 },
  'registration-not-found': { status: 404, errorCode: 404203 },
  'operation-not-found': { status: 404, errorCode: 404204 },
  'not-found': { status: 404, errorCode: 404000 },
  'method-not-allowed': { status: 405, errorCode: 405000 },
  conflict: { status: 409, errorCode: 409201 },
  'device-taken': { status: 409, errorCode: 409203 },
  'certificate-refused': { status: 400, errorCode: 400207 },
  'precondition-failed': { status: 412, errorCode: 412001 },
  'too-large': { status: 413, errorCode: 413001 },
  'unsupported-media-type': { status: 415, errorCode: 415000 },
  throttled: { status: 429, errorCode: 429001 },
  'too-many': { status: 403, errorCode: 403002 },
  internal: { status: 500, errorCode: 500001 },
  unavailable: { status: 503, errorCode: 503001 },
}

/** One thing that is wrong with a document, and where: `attestation.symmetricKey.primaryKey`, `` for the whole. */
export interface Fault {
  readonly path: string
  readonly message: string
}

/** A refusal on its way to the client. The message never holds a secret or bytes of the peer. */
export class DpsError extends Error {
  override readonly name = 'DpsError'
  readonly code: DpsErrorCode
  readonly faults: readonly Fault[]
  /** For `throttled` and `unavailable`: when to come back, in whole seconds. */
  readonly retryAfterSeconds: number | undefined

  constructor(
    code: DpsErrorCode,
    message: string,
    more: { readonly faults?: readonly Fault[]; readonly retryAfterSeconds?: number } = {},
  ) {
    super(message)
    this.code = code
    this.faults = more.faults ?? []
    this.retryAfterSeconds = more.retryAfterSeconds
  }
}

/** The body of an error, over HTTPS and MQTT alike. Node's and Python's SDKs read it as JSON before all else. */
export interface ErrorDocument {
  readonly errorCode: number
  readonly trackingId: string
  readonly message: string
  readonly timestampUtc: string
  /** Every fault of a refused document. Ours; clients pass over it. */
  readonly info?: { readonly faults: readonly Fault[] }
}

export function formatError(
  error: DpsError,
  context: { readonly trackingId: string; readonly now: Timestamp },
): ErrorDocument {
  return {
    errorCode: DPS_ERRORS[error.code].errorCode,
    trackingId: context.trackingId,
    message: error.message,
    timestampUtc: formatTimestamp(context.now),
    ...(error.faults.length > 0 && { info: { faults: error.faults } }),
  }
}
