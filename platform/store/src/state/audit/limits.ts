/** Every bound of the audit log's store, with its unit and its reason. */

/** Secrets of subjects kept open in memory, 200 bytes each: those of the devices that are talking. */
export const SECRETS_CACHED_MAX = 4_096

/** Tags of names kept in memory, 200 bytes each. */
export const TAGS_CACHED_MAX = 4_096

/** Entries of one answer: some 15 ms of the thread for opening their bodies. */
export const PAGE_ENTRIES_MAX = 500

/** Rows looked at for one answer, matching or not: some 10 ms of the thread. */
export const SCANNED_ROWS_MAX = 4_000

/** Tiles passed over for one answer of a search in time. */
export const SCANNED_TILES_MAX = 4_000

/** Checkpoints of one answer, 1 KiB each. */
export const PAGE_CHECKPOINTS_MAX = 1_000

/** Entries checked in one step: some 20 ms of the thread. */
export const CHECKED_ENTRIES_MAX = 512

/** Bodies destroyed in one step: one transaction. */
export const SHREDDED_ENTRIES_MAX = 500

/** Subtrees of one call, for proofs: a path of 53 hashes, each folded from as many at the most. */
export const SUBTREES_MAX = 4_096

/** Checkpoints are all kept for so long, in milliseconds; then one an hour. */
export const CHECKPOINTS_WHOLE_MS = 3_600_000
export const CHECKPOINTS_EVERY_MS = 3_600_000
/** How often the old ones are thinned out, in milliseconds. */
export const CHECKPOINTS_PRUNED_MS = 60_000

/** Characters of a note: the log's signature and those of eight witnesses, some 200 each. */
export const NOTE_CHARACTERS_MAX = 8_192

/**
 * Entries cut off from the end whose places stay empty. Beyond, a checkpoint of any size, written by whoever has the disk,
 * would make every export pass over that many.
 */
export const GAP_ENTRIES_MAX = 16_777_216
