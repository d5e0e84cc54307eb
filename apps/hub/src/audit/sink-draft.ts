/** What an operator says of a sink, read: every fault named. */

import { type Destination, faultOfTrust, parseDestination } from '@holdfast/egress'
import type { Sink, SinkKind, SinkSecrets } from '@holdfast/forwarding'
import { faultsOfFilter } from '@holdfast/review'
import type { Fault } from '../core/problem.ts'

/** What a sink sends by itself, and what belongs to the connection. */
const OWN_HEADERS = new Set([
  'connection',
  'content-length',
  'content-type',
  'expect',
  'host',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'user-agent',
  'webhook-id',
  'webhook-signature',
  'webhook-timestamp',
])

/** Visible ASCII and blanks within: RFC 9110 §5.5 without what only old servers send. */
const HEADER_VALUE = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/

/** Of a sink as it is to be: what keeps it from ever working. */
export function faultsOfSink(
  sink: Pick<Sink, 'kind' | 'address' | 'filter' | 'authorities' | 'secrets'>,
): readonly Fault[] {
  const { kind, address, filter, authorities, secrets } = sink
  const faults: Fault[] = faultsOfFilter(filter).map(({ path, message }) => ({ path: `/filter${path}`, message }))
  const read = parseDestination(address)
  if ('fault' in read) faults.push({ path: '/address', message: read.fault })
  else if (read.destination.scheme !== schemeOf(kind)) {
    faults.push({ path: '/address', message: `of ${kind} begins with ${schemeOf(kind)}://` })
  }
  if (authorities !== undefined && faultOfTrust({ authorities }) !== undefined) {
    faults.push({ path: '/authorities', message: 'holds no certificate in PEM' })
  }
  if (secrets.client !== undefined && faultOfTrust({ client: secrets.client }) !== undefined) {
    faults.push({ path: '/client', message: 'is a certificate in PEM and the key that belongs to it' })
  }
  faults.push(...faultsOfHeaders(kind, secrets))
  return faults
}

function faultsOfHeaders(kind: SinkKind, { headers }: SinkSecrets): readonly Fault[] {
  const names = Object.keys(headers)
  if (kind === 'syslog' && names.length > 0) return [{ path: '/headers', message: 'are not sent by syslog' }]
  const faults: Fault[] = []
  for (const name of names) {
    if (OWN_HEADERS.has(name)) faults.push({ path: `/headers/${name}`, message: 'is set by the hub itself' })
    else if (!HEADER_VALUE.test(headers[name] ?? '')) {
      faults.push({ path: `/headers/${name}`, message: 'has a value of visible ASCII characters' })
    }
  }
  return faults
}

/** Whether two addresses are the same place of a network, so that what was said of the one holds for the other. */
export function isSamePlace(one: string, other: string): boolean {
  const place = (text: string): string | undefined => {
    const read = parseDestination(text)
    return 'fault' in read ? undefined : placeOf(read.destination)
  }
  const known = place(one)
  return known !== undefined && known === place(other)
}

function placeOf({ scheme, host, port }: Destination): string {
  return `${scheme} ${host} ${port}`
}

function schemeOf(kind: SinkKind): Destination['scheme'] {
  return kind === 'syslog' ? 'syslog' : 'https'
}
