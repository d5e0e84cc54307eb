/** Bulk operations on individual enrolments (azure-iot.md §7). */

import { type EnrollmentInput, readEnrollment } from './enrollment-document.ts'
import { DPS_ERRORS, DpsError } from './errors.ts'
import { FieldReader } from './field-reader.ts'
import { isJsonObject, member, parseJson } from './json.ts'
import { BULK_BODY_BYTES_MAX, BULK_ENROLLMENTS_MAX } from './limits.ts'
import { type RegistrationId, parseRegistrationId } from './registration-id.ts'

export const BULK_MODES = ['create', 'update', 'updateIfMatchETag', 'delete'] as const
export type BulkMode = (typeof BULK_MODES)[number]

/** One enrolment of a bulk operation: a document, for `delete` its id alone, or why it could not be read. */
export type BulkItem =
  | { readonly kind: 'write'; readonly id: RegistrationId; readonly enrollment: EnrollmentInput }
  | { readonly kind: 'delete'; readonly id: RegistrationId; readonly etag?: string }
  | { readonly kind: 'refused'; readonly id: string; readonly error: DpsError }

export interface BulkOperation {
  readonly mode: BulkMode
  readonly items: readonly BulkItem[]
}

/**
 * Parses a bulk operation of 1 to BULK_ENROLLMENTS_MAX enrolments. A fault in one of them is that one's own.
 * @throws DpsError `too-large`, `bad-request` for what is wrong with the operation itself.
 */
export function parseBulkOperation(bytes: Uint8Array): BulkOperation {
  const reader = FieldReader.of(parseJson(bytes, BULK_BODY_BYTES_MAX))
  const mode = reader.choice('mode', BULK_MODES)
  if (!reader.has('mode')) reader.fault('mode', 'is missing')
  const enrollments = reader.array('enrollments', BULK_ENROLLMENTS_MAX)
  if (enrollments?.length === 0 || !reader.has('enrollments')) reader.fault('enrollments', 'has at least one item')
  const ids = (enrollments ?? []).map((value, index) => {
    const id = isJsonObject(value) ? member(value, 'registrationId') : undefined
    // Without an id no error record could name it.
    if (typeof id !== 'string' || id === '') reader.fault(`enrollments[${index}].registrationId`, 'is missing')
    return typeof id === 'string' ? id : ''
  })
  reader.check()
  if (mode === undefined || enrollments === undefined) throw new TypeError('a missing field was not reported')
  return { mode, items: enrollments.map((value, index) => itemOf(mode, value, ids[index] ?? '')) }
}

function itemOf(mode: BulkMode, value: unknown, given: string): BulkItem {
  // Cut, so that an id a megabyte long does not come back.
  const shown = given.slice(0, 128)
  try {
    const id = parseRegistrationId(given)
    if (id === undefined) throw new DpsError('bad-request', 'registrationId: is not a registration id.')
    if (mode !== 'delete') return { kind: 'write', id, enrollment: readEnrollment(value, { scope: 'individual', id }) }
    const etag = FieldReader.of(value).string('etag', 256)
    return etag === undefined || etag === '' ? { kind: 'delete', id } : { kind: 'delete', id, etag }
  } catch (error) {
    if (error instanceof DpsError) return { kind: 'refused', id: shown, error }
    throw error
  }
}

export interface BulkResultDocument {
  readonly isSuccessful: boolean
  readonly errors: readonly {
    readonly registrationId: string
    readonly errorCode: number
    readonly errorStatus: string
  }[]
}

export function formatBulkResult(
  errors: readonly { readonly id: string; readonly error: DpsError }[],
): BulkResultDocument {
  return {
    isSuccessful: errors.length === 0,
    errors: errors.map(({ id, error }) => ({
      registrationId: id,
      errorCode: DPS_ERRORS[error.code].errorCode,
      errorStatus: error.message,
    })),
  }
}
