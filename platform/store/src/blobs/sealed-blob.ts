/**
 * Blobs at rest: AES-256-GCM (NIST SP 800-38D) in chunks, under a key of random bytes that belongs to one file.
 *
 *     block: chunks of 64 KiB and a shorter last one, each followed by its tag of 16 bytes; none for an empty block
 *     manifest: u48 at, u48 bytes, u48 write for each block of the blob in order; followed by its tag
 *
 * Blocks lie in the file in the order in which they happened to be written. A nonce is two bytes of kind, six of the
 * write's number and four of the chunk's: a file is written by one process, whose writes count up, and a key that is not
 * committed dies with the process, so that none repeats. A chunk opens only in its place of its write; which writes make
 * the blob, in which order and how long, says the manifest, and how long that is, the row. So nothing can be cut off,
 * left out, repeated or moved.
 */

import { createCipheriv, createDecipheriv, type KeyObject } from 'node:crypto'
import type { Extent } from '@holdfast/uploads'

export const CHUNK_BYTES = 65_536
export const TAG_BYTES = 16
export const CONTENT_KEY_BYTES = 32
const NONCE_BYTES = 12
const EXTENT_BYTES = 18
const ASSOCIATED = Buffer.from('holdfast blob 1')

export type ChunkKind = 'data' | 'manifest'

export interface ChunkPlace {
  readonly kind: ChunkKind
  readonly write: number
  readonly index: number
}

/** Bytes on disk of a block of so many plain bytes. */
export function sealedBlockBytes(bytes: number): number {
  return bytes + TAG_BYTES * Math.ceil(bytes / CHUNK_BYTES)
}

export function manifestBytes(blocks: number): number {
  return blocks * EXTENT_BYTES + TAG_BYTES
}

export function sealChunk(key: KeyObject, plain: Uint8Array, place: ChunkPlace): Buffer {
  const cipher = createCipheriv('aes-256-gcm', key, nonceOf(place))
  cipher.setAAD(ASSOCIATED)
  const sealed = cipher.update(plain)
  cipher.final()
  return Buffer.concat([sealed, cipher.getAuthTag()])
}

/** The plain bytes, or undefined where they are not what was sealed in that place. */
export function openChunk(key: KeyObject, sealed: Uint8Array, place: ChunkPlace): Uint8Array | undefined {
  if (sealed.length < TAG_BYTES) return undefined
  const end = sealed.length - TAG_BYTES
  const decipher = createDecipheriv('aes-256-gcm', key, nonceOf(place), { authTagLength: TAG_BYTES })
  decipher.setAAD(ASSOCIATED)
  decipher.setAuthTag(sealed.subarray(end))
  const plain = decipher.update(sealed.subarray(0, end))
  try {
    decipher.final()
  } catch {
    return undefined
  }
  return plain
}

export function encodeManifest(extents: readonly Extent[]): Uint8Array {
  const bytes = Buffer.alloc(extents.length * EXTENT_BYTES)
  for (const [index, extent] of extents.entries()) {
    const at = index * EXTENT_BYTES
    bytes.writeUIntBE(extent.at, at, 6)
    bytes.writeUIntBE(extent.bytes, at + 6, 6)
    bytes.writeUIntBE(extent.write, at + 12, 6)
  }
  return bytes
}

export function decodeManifest(plain: Uint8Array): readonly Extent[] {
  const bytes = Buffer.from(plain.buffer, plain.byteOffset, plain.byteLength)
  return Array.from({ length: bytes.length / EXTENT_BYTES }, (_, index) => {
    const at = index * EXTENT_BYTES
    return {
      at: bytes.readUIntBE(at, 6),
      bytes: bytes.readUIntBE(at + 6, 6),
      write: bytes.readUIntBE(at + 12, 6),
    }
  })
}

function nonceOf({ kind, write, index }: ChunkPlace): Buffer {
  const nonce = Buffer.alloc(NONCE_BYTES)
  nonce.writeUInt16BE(kind === 'data' ? 0 : 1, 0)
  nonce.writeUIntBE(write, 2, 6)
  nonce.writeUInt32BE(index, 8)
  return nonce
}
