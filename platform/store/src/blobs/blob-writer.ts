/** One blob while it is being written; see `sealed-blob.ts` for the form. */

import { createSecretKey, type KeyObject } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import { type Extent, type StagedBlob, type StoredBlob, UploadError } from '@holdfast/uploads'
import { onDisk } from './disk-fault.ts'
import { CHUNK_BYTES, encodeManifest, sealChunk, sealedBlockBytes } from './sealed-blob.ts'

export interface BlobWriterParts {
  readonly handle: FileHandle
  readonly file: string
  readonly contentKey: Uint8Array
  /** Makes the file's name durable. */
  readonly syncFolder: () => Promise<void>
  readonly remove: () => Promise<void>
}

export class BlobWriter implements StagedBlob {
  readonly #parts: BlobWriterParts
  readonly #key: KeyObject
  /** Places of released extents, by their bytes on disk: clients send blocks of one size. */
  readonly #free = new Map<number, number[]>()
  #end = 0
  #writes = 0
  #isClosed = false

  constructor(parts: BlobWriterParts) {
    this.#parts = parts
    this.#key = createSecretKey(parts.contentKey)
  }

  get diskBytes(): number {
    return this.#end
  }

  async write(bytes: number, body: AsyncIterable<Uint8Array>): Promise<Extent> {
    const sealedBytes = sealedBlockBytes(bytes)
    const at = this.#allocate(sealedBytes)
    const extent = { at, bytes, write: this.#writes++ }
    try {
      await this.#fill(extent, body)
    } catch (error) {
      this.release(extent)
      throw error
    }
    return extent
  }

  release({ at, bytes }: Extent): void {
    const size = sealedBlockBytes(bytes)
    if (size === 0) return
    const places = this.#free.get(size)
    if (places === undefined) this.#free.set(size, [at])
    else places.push(at)
  }

  async commit(extents: readonly Extent[]): Promise<StoredBlob> {
    const { contentKey, file, handle, syncFolder } = this.#parts
    const manifestAt = this.#end
    const sealed = sealChunk(this.#key, encodeManifest(extents), { kind: 'manifest', write: 0, index: 0 })
    await onDisk(async () => {
      await writeWhole(handle, sealed, manifestAt)
      await handle.sync()
      await this.#close()
      await syncFolder()
    })
    return {
      file,
      contentKey: Buffer.from(contentKey).toString('base64'),
      manifestAt,
      blocks: extents.length,
      bytes: extents.reduce((sum, { bytes }) => sum + bytes, 0),
    }
  }

  async discard(): Promise<void> {
    await this.#close().catch(() => undefined)
    await onDisk(() => this.#parts.remove())
  }

  #allocate(sealedBytes: number): number {
    const reused = this.#free.get(sealedBytes)?.pop()
    if (reused !== undefined) return reused
    const at = this.#end
    this.#end += sealedBytes
    return at
  }

  async #fill(extent: Extent, body: AsyncIterable<Uint8Array>): Promise<void> {
    const chunk = new Uint8Array(Math.min(CHUNK_BYTES, extent.bytes))
    let held = 0
    let taken = 0
    let index = 0
    let at = extent.at
    const put = async (): Promise<void> => {
      const sealed = sealChunk(this.#key, chunk.subarray(0, held), { kind: 'data', write: extent.write, index })
      await onDisk(() => writeWhole(this.#parts.handle, sealed, at))
      at += sealed.length
      index += 1
      held = 0
    }
    for await (const bytes of body) {
      taken += bytes.length
      if (taken > extent.bytes) throw new UploadError('incomplete', 'the body is longer than it said')
      for (let from = 0; from < bytes.length; ) {
        const part = bytes.subarray(from, from + chunk.length - held)
        chunk.set(part, held)
        held += part.length
        from += part.length
        if (held === CHUNK_BYTES) await put()
      }
    }
    if (taken < extent.bytes) throw new UploadError('incomplete', 'the body is shorter than it said')
    if (held > 0) await put()
  }

  async #close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    await this.#parts.handle.close()
  }
}

async function writeWhole(handle: FileHandle, bytes: Uint8Array, at: number): Promise<void> {
  for (let from = 0; from < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, from, bytes.length - from, at + from)
    from += bytesWritten
  }
}
