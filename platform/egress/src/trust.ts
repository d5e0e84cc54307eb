/** Whom the hub believes to be a receiver, and as whom it comes. */

import { createSecureContext, getCACertificates, type SecureContextOptions } from 'node:tls'

export interface Trust {
  /** PEM. Where it is there, nothing else is trusted; else the roots that came with Node, and never the environment's. */
  readonly authorities?: string
  /** PEM of the certificate, with its chain, and of its key. */
  readonly client?: { readonly certificate: string; readonly key: string }
}

export function contextOf({ authorities, client }: Trust): SecureContextOptions & { readonly minVersion: 'TLSv1.2' } {
  return {
    minVersion: 'TLSv1.2',
    ca: authorities === undefined ? [...getCACertificates('bundled')] : [authorities],
    ...(client === undefined ? {} : { cert: client.certificate, key: client.key }),
  }
}

/** Why no connection could ever be made with it; undefined when all is well. */
export function faultOfTrust(trust: Trust): 'authorities' | 'client' | undefined {
  const { authorities, client } = trust
  if (authorities !== undefined && !/-----BEGIN CERTIFICATE-----/.test(authorities)) return 'authorities'
  try {
    createSecureContext(contextOf(authorities === undefined ? {} : { authorities }))
  } catch {
    return 'authorities'
  }
  try {
    if (client !== undefined) createSecureContext(contextOf({ client }))
  } catch {
    return 'client'
  }
  return undefined
}
