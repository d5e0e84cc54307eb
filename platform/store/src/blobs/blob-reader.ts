/** The plain bytes of a blob, verified before they are given; see `sealed-blob.ts` for the form. */

import { createSecretKey, type KeyObject } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import type { Extent, StoredBlob } from '@holdfast/uploads'
import { StoreDamagedError } from '../damaged.ts'
import { onDisk } from './disk-fault.ts'
import { CHUNK_BYTES, decodeManifest, manifestBytes, openChunk, TAG_BYTES } from './sealed-blob.ts'

/** @throws StoreDamagedError where the file is gone, or is not what was written; StoreUnavailableError. */
export async function* readBlob(path: string, blob: StoredBlob): AsyncGenerator<Uint8Array> {
  const key = createSecretKey(Buffer.from(blob.contentKey, 'base64'))
  const handle = await openFile(path)
  try {
    const manifest = await readManifest(handle, path, { key, blob })
    for (const extent of manifest) yield* readExtent(handle, path, { key, extent })
  } finally {
    await handle.close()
  }
}

async function openFile(path: string): Promise<FileHandle> {
  return onDisk(async () => {
    try {
      return await open(path, 'r')
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') throw damaged(path, 'it is gone', error)
      throw error
    }
  })
}

async function readManifest(
  handle: FileHandle,
  path: string,
  { key, blob }: { readonly key: KeyObject; readonly blob: StoredBlob },
): Promise<readonly Extent[]> {
  const sealed = await readWhole(handle, path, blob.manifestAt, manifestBytes(blob.blocks))
  const plain = openChunk(key, sealed, { kind: 'manifest', write: 0, index: 0 })
  if (plain === undefined) throw damaged(path, 'it was changed')
  const extents = decodeManifest(plain)
  if (extents.reduce((sum, { bytes }) => sum + bytes, 0) !== blob.bytes) throw damaged(path, 'it has another length')
  return extents
}

async function* readExtent(
  handle: FileHandle,
  path: string,
  { key, extent }: { readonly key: KeyObject; readonly extent: Extent },
): AsyncGenerator<Uint8Array> {
  let at = extent.at
  for (let left = extent.bytes, index = 0; left > 0; index += 1) {
    const bytes = Math.min(left, CHUNK_BYTES)
    const sealed = await readWhole(handle, path, at, bytes + TAG_BYTES)
    const plain = openChunk(key, sealed, { kind: 'data', write: extent.write, index })
    if (plain === undefined) throw damaged(path, 'it was changed')
    yield plain
    at += sealed.length
    left -= bytes
  }
}

async function readWhole(handle: FileHandle, path: string, at: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length)
  for (let from = 0; from < length; ) {
    const { bytesRead } = await onDisk(() => handle.read(bytes, from, length - from, at + from))
    if (bytesRead === 0) throw damaged(path, 'it was cut off')
    from += bytesRead
  }
  return bytes
}

function damaged(file: string, what: string, cause?: unknown): StoreDamagedError {
  return new StoreDamagedError(
    { file, what, remedy: 'put it back from a backup, or delete the file that it holds' },
    cause,
  )
}
