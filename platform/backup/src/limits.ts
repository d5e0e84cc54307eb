/** Bounds of backups. Bytes unless the name says otherwise. */

/** Recipients of one backup: a header of a few kilobytes. */
export const RECIPIENTS_MAX = 16
/** An identity file of age: some keys with their comments. */
export const IDENTITY_FILE_BYTES_MAX = 65_536
/** Identities that are tried. */
export const IDENTITIES_MAX = 64

/** Files of one backup: an uploaded file each, and some dozens more. */
export const FILES_MAX = 2_000_000
/** A file of the archive: a database of 64 TiB is more than any disk of today takes. */
export const FILE_BYTES_MAX = 2 ** 46
/** The manifest: about 130 bytes a file. */
export const MANIFEST_BYTES_MAX = 512 * 1024 * 1024
/** What is read at once of a file. */
export const READ_BYTES = 256 * 1024

/** Files of the folders that are read into memory (`ca`, `weak-keys`), and all their bytes together. */
export const SMALL_FILES_MAX = 4_096
export const SMALL_FILE_BYTES_MAX = 64 * 1024 * 1024

/** Room that a copy leaves free on the disk of the data folder, so that the hub can go on writing meanwhile. */
export const ROOM_KEPT_BYTES = 64 * 1024 * 1024

/** A file of the keys that is kept in memory, and how many of them there may be. */
export const HELD_BYTES_MAX = 32 * 1024 * 1024
export const HELD_FILES_MAX = 16

/** Uploaded files that a proof reads to their end; of the others it looks whether they are there. */
export const UPLOADS_OPENED_MAX = 1_000

/** What crosses from the backup thread at once, or is written at once. */
export const STREAM_BYTES = 256 * 1024
