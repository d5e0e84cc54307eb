/** What a token is for: `sr` as host and path, and whether that covers what the bearer asks for (azure-iot.md §2). */

import { TokenError } from './errors.ts'
import { RESOURCE_SEGMENTS_MAX } from './limits.ts'

/** A resource, taken apart. */
export interface SasResource {
  /** Lower case, without a port. For device provisioning the id scope stands here. */
  readonly host: string
  /** Segments in the case received; none is empty. */
  readonly path: readonly string[]
}

/** Whose key signed: the identity's own, or that of a shared access policy with the right that the caller has checked. */
export type SasHolder = 'identity' | 'policy'

const SCHEME = /^[a-z][a-z0-9+.-]*:\/\//i

/**
 * Takes a decoded `sr` apart. `amqps://` and the like before it and slashes after it are passed over.
 * @throws TokenError `bad-resource` without a host, with an empty segment, or with too many.
 */
export function resourceOf(resource: string): SasResource {
  const segments = resource
    .replace(SCHEME, '')
    .replace(/\/$/, '')
    .split('/', RESOURCE_SEGMENTS_MAX + 1)
  if (segments.length > RESOURCE_SEGMENTS_MAX) throw new TokenError('bad-resource', 'the resource is too deep')
  if (segments.includes('')) throw new TokenError('bad-resource', 'the resource has an empty part')
  const [host = '', ...path] = segments
  return { host: withoutPort(host), path }
}

/** Whether the token stands for the whole service at one of `hosts`: service REST, and nothing narrower. */
export function coversService(resource: SasResource, hosts: readonly string[]): boolean {
  return resource.path.length === 0 && isOneOf(resource.host, hosts)
}

/**
 * Whether the token lets its bearer act as the device or module.
 * A device's token covers its modules; a longer path below the device covers the device too (documentation appends
 * `/api-version=…` or `/messages/events`), but a module's token never covers its device. Only a policy's token may name
 * a parent: the host, or `{host}/devices`.
 * @param target.hosts names of this hub, lower case. Ids are case-sensitive.
 */
export function coversDevice(
  resource: SasResource,
  target: {
    readonly hosts: readonly string[]
    readonly deviceId: string
    readonly moduleId?: string
    readonly holder: SasHolder
  },
): boolean {
  if (!isOneOf(resource.host, target.hosts)) return false
  const [devices, deviceId, modules, moduleId] = resource.path
  if (devices === undefined) return target.holder === 'policy'
  if (devices.toLowerCase() !== 'devices') return false
  if (deviceId === undefined) return target.holder === 'policy'
  if (deviceId !== target.deviceId) return false
  if (modules?.toLowerCase() !== 'modules') return true
  // `…/modules` alone names no one module; it covers each of them, and not the device.
  return target.moduleId !== undefined && (moduleId === undefined || moduleId === target.moduleId)
}

/**
 * Whether the token lets its bearer register as `registrationId`: `{idScope}/registrations/{id}`, or longer.
 * Id scopes and registration ids are case-insensitive.
 */
export function coversRegistration(
  resource: SasResource,
  target: { readonly idScope: string; readonly registrationId: string },
): boolean {
  const [registrations, id] = resource.path
  return (
    resource.host === target.idScope.toLowerCase() &&
    registrations?.toLowerCase() === 'registrations' &&
    id?.toLowerCase() === target.registrationId.toLowerCase()
  )
}

function isOneOf(host: string, hosts: readonly string[]): boolean {
  return hosts.some((one) => one.toLowerCase() === host)
}

/** `hub:8883` is `hub`; an IPv6 address without brackets is left alone. */
function withoutPort(host: string): string {
  return host.toLowerCase().replace(/^([^:]*|\[[^\]]*\]):[0-9]+$/, '$1')
}
