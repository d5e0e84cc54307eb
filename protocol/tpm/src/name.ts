/** Names of objects (Part 1 §16): the name algorithm and its digest of the public area. */

import { createHash } from 'node:crypto'
import { HASH_BYTES, hashAlgorithm, hashId } from './algorithms.ts'
import type { HashAlgorithm } from './algorithms.ts'
import { TpmError } from './errors.ts'
import { encodePublicArea } from './public-area.ts'
import type { TpmPublic } from './public-area.ts'
import { decodeWhole } from './reader.ts'
import { TpmWriter } from './writer.ts'

/** The name: two bytes of algorithm, then the digest. */
export function nameOf(area: TpmPublic): Uint8Array {
  const digest = createHash(area.nameAlg).update(encodePublicArea(area)).digest()
  return new TpmWriter().u16(hashId(area.nameAlg)).bytes(digest).done()
}

/** What a name says, if it is that of an object. @throws TpmError if it is not (a handle's name has no digest). */
export function decodeName(name: Uint8Array): { readonly hash: HashAlgorithm; readonly digest: Uint8Array } {
  return decodeWhole(name, 'a name', (reader) => {
    const hash = hashAlgorithm(reader.u16())
    if (reader.left !== HASH_BYTES[hash]) throw new TpmError('malformed', 'a name is an algorithm and its digest')
    return { hash, digest: reader.take(reader.left) }
  })
}
