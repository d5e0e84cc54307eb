import type { Timestamp } from '@holdfast/base'

/** A blob as it lies on the disk. Whoever has the row can read the file; without it nobody can. */
export interface StoredBlob {
  /** Name of the file, made by chance. */
  readonly file: string
  /** Base64 of 32 bytes; sealed wherever it is kept. */
  readonly contentKey: string
  /** Where in the file its table of contents stands, and how many blocks that has. */
  readonly manifestAt: number
  readonly blocks: number
  readonly bytes: number
}

export interface Upload {
  readonly correlationId: string
  readonly deviceId: string
  readonly generationId: string
  /** With the device's prefix. */
  readonly blobName: string
  readonly createdTime: Timestamp
  /** When the grant ends. */
  readonly expires: Timestamp
  /**
   * `open`: granted, nothing complete. `uploaded`: the blob is complete, its device has not said so yet. `completed`: it
   * has, and the back ends were told.
   */
  readonly state: 'open' | 'uploaded' | 'completed'
  readonly blob?: UploadedBlob
}

export interface UploadedBlob extends StoredBlob {
  readonly etag: string
  readonly uploadedTime: Timestamp
  /** SHA-256 of the list of blocks, hex: the same list again is the same request again. */
  readonly listHash: string
  /** As the client sent it. */
  readonly contentType?: string
}
