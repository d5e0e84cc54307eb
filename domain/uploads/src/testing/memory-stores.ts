/** The ports in memory, for tests. */

import { type Because, completed, type EventSink, eventsOf } from '@holdfast/audit'
import type { Timestamp } from '@holdfast/base'
import { UploadError } from '../errors.ts'
import type { BlobStore, Extent, StagedBlob, UploadPage, UploadStore } from '../ports.ts'
import type { StoredBlob, Upload, UploadedBlob } from '../upload.ts'

export class MemoryUploadStore implements UploadStore {
  readonly rows = new Map<string, Upload>()
  #key: string | undefined
  readonly #sink: EventSink

  /** @param sink told what writes bring, where they did what was asked. */
  constructor(sink: EventSink = () => {}) {
    this.#sink = sink
  }

  async uploadKey(candidate: string): Promise<string> {
    this.#key ??= candidate
    return this.#key
  }

  async insertUpload(upload: Upload, because?: Because): Promise<void> {
    this.rows.set(upload.correlationId, upload)
    this.#tell(because)
  }

  async commitUpload(correlationId: string, blob: UploadedBlob): Promise<boolean> {
    return this.#change(correlationId, 'open', { state: 'uploaded', blob })
  }

  async completeUpload(correlationId: string, because?: Because): Promise<boolean> {
    const isDone = this.#change(correlationId, 'uploaded', { state: 'completed' })
    if (isDone) this.#tell(because)
    return isDone
  }

  async deleteUpload(correlationId: string, because?: Because): Promise<Upload | undefined> {
    const upload = this.rows.get(correlationId)
    this.rows.delete(correlationId)
    if (upload !== undefined) this.#tell(completed(because, { bytes: upload.blob?.bytes ?? 0 }))
    return upload
  }

  async readUpload(correlationId: string): Promise<Upload | undefined> {
    return this.rows.get(correlationId)
  }

  async findUpload(correlationId: string): Promise<Upload | undefined> {
    return this.rows.get(correlationId)
  }

  async listUploads({ deviceId, after, limit }: UploadPage): Promise<readonly Upload[]> {
    return [...this.rows.values()]
      .filter((row) => row.state !== 'open' && (deviceId === undefined || row.deviceId === deviceId))
      .filter((row) => after === undefined || row.correlationId > after)
      .toSorted((a, b) => (a.correlationId < b.correlationId ? -1 : 1))
      .slice(0, limit)
  }

  async listPendingUploads(now: Timestamp): Promise<readonly Upload[]> {
    return [...this.rows.values()].filter((row) => row.state !== 'completed' && row.expires > now)
  }

  async listOutdatedUploads(bounds: Parameters<UploadStore['listOutdatedUploads']>[0]): Promise<readonly Upload[]> {
    const { expiredBefore, uploadedBefore, limit } = bounds
    const isOutdated = ({ state, expires, blob }: Upload): boolean =>
      state === 'open'
        ? expires <= expiredBefore
        : blob !== undefined && uploadedBefore !== undefined && blob.uploadedTime < uploadedBefore
    return [...this.rows.values()].filter(isOutdated).slice(0, limit)
  }

  async uploadTotals(): Promise<
    readonly { readonly deviceId: string; readonly files: number; readonly bytes: number }[]
  > {
    const totals = new Map<string, { files: number; bytes: number }>()
    for (const { deviceId, blob } of this.rows.values()) {
      if (blob === undefined) continue
      const { files, bytes } = totals.get(deviceId) ?? { files: 0, bytes: 0 }
      totals.set(deviceId, { files: files + 1, bytes: bytes + blob.bytes })
    }
    return [...totals].map(([deviceId, total]) => ({ deviceId, ...total }))
  }

  async listUploadFiles(): Promise<readonly string[]> {
    return [...this.rows.values()].flatMap(({ blob }) => (blob === undefined ? [] : [blob.file]))
  }

  #tell(because: Because | undefined): void {
    for (const event of eventsOf(because)) this.#sink(event)
  }

  #change(correlationId: string, from: Upload['state'], to: Partial<Upload>): boolean {
    const row = this.rows.get(correlationId)
    if (row?.state !== from) return false
    this.rows.set(correlationId, { ...row, ...to })
    return true
  }
}

/** Blobs as they are, unsealed. */
export class MemoryBlobStore implements BlobStore {
  readonly files = new Map<string, Uint8Array>()
  /** Files begun and neither committed nor discarded. */
  readonly staged = new Set<string>()
  /** Set to have the disk say so. */
  shortage: string | undefined
  /** Set to have the next commit fail. */
  commitFails = false
  #made = 0

  async create(): Promise<StagedBlob> {
    this.#made += 1
    const file = String(this.#made)
    this.staged.add(file)
    const blocks = new Map<number, Uint8Array>()
    let writes = 0
    let diskBytes = 0
    const { files, staged } = this
    const mayCommit = (): boolean => !this.commitFails
    return {
      get diskBytes() {
        return diskBytes
      },
      async write(bytes, body) {
        const write = writes++
        const chunks: Uint8Array[] = []
        let taken = 0
        for await (const chunk of body) {
          taken += chunk.length
          if (taken > bytes) throw new UploadError('incomplete', 'longer')
          chunks.push(chunk)
        }
        if (taken < bytes) throw new UploadError('incomplete', 'shorter')
        diskBytes += bytes
        blocks.set(write, Buffer.concat(chunks))
        return { at: 0, bytes, write }
      },
      release({ write, bytes }) {
        if (blocks.delete(write)) diskBytes -= bytes
      },
      async commit(extents: readonly Extent[]): Promise<StoredBlob> {
        if (!mayCommit()) throw new Error('the disk fails')
        const whole = Buffer.concat(extents.map(({ write }) => blocks.get(write) ?? new Uint8Array(0)))
        staged.delete(file)
        files.set(file, whole)
        return { file, contentKey: '', manifestAt: 0, blocks: extents.length, bytes: whole.length }
      },
      async discard() {
        staged.delete(file)
        files.delete(file)
      },
    }
  }

  async *read(blob: StoredBlob): AsyncGenerator<Uint8Array> {
    const bytes = this.files.get(blob.file)
    if (bytes === undefined) throw new Error('the file is gone')
    yield bytes
  }

  async remove(file: string): Promise<void> {
    this.files.delete(file)
  }

  async keepOnly(files: ReadonlySet<string>): Promise<number> {
    const left = [...this.files.keys()].filter((file) => !files.has(file))
    for (const file of left) this.files.delete(file)
    return left.length
  }

  shortageOfRoom(): string | undefined {
    return this.shortage
  }
}
