/** Where something is to go, as an operator names it. */

import { isIP } from 'node:net'
import { LOW_PORTS, URL_LENGTH_MAX } from './limits.ts'

export interface Destination {
  readonly scheme: 'https' | 'syslog'
  /** A name, or an address without brackets. */
  readonly host: string
  readonly port: number
  /** Path and query of https; empty for syslog. */
  readonly target: string
}

/**
 * Reads `https://host[:port]/path` or `syslog://host[:port]`, which is always TLS (RFC 5425; port 6514 unless told).
 * Nothing else is called: no other scheme, no user name in the address, no port that belongs to something else.
 */
export function parseDestination(text: string): { readonly destination: Destination } | { readonly fault: string } {
  if (text.length > URL_LENGTH_MAX) return { fault: `has at most ${URL_LENGTH_MAX} characters` }
  const isSyslog = text.startsWith('syslog://')
  // The parser of web addresses reads hosts of its own schemes alone with all their rules.
  const url = URL.parse(isSyslog ? `https://${text.slice('syslog://'.length)}` : text)
  if (url === null || url.protocol !== 'https:')
    return { fault: 'is an address like https://host/path or syslog://host' }
  if (url.username !== '' || url.password !== '') return { fault: 'holds no user name and no password' }
  if (url.hash !== '') return { fault: 'holds no fragment' }
  if (isSyslog && (url.pathname !== '/' || url.search !== '')) return { fault: 'of syslog is a host and a port' }
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  // A port that is the scheme's own is not told by the parser.
  const said = /:(\d+)(?:\/|$)/.exec(text.slice(text.indexOf('://') + 3).replace(/[?#].*$/s, ''))?.[1]
  const port = url.port !== '' ? Number(url.port) : isSyslog && said === undefined ? 6514 : 443
  if (port < 1_024 && !LOW_PORTS.includes(port))
    return { fault: `has the port ${LOW_PORTS.join(', ')} or one from 1024` }
  if (isIP(host) === 0 && !/^[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*$/.test(host)) {
    return { fault: 'names a host by its DNS name or its address' }
  }
  const target = isSyslog ? '' : `${url.pathname}${url.search}`
  return { destination: { scheme: isSyslog ? 'syslog' : 'https', host, port, target } }
}
