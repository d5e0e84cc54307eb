/** How every listener speaks TLS: 1.2 and 1.3 only, forward-secret AEAD suites, certificates asked for, not required. */

import { constants } from 'node:crypto'
import type { TlsOptions } from 'node:tls'

export interface TlsMaterial {
  /** PEM of the server's private key. */
  readonly key: string
  /** PEM of the server's certificate followed by its issuers up to, not including, the root. */
  readonly certificate: string
  /** 48 secret bytes shared by all fronts, so that a session resumes on any of them. */
  readonly ticketKeys: Uint8Array
}

/** How long a peer may take for its handshake, in milliseconds. */
export const HANDSHAKE_TIMEOUT_MS = 10_000

/** How long a session may be resumed, in seconds; a revoked device is refused at CONNECT, resumed or not. */
const SESSION_LIFETIME_SECONDS = 7_200

const CIPHERS = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':')

/**
 * A client certificate is asked for and let through whatever it is: a self-signed one may be enrolled by thumbprint.
 * TLS still proves that the peer holds the certificate's key; what the certificate is worth, the rules decide.
 */
export function tlsOptions(material: TlsMaterial): TlsOptions {
  return {
    key: material.key,
    cert: material.certificate,
    ticketKeys: Buffer.from(material.ticketKeys),
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.3',
    ciphers: CIPHERS,
    honorCipherOrder: true,
    // TLS 1.2 lets a peer begin the handshake anew, at our cost, and come out of it as somebody else. Nobody needs it.
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
    requestCert: true,
    rejectUnauthorized: false,
    handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
    sessionTimeout: SESSION_LIFETIME_SECONDS,
    sessionIdContext: 'holdfast',
  }
}
