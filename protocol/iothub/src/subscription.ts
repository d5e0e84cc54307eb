/** The topic filters that devices and modules subscribe to (azure-iot.md §3.1), and the topics that go out on them. */

import { HubFormatError } from './errors.ts'
import type { DeviceOrModule } from './ids.ts'
import { NAME_CHARACTERS_MAX, TOPIC_CHARACTERS_MAX } from './limits.ts'
import { isSameId } from './publish-topic.ts'
import { encodeComponent } from './parameters.ts'

/**
 * What a filter asks for. `base` is the filter without its `#`: topics are answered in the client's own spelling, as far
 * as the name of a topic may have it.
 */
export type SubscriptionTopic =
  /** Messages to the device. */
  | { readonly kind: 'devicebound'; readonly base: string }
  /** Messages to the inputs of a module; `base` ends in `inputs/`, whether or not the filter did. */
  | { readonly kind: 'inputs'; readonly base: string }
  | { readonly kind: 'twin-responses' }
  | { readonly kind: 'desired-patches' }
  | { readonly kind: 'methods' }
  | { readonly kind: 'certificate-responses' }

const SERVICE_FILTERS: ReadonlyMap<string, SubscriptionTopic> = new Map<string, SubscriptionTopic>([
  ['$iothub/twin/res/#', { kind: 'twin-responses' }],
  ['$iothub/twin/PATCH/properties/desired/#', { kind: 'desired-patches' }],
  ['$iothub/methods/POST/#', { kind: 'methods' }],
  ['$iothub/credentials/res/#', { kind: 'certificate-responses' }],
])

/**
 * Reads a filter that `identity` subscribes to.
 * @throws HubFormatError `unknown-topic`, `foreign-topic`.
 */
export function parseSubscription(filter: string, identity: DeviceOrModule): SubscriptionTopic {
  if (filter.length > TOPIC_CHARACTERS_MAX) throw new HubFormatError('unknown-topic', 'the filter is too long')
  const service = SERVICE_FILTERS.get(filter)
  if (service !== undefined) return service
  const device = /^devices\/([^/]+)\/messages\/devicebound\/#$/.exec(filter)
  if (device !== null) {
    if (!isSameId(device[1] ?? '', identity.deviceId) || identity.moduleId !== undefined) throw foreign()
    return { kind: 'devicebound', base: baseOf(filter) }
  }
  const module = /^devices\/([^/]+)\/modules\/([^/]+)\/(inputs\/)?#$/.exec(filter)
  if (module !== null) {
    const isOwn =
      identity.moduleId !== undefined &&
      isSameId(module[1] ?? '', identity.deviceId) &&
      isSameId(module[2] ?? '', identity.moduleId)
    if (!isOwn) throw foreign()
    const base = baseOf(filter)
    return { kind: 'inputs', base: module[3] === undefined ? `${base}inputs/` : base }
  }
  throw new HubFormatError('unknown-topic', 'the filter is not one of the hub')
}

/** An id may be `+`, which is a level of the filter, and matches; no topic name may hold it [MQTT-3.3.2-2]. */
function baseOf(filter: string): string {
  return filter.slice(0, -1).replaceAll('+', '%2B')
}

function foreign(): HubFormatError {
  return new HubFormatError('foreign-topic', 'the filter is of another identity')
}

/** `devices/{d}/messages/devicebound/{bag}`. @param bag from `formatBag`, which encodes the slashes that Node splits at. */
export function formatDeviceboundTopic(subscription: { readonly base: string }, bag: string): string {
  return subscription.base + bag
}

/** `devices/{d}/modules/{m}/inputs/{input}/{bag}`. */
export function formatInputTopic(subscription: { readonly base: string }, input: string, bag: string): string {
  return `${subscription.base}${encodeComponent(nameOf(input))}/${bag}`
}

/**
 * `$iothub/twin/res/{status}/?$rid={rid}[&$version=N]`.
 * @param response.version of the new reported section, after a patch.
 */
export function formatTwinResponseTopic(response: {
  readonly status: number
  readonly requestId: string
  readonly version?: number
}): string {
  const version = response.version === undefined ? '' : `&$version=${response.version}`
  return `$iothub/twin/res/${response.status}/?$rid=${response.requestId}${version}`
}

/** `$iothub/twin/PATCH/properties/desired/?$version=N`. */
export function formatDesiredPatchTopic(version: number): string {
  return `$iothub/twin/PATCH/properties/desired/?$version=${version}`
}

/**
 * `$iothub/methods/POST/{name}/?$rid={rid}`. Of the name only what would end it is encoded: Node's and C's clients take
 * what stands there for the name, Python's decodes it.
 */
export function formatMethodTopic(method: { readonly name: string; readonly requestId: string }): string {
  const name = nameOf(method.name).replaceAll(/[\0-\x20\x7f%/?#+]+/g, encodeComponent)
  return `$iothub/methods/POST/${name}/?$rid=${encodeComponent(method.requestId)}`
}

/** `$iothub/credentials/res/{status}/?$rid={rid}`. */
export function formatCertificateResponseTopic(response: {
  readonly status: number
  readonly requestId: string
}): string {
  return `$iothub/credentials/res/${response.status}/?$rid=${response.requestId}`
}

function nameOf(name: string): string {
  if (name === '' || name.length > NAME_CHARACTERS_MAX) throw new TypeError('a name has 1 to 128 characters')
  return name
}
