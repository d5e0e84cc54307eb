import type { X509Certificate } from 'node:crypto'
import type { TLSSocket } from 'node:tls'

/** Certificates taken of what a client sends: a leaf and what stands above it. */
const CHAIN_MAX = 8

/**
 * DER of the certificate that the peer proved to hold, followed by the issuers it sent; empty when it sent none. After
 * a resumed session only the leaf is there.
 */
export function peerChain(socket: TLSSocket): Uint8Array[] {
  const chain: Uint8Array[] = []
  let certificate: X509Certificate | undefined = socket.getPeerX509Certificate()
  while (certificate !== undefined && chain.length < CHAIN_MAX) {
    chain.push(new Uint8Array(certificate.raw))
    const issuer: X509Certificate | undefined = certificate.issuerCertificate
    if (issuer === undefined || issuer.fingerprint256 === certificate.fingerprint256) break
    certificate = issuer
  }
  return chain
}
