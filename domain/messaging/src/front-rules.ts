/** The rules of azure-iot.md section 3 that need no state: what may be said, and how large it may be. */

import {
  type DeviceOrModule,
  HubFormatError,
  isWellFormedBag,
  parseBag,
  parsePublishTopic,
  parseSubscription,
} from '@holdfast/iothub'
import { RESPONSE_FILTER } from '@holdfast/dps'
import type { Will } from '@holdfast/mqtt'
import type { CloseReason, Subscription } from './front-messages.ts'
import type { Role } from './front-role.ts'
import { BAG_BYTES_MAX, MESSAGE_BYTES_MAX } from './limits.ts'

const EMPTY = new Uint8Array(0)
const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Endings after which a will is not published. */
const WITHOUT_WILL: ReadonlySet<CloseReason> = new Set<CloseReason>([
  'disconnect', // [MQTT-3.14.4-3]
  // The credential that vouched for the will is no good any more: after a cut-off nothing comes in on it.
  'credential-revoked',
  'identity-disabled',
  'identity-deleted',
  'not-admitted',
  // The device is not lost, we go; §3.1.2.5 leaves it to us.
  'shutdown',
])

export function isWillDue(reason: CloseReason): boolean {
  return !WITHOUT_WILL.has(reason)
}

/** Bytes that a will makes us hold. */
export function willBytes(will: Will): number {
  return will.topic.length + will.payload.length
}

/** The bag of a telemetry topic of `identity` in any spelling, well-formed; undefined for every other topic. */
export function eventsBag(topic: string, identity: DeviceOrModule): string | undefined {
  try {
    const parsed = parsePublishTopic(topic, identity)
    return parsed.kind === 'telemetry' && isWellFormedBag(parsed.bag) ? parsed.bag : undefined
  } catch (error) {
    if (error instanceof HubFormatError) return undefined
    throw error
  }
}

/** Whether the role may subscribe to `filter`. */
export function isDocumentedFilter(role: Role, filter: string): boolean {
  if (role.kind === 'provisioning') return filter === RESPONSE_FILTER
  try {
    parseSubscription(filter, role.identity)
    return true
  } catch (error) {
    if (error instanceof HubFormatError) return false
    throw error
  }
}

/** The bytes of a bag to be kept; undefined if it is malformed. */
export function bagBytes(bag: string): Uint8Array | undefined {
  if (bag === '') return EMPTY
  if (!isWellFormedBag(bag)) return undefined
  const bytes = encoder.encode(bag)
  return bytes.length <= BAG_BYTES_MAX ? bytes : undefined
}

/** Whether body and properties, decoded, are within the bound. Called for messages near it, which are rare. */
export function isWithinSize(bag: Uint8Array, body: Uint8Array): boolean {
  if (body.length > MESSAGE_BYTES_MAX) return false
  let bytes = body.length
  for (const { name, value } of parseBag(decoder.decode(bag))) {
    bytes += Buffer.byteLength(name) + Buffer.byteLength(value ?? '')
  }
  return bytes <= MESSAGE_BYTES_MAX
}

/** The password as text; undefined if there is none, null if it is no UTF-8. */
export function tokenOf(password: Uint8Array | undefined): string | undefined | null {
  if (password === undefined) return undefined
  try {
    return decoder.decode(password)
  } catch {
    return null
  }
}

/** Whatever their order. */
export function areSameSubscriptions(before: readonly Subscription[], after: readonly Subscription[]): boolean {
  if (before.length !== after.length) return false
  return after.every(({ filter, qos }) => before.some((other) => other.filter === filter && other.qos === qos))
}
