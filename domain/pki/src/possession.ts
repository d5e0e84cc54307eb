/** Proof that a customer holds the key of the CA that it registers: it signs a certificate for a nonce of ours. */

import { parseCertificate } from './certificate.ts'
import type { Certificate } from './certificate.ts'
import { PkiError } from './errors.ts'

export type PossessionVerdict =
  | { readonly kind: 'proved' }
  | {
      readonly kind: 'refused'
      readonly reason: 'malformed' | 'wrong-nonce' | 'wrong-issuer' | 'weak-key' | 'weak-signature' | 'bad-signature'
    }

/**
 * Whether `proof` is a certificate with the common name `nonce`, signed by `authority`.
 * Its validity, usages and own key do not matter: the nonce makes it fresh, and it serves for nothing else.
 * @param claim.proof DER.
 * @param claim.nonce what we gave to the owner of this very authority, and to nobody else; not empty.
 */
export function verifyPossession(claim: {
  readonly authority: Certificate
  readonly proof: Uint8Array
  readonly nonce: string
}): PossessionVerdict {
  if (claim.nonce === '') throw new TypeError('a nonce is not empty')
  try {
    const proof = parseCertificate(claim.proof)
    if (proof.commonName !== claim.nonce) return { kind: 'refused', reason: 'wrong-nonce' }
    if (!proof.isIssuableBy(claim.authority)) return { kind: 'refused', reason: 'wrong-issuer' }
    return proof.isSignedBy(claim.authority) ? { kind: 'proved' } : { kind: 'refused', reason: 'bad-signature' }
  } catch (error) {
    if (!(error instanceof PkiError)) throw error
    const isWeak = error.code === 'weak-key' || error.code === 'weak-signature'
    return { kind: 'refused', reason: isWeak ? error.code : 'malformed' }
  }
}
