/** The addresses of the devices' HTTPS API (azure-iot.md §4). */

import { type DeviceId, isDeviceId } from '@holdfast/iothub'
import { HubError } from '../hub/errors.ts'

export type DeviceAddress =
  | { readonly kind: 'events' }
  | { readonly kind: 'receive' }
  | { readonly kind: 'settle'; readonly lockToken: string }
  | { readonly kind: 'abandon'; readonly lockToken: string }
  | { readonly kind: 'grant' }
  /** Without a correlation id it stands in the body. */
  | { readonly kind: 'notify'; readonly correlationId?: string }
  /** Ours, not Azure's. */
  | { readonly kind: AttestationAddress }

export type AttestationAddress = (typeof ATTESTATION)[keyof typeof ATTESTATION]

export interface DevicePath {
  readonly deviceId: DeviceId
  readonly address: DeviceAddress
}

/** What stands behind `attestation/`. */
const ATTESTATION = {
  keys: 'attestation-keys',
  'keys/activate': 'attestation-activate',
  challenge: 'attestation-challenge',
  evidence: 'attestation-evidence',
} as const

/** Slashes count once, as everywhere on this port: SDKs write `/files/?`. */
const OURS = /^\/+devices\/+[^/]+\/+(?:modules\/+[^/]+\/+)?(?:messages|files|attestation)(?:\/|$)/i
const SEGMENTS_MAX = 8

/** Whether an address is a device's own and not of the service's `/devices/…`. */
export function isDevicePath(pathname: string): boolean {
  return OURS.test(pathname)
}

/** @throws HubError `GenericNotFound`, `ArgumentInvalid`, and `InvalidOperation` for a module, which speaks no HTTPS. */
export function parseDevicePath(pathname: string): DevicePath {
  const segments = pathname
    .split('/', SEGMENTS_MAX * 4)
    .filter((segment) => segment !== '')
    .slice(0, SEGMENTS_MAX)
  const [, device = '', ...rest] = segments
  const deviceId = decoded(device)
  if (!isDeviceId(deviceId)) throw new HubError('ArgumentInvalid', 'The device id in the address has a wrong form.')
  if (rest[0]?.toLowerCase() === 'modules') {
    throw new HubError('InvalidOperation', 'Modules connect by MQTT or AMQP, and not by HTTPS.')
  }
  const address = addressOf(rest)
  if (address === undefined) throw new HubError('GenericNotFound', 'Nothing is served at this address.')
  return { deviceId, address }
}

function addressOf(segments: readonly string[]): DeviceAddress | undefined {
  const [first = '', second, third, fourth] = segments
  const words = segments.map((segment) => segment.toLowerCase())
  if (first.toLowerCase() === 'messages') {
    if (words[1] === 'events') return segments.length === 2 ? { kind: 'events' } : undefined
    if (words[1] !== 'devicebound') return undefined
    if (third === undefined) return { kind: 'receive' }
    const lockToken = decoded(third)
    if (fourth === undefined) return { kind: 'settle', lockToken }
    return words[3] === 'abandon' && segments.length === 4 ? { kind: 'abandon', lockToken } : undefined
  }
  if (words[0] === 'attestation') {
    const found = Object.entries(ATTESTATION).find(([path]) => path === words.slice(1).join('/'))
    return found && { kind: found[1] }
  }
  if (second === undefined) return { kind: 'grant' }
  if (words[1] !== 'notifications' || segments.length > 3) return undefined
  return third === undefined ? { kind: 'notify' } : { kind: 'notify', correlationId: decoded(third) }
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    throw new HubError('ArgumentInvalid', 'The address holds an escape that is none.')
  }
}
