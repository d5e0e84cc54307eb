/** The outer wrapper that a seed gives (Part 1 §22.3 and §24): AES in CFB mode, and an HMAC over what came out and a name. */

import { createCipheriv, createHmac } from 'node:crypto'
import { HASH_BYTES } from './algorithms.ts'
import { kdfA } from './key-derivation.ts'
import type { StorageParent } from './seed.ts'
import type { SymmetricDefinition } from './schemes.ts'
import { TpmWriter } from './writer.ts'

/** AES-CFB with 128 bits of feedback and an IV of zeros: each key is used once. */
export function encryptCfb(key: Uint8Array, plain: Uint8Array): Uint8Array {
  const cipher = createCipheriv(`aes-${cfbBits(key)}-cfb`, key, Buffer.alloc(16))
  return Buffer.concat([cipher.update(plain), cipher.final()])
}

/**
 * Wraps `plain` for whoever knows the seed.
 * @returns the sized HMAC and what it is over: inside a TPM2B this is an ID_OBJECT or a duplicated PRIVATE.
 */
export function protect(
  parent: StorageParent,
  input: { readonly seed: Uint8Array; readonly name: Uint8Array; readonly plain: Uint8Array },
): Uint8Array {
  const { seed, name, plain } = input
  const hash = parent.nameAlg
  const key = kdfA({ hash, key: seed, label: 'STORAGE', contextU: name, bits: parent.symmetric.keyBits })
  const encrypted = encryptCfb(key, plain)
  const hmacKey = kdfA({ hash, key: seed, label: 'INTEGRITY', bits: HASH_BYTES[hash] * 8 })
  const integrity = createHmac(hash, hmacKey).update(encrypted).update(name).digest()
  return new TpmWriter().sized(integrity).bytes(encrypted).done()
}

function cfbBits(key: Uint8Array): SymmetricDefinition['keyBits'] {
  const bits = key.length * 8
  if (bits !== 128 && bits !== 192 && bits !== 256) throw new TypeError('an AES key has 16, 24 or 32 bytes')
  return bits
}
