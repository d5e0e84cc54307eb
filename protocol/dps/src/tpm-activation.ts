/**
 * The activation blob of TPM attestation (azure-iot.md §6.1; read by `activateIdentityKey` of every SDK): a key that only
 * the TPM with this endorsement key and this storage root key can take in, and that it then signs with and never shows.
 */

import {
  type Duplicate,
  type SeedSource,
  type TpmPublic,
  decodePublic,
  duplicateObject,
  hmacObject,
  makeCredential,
  nameOf,
} from '@holdfast/tpm'
import { DpsError } from './errors.ts'
import { ACTIVATION_BLOB_BYTES_MAX } from './limits.ts'

/** SDKs import with AES in CFB mode and take the length of the key for its size; TPMs all have 128 bits. */
const INNER_KEY_BYTES = 16

/** SHA-256: what the SDKs sign their tokens with. */
const HASH = 'sha256'
const OBFUSCATION_BYTES = 32

export interface ActivationKeys {
  readonly endorsementKey: TpmPublic
  readonly storageRootKey: TpmPublic
}

/**
 * Wraps `key` for the TPM.
 * @param key 1 to 128 bytes.
 * @throws TpmError `unsuitable` or `malformed` if one of the TPM's keys is not what it should be.
 */
export function formatActivation(keys: ActivationKeys, key: Uint8Array, source: SeedSource): Uint8Array {
  const innerKey = source.random(INNER_KEY_BYTES)
  const { credential, secret } = makeCredential({
    endorsementKey: keys.endorsementKey,
    name: nameOf(keys.storageRootKey),
    secret: innerKey,
    source,
  })
  const object = hmacObject({ hash: HASH, key, obfuscation: source.random(OBFUSCATION_BYTES) })
  const { duplicate, encryptedSeed, publicArea } = duplicateObject({
    parent: keys.storageRootKey,
    object,
    innerKey,
    source,
  })
  // The sixth part, a TPM2B_DATA, would carry an encrypted URI; the SDKs read up to the fifth.
  return Buffer.concat([credential, secret, duplicate, encryptedSeed, publicArea, Uint8Array.of(0, 0)])
}

/** The parts of a blob, each as its TPM2B with its length: what a device hands to its TPM. */
export interface Activation extends Duplicate {
  readonly credential: Uint8Array
  readonly secret: Uint8Array
  readonly data: Uint8Array
}

/**
 * Reads a blob. What its parts hold is not looked at, but for the public area.
 * @throws DpsError `bad-request`; TpmError for the public area.
 */
export function parseActivation(blob: Uint8Array): Activation {
  if (blob.length > ACTIVATION_BLOB_BYTES_MAX) throw new DpsError('bad-request', 'The activation blob is too long.')
  let at = 0
  const part = (): Uint8Array => {
    const [high = 0, low = 0] = blob.subarray(at, at + 2)
    const end = at + 2 + high * 0x100 + low
    if (at + 2 > blob.length || end > blob.length) throw new DpsError('bad-request', 'The activation blob ends early.')
    const bytes = blob.slice(at, end)
    at = end
    return bytes
  }
  const activation = {
    credential: part(),
    secret: part(),
    duplicate: part(),
    encryptedSeed: part(),
    publicArea: part(),
    // Some services leave the last part out.
    data: at === blob.length ? Uint8Array.of(0, 0) : part(),
  }
  if (at !== blob.length) throw new DpsError('bad-request', 'The activation blob is longer than its parts.')
  decodePublic(activation.publicArea)
  return activation
}
