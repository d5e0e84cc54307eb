/** A connection as far as it tells one client from another. */

import { type Attempt, parseAddress } from '@holdfast/admission'
import type { Timestamp } from '@holdfast/base'
import { CLIENT_CHARACTERS_MAX } from './limits.ts'

export interface Sighting {
  readonly at: Timestamp
  /** `network/24` of IPv4, `network/48` of IPv6; the address itself where it is neither. */
  readonly network: string
  /** TLS library and kind of client. */
  readonly client: string
  /** SHA-256 of its certificate. */
  readonly certificate?: string
  readonly ended?: { readonly at: Timestamp; readonly isTakenOver: boolean }
}

export function sightingOf({ at, address, tlsFingerprint, clientType, certificate }: Attempt): Sighting {
  const client = `${tlsFingerprint.slice(0, CLIENT_CHARACTERS_MAX)} ${kindOfClient(clientType)}`.trim()
  return {
    at,
    network: networkOf(address),
    client,
    ...(certificate === undefined ? {} : { certificate: certificate.sha256 }),
  }
}

/** What an address belongs to that its owner does not change by the hour: a /24 of IPv4 and a /48 of IPv6. */
export function networkOf(address: string): string {
  const bytes = parseAddress(address)
  if (bytes === undefined) return address.slice(0, CLIENT_CHARACTERS_MAX)
  if (bytes.length === 4) return `${bytes[0]}.${bytes[1]}.${bytes[2]}.0/24`
  const group = (at: number): string => (((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)).toString(16)
  return `${group(0)}:${group(2)}:${group(4)}::/48`
}

/** Whether they are known to be in different networks: a host has an IPv4 and an IPv6 network at the same time. */
export function isElsewhere(a: Sighting, b: Sighting): boolean {
  return a.network !== b.network && a.network.endsWith('/48') === b.network.endsWith('/48')
}

/** Name of a program without its version, which changes with each update: printable ASCII, bounded. */
function kindOfClient(text: string | undefined): string {
  const [name = ''] = (text ?? '').split(/[/;( ]/, 1)
  return name.replaceAll(/[^\x21-\x7e]/g, '?').slice(0, CLIENT_CHARACTERS_MAX)
}
