/** Private keys in files, sealed under the key ring. Each is bound to the name of its file. */

import { createPrivateKey, type KeyObject } from 'node:crypto'
import { type KeyRing, openBytes, type Random, sealBytes } from '@holdfast/keys'
import { sealedContextOf } from '../certificate-file.ts'

/** Epoch of the ring's key, and what it sealed. */
const HANDLE = /^(0|[1-9][0-9]{0,9})\.([A-Za-z0-9+/=]{1,8000})$/

export interface SealingParts {
  readonly ring: KeyRing
  /** Name of the file. */
  readonly label: string
}

export function sealPrivateKey(key: KeyObject, { ring, label, random }: SealingParts & { readonly random: Random }) {
  const { epoch, bytes } = ring.current('authority')
  const plain = key.export({ format: 'der', type: 'pkcs8' })
  try {
    return `${epoch}.${Buffer.from(sealBytes(bytes, plain, sealedContextOf(label), random)).toString('base64')}`
  } finally {
    plain.fill(0)
  }
}

/** @throws KeyError where the ring's key is gone, TypeError where the handle is none or damaged. */
export function unsealPrivateKey(handle: string, { ring, label }: SealingParts): KeyObject {
  const [, epoch, sealed] = HANDLE.exec(handle) ?? []
  if (epoch === undefined || sealed === undefined) throw new TypeError('this is no handle of a sealed key')
  const plain = openBytes(ring.key(Number(epoch)).bytes, Buffer.from(sealed, 'base64'), sealedContextOf(label))
  if (plain === undefined) throw new TypeError('the private key does not unseal: the file is damaged')
  try {
    return createPrivateKey({ key: Buffer.from(plain.buffer), format: 'der', type: 'pkcs8' })
  } finally {
    plain.fill(0)
  }
}
