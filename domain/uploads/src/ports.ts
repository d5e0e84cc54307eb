/** What uploads need of the world. */

import type { Because } from '@holdfast/audit'
import type { Timestamp } from '@holdfast/base'
import type { StoredBlob, Upload, UploadedBlob } from './upload.ts'

/**
 * Uploads as rows. Every change is durable when its promise resolves, and its events (`because`) with it: in its transaction
 * where it did what was asked, and nowhere else.
 */
export interface UploadStore {
  /** The hub's key of grants, base64; `candidate` becomes it where there is none. MUST be sealed at rest. */
  uploadKey(candidate: string): Promise<string>
  insertUpload(upload: Upload, because?: Because): Promise<void>
  /** From `open` to `uploaded`; false when it is not `open` (any more). The content key MUST be sealed at rest. */
  commitUpload(correlationId: string, blob: UploadedBlob): Promise<boolean>
  /** From `uploaded` to `completed`; false when it is not `uploaded`. */
  completeUpload(correlationId: string, because?: Because): Promise<boolean>
  /**
   * Destroys the row, and with it the key of the blob. What was there.
   * @param because its detail completed by `bytes`: of the blob that is gone with it, 0 where none was uploaded.
   */
  deleteUpload(correlationId: string, because?: Because): Promise<Upload | undefined>
  readUpload(correlationId: string): Promise<Upload | undefined>
  /** As `readUpload` without the content key, which is '' in it: also where that does not open any more. */
  findUpload(correlationId: string): Promise<Upload | undefined>
  /** Uploaded and completed ones, oldest first; `after` is a correlation id. */
  listUploads(page: UploadPage): Promise<readonly Upload[]>
  /** Those that are open, and those uploaded whose grant has not expired: what memory holds. */
  listPendingUploads(now: Timestamp): Promise<readonly Upload[]>
  /** Open ones whose grant expired before `expiredBefore`, files uploaded before `uploadedBefore`. */
  listOutdatedUploads(bounds: {
    readonly expiredBefore: Timestamp
    readonly uploadedBefore: Timestamp | undefined
    readonly limit: number
  }): Promise<readonly Upload[]>
  /** Bytes that are kept: of all, of each device that has any. */
  uploadTotals(): Promise<readonly { readonly deviceId: string; readonly files: number; readonly bytes: number }[]>
  /** Names of the files that rows point to. */
  listUploadFiles(): Promise<readonly string[]>
}

export interface UploadPage {
  readonly deviceId?: string
  readonly after?: string
  readonly limit: number
}

/** A run of one block's sealed bytes in a file. */
export interface Extent {
  readonly at: number
  /** Plain bytes. */
  readonly bytes: number
  /** Which write made it: no two of a file have the same. */
  readonly write: number
}

/** A blob that is being written. Bytes are sealed before they reach the disk; the key is in memory alone. */
export interface StagedBlob {
  /**
   * Writes a block of exactly `bytes`, taking no more of `body` than the disk has taken. Several may run at once.
   * @throws UploadError `incomplete` when the body is shorter or longer; what `body` throws; StoreUnavailableError.
   */
  write(bytes: number, body: AsyncIterable<Uint8Array>): Promise<Extent>
  /** The extent's room may be used again. */
  release(extent: Extent): void
  /** Bytes that the file takes on the disk. */
  readonly diskBytes: number
  /** Makes the blob of these extents durable; nothing can be written after that. */
  commit(extents: readonly Extent[]): Promise<StoredBlob>
  /** Gives the file up. Also after a `commit` that failed. */
  discard(): Promise<void>
}

export interface BlobStore {
  create(): Promise<StagedBlob>
  /** The plain bytes, in chunks. Fails in the middle, and does not end, where the file is not what was written. */
  read(blob: StoredBlob): AsyncIterable<Uint8Array>
  remove(file: string): Promise<void>
  /** Removes every file that is not among `files`; how many. */
  keepOnly(files: ReadonlySet<string>): Promise<number>
  /** What is wrong when the disk has no room for so many bytes. */
  shortageOfRoom(bytes: number): string | undefined
}
