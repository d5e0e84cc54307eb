/** Keys of issuing authorities that are sealed under the key ring and lie in the authority's own file. */

import { createPrivateKey } from 'node:crypto'
import { type KeyRing, openBytes, type Random, sealBytes } from '@holdfast/keys'
import type { AuthorityKey, AuthorityKeys, Signer } from '@holdfast/pki'
import { newPrivateKey, sealedContextOf, signerOf } from '../certificate-file.ts'

/** Epoch of the ring's key, and what it sealed. */
const HANDLE = /^(0|[1-9][0-9]{0,9})\.([A-Za-z0-9+/=]{1,8000})$/

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
    const { epoch, bytes } = this.#ring.current('authority')
    const plain = key.export({ format: 'der', type: 'pkcs8' })
    try {
      const sealed = Buffer.from(sealBytes(bytes, plain, sealedContextOf(label), this.#random)).toString('base64')
      return { handle: `${epoch}.${sealed}`, signer: signerOf(key) }
    } finally {
      plain.fill(0)
    }
  }

  /** Rejects with KeyError where the ring's key is gone, with TypeError where the handle is none or damaged. */
  async open(handle: string, label: string): Promise<Signer> {
    const [, epoch, sealed] = HANDLE.exec(handle) ?? []
    if (epoch === undefined || sealed === undefined) throw new TypeError('this is no handle of a sealed key')
    const bytes = this.#ring.key(Number(epoch)).bytes
    const plain = openBytes(bytes, Buffer.from(sealed, 'base64'), sealedContextOf(label))
    if (plain === undefined) throw new TypeError('the private key does not unseal: the file is damaged')
    try {
      return signerOf(createPrivateKey({ key: Buffer.from(plain.buffer), format: 'der', type: 'pkcs8' }))
    } finally {
      plain.fill(0)
    }
  }

  /** The handle is all there is of it. */
  async destroy(): Promise<void> {
    return
  }
}
