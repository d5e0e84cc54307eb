/** One upload while it is under way: its blocks, who writes, and one decision at a time. */

import type { BlobStore, Extent, StagedBlob } from './ports.ts'
import { UploadError } from './errors.ts'
import { WRITES_PER_UPLOAD_MAX } from './limits.ts'
import type { Upload } from './upload.ts'

export class PendingUpload {
  upload: Upload
  readonly blocks = new Map<string, Extent>()
  /** Ends the writes under way. */
  readonly #stop = new AbortController()
  #staged: Promise<StagedBlob> | undefined
  #turn: Promise<unknown> = Promise.resolve()
  #writes = 0
  #idle: (() => void) | undefined
  #bytes = 0

  constructor(upload: Upload) {
    this.upload = upload
  }

  /** Plain bytes of the blocks, and of those being written. */
  get bytes(): number {
    return this.#bytes
  }

  get isStopped(): boolean {
    return this.#stop.signal.aborted
  }

  get stopped(): AbortSignal {
    return this.#stop.signal
  }

  staged(blobs: BlobStore): Promise<StagedBlob> {
    this.#staged ??= blobs.create()
    return this.#staged
  }

  get hasFile(): boolean {
    return this.#staged !== undefined
  }

  /** A write of so many bytes begins. @throws UploadError `too-many-writes`, or that everything is over. */
  beginWrite(bytes: number): void {
    if (this.isStopped) throw new UploadError('already-uploaded', 'the blob takes nothing more')
    if (this.#writes >= WRITES_PER_UPLOAD_MAX) {
      throw new UploadError('too-many-writes', `${WRITES_PER_UPLOAD_MAX} requests write into this blob already`)
    }
    this.#writes += 1
    this.#bytes += bytes
  }

  /** It has ended; `bytes` are those that are not kept. */
  endWrite(bytes: number): void {
    this.#writes -= 1
    this.#bytes -= bytes
    if (this.#writes === 0) this.#idle?.()
  }

  /** A block that was replaced. */
  dropped(bytes: number): void {
    this.#bytes -= bytes
  }

  /** Ends what is being written, and waits until the last has let go of the file. */
  async stop(): Promise<void> {
    this.#stop.abort(new UploadError('already-uploaded', 'the blob takes nothing more'))
    if (this.#writes === 0) return
    await new Promise<void>((resolve) => {
      this.#idle = resolve
    })
  }

  /** The file goes, if there is one. */
  async discard(): Promise<void> {
    await this.stop()
    const staged = await this.#staged?.catch(() => undefined)
    this.#staged = undefined
    this.blocks.clear()
    this.#bytes = 0
    await staged?.discard()
  }

  /** One decision about the upload at a time: a block list, an outcome, its end. */
  inTurn<T>(decide: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(decide)
    this.#turn = turn.catch(() => undefined)
    return turn
  }
}
