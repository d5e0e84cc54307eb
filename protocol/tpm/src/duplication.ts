/**
 * Objects made outside of a TPM and wrapped for import under a parent (Part 1 §23.3; Part 3 §13.1, TPM2_Duplicate, and
 * §13.3, TPM2_Import): an inner wrapper under a key that is told to the importer, an outer one under a seed that the
 * parent finds.
 */

import { createHash } from 'node:crypto'
import { HASH_BYTES, TPM_ALG } from './algorithms.ts'
import type { HashAlgorithm } from './algorithms.ts'
import { TpmError } from './errors.ts'
import { SENSITIVE_DATA_BYTES_MAX } from './limits.ts'
import { nameOf } from './name.ts'
import { encryptCfb, protect } from './protection.ts'
import { encodePublic } from './public-area.ts'
import type { KeyedHashPublic, TpmPublic } from './public-area.ts'
import { shareSeed, storageParent } from './seed.ts'
import type { SeedSource } from './seed.ts'
import { TpmWriter } from './writer.ts'

const EMPTY = new Uint8Array(0)

/** A keyed hash object with what only its holder may know. */
export interface KeyedHashObject {
  readonly publicArea: KeyedHashPublic
  /** A TPM2B_SENSITIVE, with its length. */
  readonly sensitive: Uint8Array
}

/**
 * An HMAC key that a TPM may import and sign with, and that its user may use without a password. It can be given on by
 * nobody who does not know the secret already: its policy is empty, so no duplication is ever authorized.
 * @param options.key 1 to 128 bytes. @param options.obfuscation random, as long as the digest of `hash`.
 */
export function hmacObject(options: {
  readonly hash: HashAlgorithm
  readonly key: Uint8Array
  readonly obfuscation: Uint8Array
}): KeyedHashObject {
  const { hash, key, obfuscation } = options
  if (key.length === 0 || key.length > SENSITIVE_DATA_BYTES_MAX) throw new TypeError('an HMAC key has 1 to 128 bytes')
  if (obfuscation.length !== HASH_BYTES[hash]) throw new TypeError('the obfuscation is as long as the digest')
  // Part 2 §12.2.3.2: the digest of both binds the secret to its public area and tells nothing of it.
  const unique = createHash(hash).update(obfuscation).update(key).digest()
  const sensitive = new TpmWriter().u16(TPM_ALG.keyedHash).sized(EMPTY).sized(obfuscation).sized(key).done()
  return {
    publicArea: {
      kind: 'keyedHash',
      nameAlg: hash,
      attributes: new Set(['userWithAuth', 'sign']),
      authPolicy: EMPTY,
      scheme: { kind: 'hmac', hash },
      unique,
    },
    sensitive: new TpmWriter().sized(sensitive).done(),
  }
}

/** What TPM2_Import takes, each with its length. */
export interface Duplicate {
  /** TPM2B_PUBLIC. */
  readonly publicArea: Uint8Array
  /** TPM2B_PRIVATE. */
  readonly duplicate: Uint8Array
  /** TPM2B_ENCRYPTED_SECRET. */
  readonly encryptedSeed: Uint8Array
}

/**
 * Wraps an object for import under `parent`, in both wrappers.
 * @param options.innerKey an AES key of 16, 24 or 32 bytes: the import's `encryptionKey`.
 * @throws TpmError `unsuitable` if `parent` is no storage key, `malformed` if it is no key.
 */
export function duplicateObject(options: {
  readonly parent: TpmPublic
  readonly object: KeyedHashObject
  readonly innerKey: Uint8Array
  readonly source: SeedSource
}): Duplicate {
  const { object, innerKey, source } = options
  const parent = storageParent(options.parent)
  if (object.publicArea.attributes.has('fixedTPM')) throw new TpmError('unsuitable', 'the object may not leave its TPM')
  const name = nameOf(object.publicArea)
  const integrity = createHash(object.publicArea.nameAlg).update(object.sensitive).update(name).digest()
  const inner = encryptCfb(innerKey, new TpmWriter().sized(integrity).bytes(object.sensitive).done())
  const { seed, encrypted } = shareSeed(parent, 'DUPLICATE', source)
  return {
    publicArea: encodePublic(object.publicArea),
    duplicate: new TpmWriter().sized(protect(parent, { seed, name, plain: inner })).done(),
    encryptedSeed: new TpmWriter().sized(encrypted).done(),
  }
}
