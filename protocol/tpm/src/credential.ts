/**
 * Credentials (Part 1 §24; Part 3 §12.6, TPM2_MakeCredential): a secret that a TPM gives out only if it holds both the
 * endorsement key and the object of a given name. So whoever shows the secret has that object in that TPM.
 */

import { TpmError } from './errors.ts'
import { CREDENTIAL_BYTES_MAX } from './limits.ts'
import { decodeName } from './name.ts'
import { protect } from './protection.ts'
import type { TpmPublic } from './public-area.ts'
import { shareSeed, storageParent } from './seed.ts'
import type { SeedSource } from './seed.ts'
import { TpmWriter } from './writer.ts'

export interface Credential {
  /** A TPM2B_ID_OBJECT, with its length. */
  readonly credential: Uint8Array
  /** A TPM2B_ENCRYPTED_SECRET, with its length. */
  readonly secret: Uint8Array
}

/**
 * Makes a credential for the object `name` in the TPM of `endorsementKey`.
 * @param options.secret 1 byte to the length of the digest of the key's name algorithm; 16 bytes and more withstand guessing.
 * @throws TpmError `unsuitable` if the key is no restricted decryption key, `malformed` if it or the name is none.
 */
export function makeCredential(options: {
  readonly endorsementKey: TpmPublic
  readonly name: Uint8Array
  readonly secret: Uint8Array
  readonly source: SeedSource
}): Credential {
  const { name, secret, source } = options
  const key = storageParent(options.endorsementKey)
  decodeName(name)
  if (secret.length === 0 || secret.length > CREDENTIAL_BYTES_MAX)
    throw new TpmError('too-large', 'the secret has a wrong length')
  const { seed, encrypted } = shareSeed(key, 'IDENTITY', source)
  const plain = new TpmWriter().sized(secret).done()
  return {
    credential: new TpmWriter().sized(protect(key, { seed, name, plain })).done(),
    secret: new TpmWriter().sized(encrypted).done(),
  }
}
