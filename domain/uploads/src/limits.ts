/** Every bound of this package, with its unit and its reason. */

/** Characters of a blob's name, the device's prefix included (Azure Storage, naming of blobs). */
export const BLOB_NAME_CHARACTERS_MAX = 1_024

/** How long a grant lasts, in milliseconds; IoT Hub's default. */
export const GRANT_LIFE_MS = 3_600_000

/** Blocks of one blob (Put Block List), and bytes of a block's id before base64 (Put Block). */
export const BLOCKS_MAX = 50_000
export const BLOCK_ID_BYTES_MAX = 64

/** Bytes of a block list: 50,000 entries of the longest ids with the tags around them. */
export const BLOCK_LIST_BYTES_MAX = 8 * 1_048_576

/** Blocks of all uploads together that no list names yet; about 200 bytes of memory each. */
export const STAGED_BLOCKS_MAX = 400_000

/** Requests that write into one upload at once; the SDK for Node has 20. */
export const WRITES_PER_UPLOAD_MAX = 32

/** Requests of one device that write at once, so that one whose requests never end leaves room to others. */
export const WRITES_PER_DEVICE_MAX = 40

/** Requests that write into all uploads together: a file and a chunk of 64 KiB each. */
export const WRITES_MAX = 512

/** Grants of one hub that may be open: ten a device of a thousand that upload at once. */
export const OPEN_UPLOADS_MAX = 10_000

/** Characters kept of what a device says went wrong. */
export const DESCRIPTION_CHARACTERS_MAX = 128

/** Uploads of one page of a list. */
export const UPLOAD_PAGE_MAX = 1_000

/** Uploads looked at in one sweep. */
export const SWEEP_UPLOADS_MAX = 500

export interface UploadLimits {
  /** Bytes of one blob. */
  readonly blobBytesMax: number
  /** Bytes of all blobs of one device: one that is taken over cannot take everybody's room. */
  readonly deviceBytesMax: number
  /** Bytes of all blobs, those under way with them. */
  readonly totalBytesMax: number
  /** How long a file is kept after it was uploaded, in milliseconds; undefined: until somebody deletes it. */
  readonly retentionMs: number | undefined
}
