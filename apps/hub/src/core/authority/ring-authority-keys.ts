/** Keys of issuing authorities that are sealed under the key ring and lie in the authority's own file. */

import type { KeyRing, Random } from '@holdfast/keys'
import type { AuthorityKey, AuthorityKeys, Signer } from '@holdfast/pki'
import { newPrivateKey, signerOf } from '../certificate-file.ts'
import { sealPrivateKey, unsealPrivateKey } from './sealed-private-key.ts'

export class RingAuthorityKeys implements AuthorityKeys {
  readonly id = 'ring'
  readonly #ring: KeyRing
  readonly #random: Random

  constructor(ring: KeyRing, random: Random) {
    this.#ring = ring
    this.#random = random
  }

  async generate(label: string): Promise<AuthorityKey> {
    const key = newPrivateKey()
    return { handle: sealPrivateKey(key, { ring: this.#ring, label, random: this.#random }), signer: signerOf(key) }
  }

  /** Rejects with KeyError where the ring's key is gone, with TypeError where the handle is none or damaged. */
  async open(handle: string, label: string): Promise<Signer> {
    return signerOf(unsealPrivateKey(handle, { ring: this.#ring, label }))
  }

  /** The handle is all there is of it. */
  async destroy(): Promise<void> {
    return
  }
}
