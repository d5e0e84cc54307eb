/** What the errors of the domain, of the platform and of the guard are called in Azure's words. */

import { IdentityError, type IdentityErrorCode } from '@holdfast/identity'
import type { RestErrorCode } from '@holdfast/iothub'
import { twinRefusalOf } from '../../core/twin-refusals.ts'
import { explain } from '../management/refusals.ts'
import { Problem, type ProblemFacts } from '../../core/problem.ts'
import { HubError } from './errors.ts'

const IDENTITY: Readonly<Record<IdentityErrorCode, RestErrorCode>> = {
  invalid: 'ArgumentInvalid',
  exists: 'DeviceAlreadyExists',
  missing: 'DeviceNotFound',
  'device-missing': 'DeviceNotFound',
  'etag-mismatch': 'PreconditionFailed',
  contended: 'PreconditionFailed',
  'unknown-scope': 'ArgumentInvalid',
  'too-many-modules': 'TooManyModulesOnDevice',
  // The rest no route of this interface can meet.
  'too-many-authorities': 'InvalidOperation',
  'no-keys': 'InvalidOperation',
  'bad-certificate': 'ArgumentInvalid',
  'weak-certificate': 'ArgumentInvalid',
  'not-an-authority': 'ArgumentInvalid',
  'authority-known': 'InvalidOperation',
  'bad-revocation-list': 'ArgumentInvalid',
  'revocation-list-older': 'InvalidOperation',
  'too-many-revocation-lists': 'InvalidOperation',
  'already-verified': 'InvalidOperation',
  'bad-proof': 'ArgumentInvalid',
  rotating: 'InvalidOperation',
  'slot-in-use': 'InvalidOperation',
  'not-rotating': 'InvalidOperation',
}

const STATUS: Readonly<Record<ProblemFacts['status'], RestErrorCode>> = {
  400: 'ArgumentInvalid',
  401: 'IotHubUnauthorizedAccess',
  // Without the right: Node's SDK takes 403 for "too many devices", and Azure answers 401.
  403: 'IotHubUnauthorizedAccess',
  404: 'GenericNotFound',
  405: 'GenericMethodNotAllowed',
  409: 'InvalidOperation',
  411: 'ArgumentInvalid',
  412: 'PreconditionFailed',
  413: 'MessageTooLarge',
  414: 'ArgumentInvalid',
  415: 'GenericUnsupportedMediaType',
  422: 'ArgumentInvalid',
  429: 'ThrottlingException',
  500: 'ServerError',
  502: 'InvalidDeviceResponse',
  503: 'ServiceUnavailable',
  504: 'GatewayTimeout',
}

/** @param isModule whether the request names a module, which has names of its own for being there or not. */
export function identityErrorAsHubError(error: IdentityError, isModule: boolean): HubError {
  const code = isModule ? (MODULE[error.code] ?? IDENTITY[error.code]) : IDENTITY[error.code]
  return new HubError(code, error.message, { cause: error })
}

const MODULE: Readonly<Partial<Record<IdentityErrorCode, RestErrorCode>>> = {
  exists: 'ModuleAlreadyExistsOnDevice',
  missing: 'ModuleNotFound',
}

export function problemAsHubError({ facts }: Problem): HubError {
  const code = STATUS[facts.status]
  // All denials look alike, here as on the device side.
  if (code === 'IotHubUnauthorizedAccess') return new HubError(code, 'Unauthorized', { headers: facts.headers ?? {} })
  if (code === 'ServerError') return new HubError(code, 'The hub failed to answer.')
  const retry = code === 'ServiceUnavailable' ? { 'retry-after': '10' } : {}
  return new HubError(code, `${facts.title}; ${facts.detail}`, { headers: { ...retry, ...facts.headers } })
}

/** The refusal that a known error stands for; undefined for a fault of the hub. */
export function refusalOf(error: unknown, isModule: boolean): HubError | undefined {
  if (error instanceof HubError) return error
  if (error instanceof IdentityError) return identityErrorAsHubError(error, isModule)
  const twin = twinRefusalOf(error)
  if (twin !== undefined) {
    const code = isModule && twin.code === 'DeviceNotFound' ? 'ModuleNotFound' : twin.code
    return new HubError(code, twin.message, { cause: error })
  }
  const problem = error instanceof Problem ? error : explain(error)
  return problem === undefined ? undefined : problemAsHubError(problem)
}
