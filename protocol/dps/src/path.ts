/**
 * The paths of the provisioning service on the HTTPS port (azure-iot.md §6, §7). They are matched without case, for
 * Node's SDK writes `/enrollmentgroups` in one place and `/enrollmentGroups` in the others; a slash at the end is
 * passed over.
 */

import type { EnrollmentScope } from './enrollment-document.ts'
import { type RegistrationId, isOperationId, parseRegistrationId } from './registration-id.ts'

/** A device's own path. Ids as received. */
export type DevicePath =
  | { readonly kind: 'register'; readonly idScope: string; readonly registrationId: string }
  | { readonly kind: 'look-up'; readonly idScope: string; readonly registrationId: string }
  | {
      readonly kind: 'operation'
      readonly idScope: string
      readonly registrationId: string
      readonly operationId: string
    }

/** A path of the service API. */
export type ServicePath =
  | { readonly kind: 'enrollments'; readonly scope: EnrollmentScope }
  | { readonly kind: 'enrollment-query'; readonly scope: EnrollmentScope }
  | { readonly kind: 'enrollment'; readonly scope: EnrollmentScope; readonly id: RegistrationId }
  | { readonly kind: 'attestation-mechanism'; readonly scope: EnrollmentScope; readonly id: RegistrationId }
  | { readonly kind: 'registration'; readonly id: RegistrationId }
  | { readonly kind: 'registration-query'; readonly groupId: RegistrationId }

export type DpsPath =
  | { readonly kind: 'device'; readonly path: DevicePath }
  | { readonly kind: 'service'; readonly path: ServicePath }
  /** A path of ours, but the id in it is none. */
  | { readonly kind: 'bad-id' }

/**
 * First segments of the hub's own addresses. A device may be called `registrations`: `/devices/registrations/modules` is
 * the hub's and no look-up in the id scope `devices`.
 */
const HUB_ROOTS: ReadonlySet<string> = new Set([
  'api',
  'configurations',
  'devices',
  'digitaltwins',
  'files',
  'jobs',
  'messages',
  'modules',
  'statistics',
  'tlog',
  'twins',
])

/** UTF-16 units of a path that is looked at: three ids, percent-encoded. */
const PATH_CHARACTERS_MAX = 2_048

/** The path, taken apart; undefined if it is none of the provisioning service's. */
export function parseDpsPath(pathname: string): DpsPath | undefined {
  if (pathname.length > PATH_CHARACTERS_MAX || !pathname.startsWith('/')) return undefined
  const segments = pathname.slice(1).replace(/\/$/, '').split('/')
  if (segments.length > 5) return undefined
  const [first = '', ...rest] = segments
  switch (first.toLowerCase()) {
    case 'enrollments':
      return enrollmentPath('individual', rest)
    case 'enrollmentgroups':
      return enrollmentPath('group', rest)
    case 'registrations':
      return registrationPath(rest)
    default:
      if (HUB_ROOTS.has(first.toLowerCase()) || rest[0]?.toLowerCase() !== 'registrations') return undefined
      return devicePath(first, rest.slice(1))
  }
}

function enrollmentPath(scope: EnrollmentScope, rest: readonly string[]): DpsPath | undefined {
  const [second, third, ...more] = rest
  if (more.length > 0) return undefined
  if (second === undefined) return { kind: 'service', path: { kind: 'enrollments', scope } }
  // An enrolment called "query" can be created and read by its own path's methods; POST is always the query.
  if (third === undefined && second.toLowerCase() === 'query') {
    return { kind: 'service', path: { kind: 'enrollment-query', scope } }
  }
  const id = idOf(second)
  if (third === undefined) {
    return id === undefined ? { kind: 'bad-id' } : { kind: 'service', path: { kind: 'enrollment', scope, id } }
  }
  if (third.toLowerCase() !== 'attestationmechanism') return undefined
  return id === undefined ? { kind: 'bad-id' } : { kind: 'service', path: { kind: 'attestation-mechanism', scope, id } }
}

function registrationPath(rest: readonly string[]): DpsPath | undefined {
  const [second, third, ...more] = rest
  if (second === undefined || more.length > 0) return undefined
  const id = idOf(second)
  if (id === undefined) return { kind: 'bad-id' }
  if (third === undefined) return { kind: 'service', path: { kind: 'registration', id } }
  if (third.toLowerCase() !== 'query') return undefined
  return { kind: 'service', path: { kind: 'registration-query', groupId: id } }
}

function devicePath(scope: string, rest: readonly string[]): DpsPath | undefined {
  const [first, second, third, ...more] = rest
  if (first === undefined || more.length > 0) return undefined
  const registrationId = decoded(first)
  const idScope = decoded(scope)
  const ids = { idScope: idScope ?? '', registrationId: registrationId ?? '' }
  const path = devicePathKind(second?.toLowerCase(), third)
  if (path === undefined) return undefined
  if (idScope === undefined || registrationId === undefined) return { kind: 'bad-id' }
  if (parseRegistrationId(registrationId) === undefined) return { kind: 'bad-id' }
  if (path.kind !== 'operation') return { kind: 'device', path: { ...path, ...ids } }
  const operationId = decoded(path.operationId)
  // An operation that cannot exist is one that does not.
  return operationId === undefined || !isOperationId(operationId)
    ? { kind: 'bad-id' }
    : { kind: 'device', path: { kind: 'operation', ...ids, operationId } }
}

function devicePathKind(
  second: string | undefined,
  third: string | undefined,
):
  | { readonly kind: 'register' | 'look-up' }
  | { readonly kind: 'operation'; readonly operationId: string }
  | undefined {
  if (second === undefined) return { kind: 'look-up' }
  if (second === 'register' && third === undefined) return { kind: 'register' }
  return second === 'operations' && third !== undefined ? { kind: 'operation', operationId: third } : undefined
}

function idOf(segment: string): RegistrationId | undefined {
  const text = decoded(segment)
  return text === undefined ? undefined : parseRegistrationId(text)
}

function decoded(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment)
  } catch {
    return undefined
  }
}
