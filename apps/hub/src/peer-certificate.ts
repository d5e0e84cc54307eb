import type { CertificateFacts } from '@holdfast/messaging'
import { certificateFacts, PkiError } from '@holdfast/pki'

/**
 * Facts of the chain that a peer showed in its handshake; undefined when we cannot read its leaf. OpenSSL takes
 * certificates that we do not: who shows one is heard like those that show none, and must not end the thread.
 */
export function readPeerCertificate(chain: readonly Uint8Array[]): CertificateFacts | undefined {
  try {
    return certificateFacts(chain)
  } catch (error) {
    if (error instanceof PkiError) return undefined
    throw error
  }
}
