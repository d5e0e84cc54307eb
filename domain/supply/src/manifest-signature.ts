/**
 * The detached signature of a manifest, made by tools that manufacturers have:
 *
 *   ECDSA, RSA   openssl dgst -sha256 -sign KEY.pem -out M.sig M
 *   Ed25519      openssl dgst -sha256 -binary -out M.sha256 M
 *                openssl pkeyutl -sign -rawin -inkey KEY.pem -in M.sha256 -out M.sig
 *
 * Ed25519 signs the digest, since it takes what it signs in one piece, and a manifest may be larger than memory.
 */

import { createHash, createVerify, verify } from 'node:crypto'
import { keyKindOf, readPublicKey } from '@holdfast/pki'
import { SIGNATURE_BYTES_MAX } from './limits.ts'

export class ManifestSignature {
  readonly #hash = createHash('sha256')
  readonly #verifier = createVerify('sha256')
  #sha256: Buffer | undefined

  /** The next bytes of the file, in order. */
  update(chunk: Uint8Array): void {
    this.#hash.update(chunk)
    this.#verifier.update(chunk)
  }

  /** SHA-256 of the whole, upper-case hex. Ends it: nothing may be added afterwards. */
  sha256(): string {
    return this.#digest().toString('hex').toUpperCase()
  }

  /**
   * Whether `signature` over the whole is of this key. To be called once.
   * @param publicKey DER of SubjectPublicKeyInfo, as `Manufacturers.add` has checked it.
   */
  isSignedBy(publicKey: Uint8Array, signature: Uint8Array): boolean {
    if (signature.length === 0 || signature.length > SIGNATURE_BYTES_MAX) return false
    const key = readPublicKey(publicKey)
    const digest = this.#digest()
    try {
      if (keyKindOf(key) === 'ed25519') return verify(undefined, digest, key, signature)
      return this.#verifier.verify(key, signature)
    } catch {
      // OpenSSL throws on an ECDSA signature that is no DER.
      return false
    }
  }

  #digest(): Buffer {
    this.#sha256 ??= this.#hash.digest()
    return this.#sha256
  }
}
