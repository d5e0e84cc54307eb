/** Where the hub publishes what others judge its certificates by, as URLs in certificates and as paths. */

import { isIPv6 } from 'node:net'
import type { Certificate, Publication } from '@holdfast/pki'

export const PUBLICATION_PATH = '/.well-known/holdfast'
export const OCSP_PATH = '/.well-known/ocsp'

/** Names an authority by its key: a renewed one has another, and so each has its own list. Lower-case hex. */
export function authorityName(authority: Certificate): string {
  return (authority.extensions.subjectKeyId ?? authority.sha256Thumbprint).toLowerCase()
}

/**
 * HTTPS alone, since the hub serves nothing in the clear. RFC 5280 §8 warns of going in circles: who checks the hub's
 * own certificate by a list that is fetched from the hub. So the listeners' certificates and what stands above them name
 * no such place; devices' certificates do, for third parties, who know the hub's root.
 */
export function publicationAt(address: {
  readonly hostName: string
  readonly httpsPort: number
}): ((authority: Certificate) => Publication) | undefined {
  const { hostName, httpsPort } = address
  if (httpsPort === 0) return undefined
  const host = isIPv6(hostName) ? `[${hostName}]` : hostName
  const origin = `https://${host}${httpsPort === 443 ? '' : `:${httpsPort}`}`
  return (authority) => {
    const name = authorityName(authority)
    return {
      revocationList: `${origin}${PUBLICATION_PATH}/${name}.crl`,
      issuer: `${origin}${PUBLICATION_PATH}/${name}.crt`,
      ocsp: `${origin}${OCSP_PATH}`,
    }
  }
}
