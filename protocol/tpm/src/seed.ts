/**
 * Seeds that are shared with a TPM's key (Part 1 §B.10 for RSA, §C.6 for elliptic curves): only the TPM that holds the key
 * finds the seed, and what is derived from it protects a credential or an object on its way there.
 */

import type { KeyObject } from 'node:crypto'
import { CURVE_BYTES, HASH_BYTES } from './algorithms.ts'
import type { HashAlgorithm } from './algorithms.ts'
import { TpmError } from './errors.ts'
import { kdfE, labelBytes } from './key-derivation.ts'
import type { DerivationLabel } from './key-derivation.ts'
import type { EccPublic, RsaPublic, TpmPublic } from './public-area.ts'
import { padded, publicKeyOf } from './public-key.ts'
import type { SymmetricDefinition } from './schemes.ts'
import { TpmWriter } from './writer.ts'

/** What sharing a seed needs of the world. Its implementers MUST take every byte from the system's generator. */
export interface SeedSource {
  random(count: number): Uint8Array
  /** RSA-OAEP (RFC 8017 §7.1) with `hash` for both the label and the mask; as long as the modulus. */
  encryptOaep(
    key: KeyObject,
    options: { readonly hash: HashAlgorithm; readonly label: Uint8Array; readonly message: Uint8Array },
  ): Uint8Array
  /** A key of the same curve made for this once, uncompressed as 04 || x || y, and x of what it agrees on with `key`. */
  agree(key: KeyObject): { readonly ephemeral: Uint8Array; readonly shared: Uint8Array }
}

export interface SharedSeed {
  readonly seed: Uint8Array
  /** A TPM2B_ENCRYPTED_SECRET without its length. */
  readonly encrypted: Uint8Array
}

/** A key that can be given secrets: an endorsement key, or a storage key. */
export type StorageParent = (RsaPublic | EccPublic) & { readonly symmetric: SymmetricDefinition }

/**
 * `area`, if it is a restricted decryption key with a symmetric algorithm, which is what parents and endorsement keys are.
 * @throws TpmError `unsuitable`.
 */
export function storageParent(area: TpmPublic): StorageParent {
  const { attributes } = area
  const isParent = attributes.has('restricted') && attributes.has('decrypt') && !attributes.has('sign')
  if (!isParent || (area.kind !== 'rsa' && area.kind !== 'ecc') || area.symmetric === undefined) {
    throw new TpmError('unsuitable', 'the key is no restricted decryption key')
  }
  // SHA-1 as a name would let another public area have this one's name.
  if (area.nameAlg === 'sha1') throw new TpmError('unsuitable', 'the key is named by SHA-1')
  return { ...area, symmetric: area.symmetric }
}

/**
 * Shares a seed with `key`, as long as its name algorithm's digest.
 * @throws TpmError `malformed` if the key is no key (a point that is not on its curve).
 */
export function shareSeed(key: StorageParent, label: DerivationLabel, source: SeedSource): SharedSeed {
  const publicKey = publicKeyOf(key)
  const bytes = HASH_BYTES[key.nameAlg]
  if (key.kind === 'rsa') {
    const seed = source.random(bytes)
    const options = { hash: key.nameAlg, label: labelBytes(label), message: seed }
    return { seed, encrypted: source.encryptOaep(publicKey, options) }
  }
  const { ephemeral, shared } = source.agree(publicKey)
  const length = CURVE_BYTES[key.curve]
  if (ephemeral.length !== 1 + 2 * length || shared.length !== length)
    throw new TypeError('a point is as long as its curve')
  const x = ephemeral.subarray(1, 1 + length)
  const y = ephemeral.subarray(1 + length)
  const partyV = padded(key.x, length)
  const seed = kdfE({ hash: key.nameAlg, shared, label, partyU: x, partyV, bits: bytes * 8 })
  return { seed, encrypted: new TpmWriter().sized(x).sized(y).done() }
}
