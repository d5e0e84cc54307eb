/** The port to a private key: in a file, a token or a cloud; this package never sees it. */

import type { SignatureAlgorithm } from './signature-algorithm.ts'

/** Implementers MUST sign with the key whose public half is `publicKey`, and keep the private half to themselves. */
export interface Signer {
  /** DER of SubjectPublicKeyInfo. */
  readonly publicKey: Uint8Array
  readonly algorithm: SignatureAlgorithm
  /**
   * Signs `bytes` (hashing is part of it). ECDSA signatures come as DER (RFC 3279 §2.2.3), RSA ones as PKCS #1 v1.5.
   * Rejects when the key cannot be reached.
   */
  sign(bytes: Uint8Array): Promise<Uint8Array>
}
