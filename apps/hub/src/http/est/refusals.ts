/** What the codes of issuing certificates become at this edge. */

import { CredentialError, type CredentialErrorCode } from '@holdfast/credentials'
import { HubError } from '../hub/errors.ts'
import { explain } from '../management/refusals.ts'
import { Problem, type ProblemFacts } from '../../core/problem.ts'

const STATUS: Readonly<Record<CredentialErrorCode, ProblemFacts['status']>> = {
  'bad-request': 400,
  'weak-key': 400,
  'key-kind': 400,
  'wrong-name': 403,
  'wrong-subject': 403,
  'key-in-use': 403,
  'key-revoked': 403,
  'identity-missing': 403,
  'identity-disabled': 403,
  'wrong-authentication': 403,
  'profile-missing': 404,
  'profile-closed': 404,
  'not-renewable': 403,
  'renewal-stopped': 403,
  'no-issuer': 503,
  busy: 503,
  missing: 404,
  'already-revoked': 403,
  'too-many-profiles': 403,
  'profile-in-use': 403,
  invalid: 400,
}

/** How long who is refused for the hub's own reasons is to wait, in seconds. */
export const RETRY_AFTER_SECONDS = 10

export function problemOf(error: unknown): Problem | undefined {
  if (error instanceof CredentialError) {
    const status = STATUS[error.code]
    const headers = status === 503 ? { headers: { 'retry-after': String(RETRY_AFTER_SECONDS) } } : {}
    return new Problem({ status, code: error.code, title: 'no certificate', detail: error.message, ...headers })
  }
  if (!(error instanceof HubError)) return explain(error)
  return error.code === 'ServiceUnavailable' ? unavailable(error) : unproved()
}

/** All denials look alike; the log tells them apart. */
export function unproved(): Problem {
  return new Problem({
    status: 401,
    code: 'not-authorized',
    title: 'the request does not prove who sends it',
    detail: 'show a client certificate that the hub knows, or a shared access signature as the password of Basic',
  })
}

function unavailable(error: HubError): Problem {
  const { message: detail, headers } = error
  return new Problem({ status: 503, code: 'unavailable', title: 'not just now', detail, headers })
}
