/** Bounds and defaults of the history. Bytes unless the name says otherwise. */

/** Database page of `history.db`. */
export const HISTORY_PAGE_BYTES = 8_192
/** Page cache, KiB: inner nodes of the indexes; sealed pages are read once and not kept. */
export const HISTORY_CACHE_KIB = 16 * 1024

/**
 * Plain bytes of one sealed page. What reading one message costs at least: about 0.3 ms to read, open, decompress and
 * walk. Smaller pages compress worse and make the index longer.
 */
export const PAGE_PLAIN_BYTES = 64 * 1024

/**
 * A segment closes at this much. Reading a partition in order opens a whole segment at once (its pages are sorted by
 * device), so this is also what a reader's view takes in memory.
 */
export const SEGMENT_PLAIN_BYTES = 32 * 1024 * 1024
export const SEGMENT_MESSAGES = 100_000
/** Rows of the log that one segment may take, however small they are. */
export const SEGMENT_BATCHES = 20_000

/** The oldest message of a backlog waits at most this long for its segment. */
export const REGROUP_AGE_MS = 10 * 60_000

/** Neighbours that together fit one segment become one, once there are this many of them. */
export const MERGE_SEGMENTS = 8
/** Segments looked at by one search for neighbours. */
export const MERGE_SEARCH_SEGMENTS = 64

/** Opened segments kept for readers of partitions, plain bytes of all together. */
export const VIEWS_BYTES_MAX = 96 * 1024 * 1024
/** Opened batches of the log kept for readers that follow (at most 1 MiB each). */
export const OPEN_BATCHES_MAX = 32

/** One answer's messages: count, and bytes of their records (one message may exceed the latter alone). */
export const ANSWER_MESSAGES_MAX = 10_000
export const ANSWER_BYTES_MAX = 2 * 1024 * 1024

/** Work done without letting others have a turn, in milliseconds. */
export const SLICE_MS = 8
/** A transaction of background work writes about this much. */
export const TRANSACTION_BYTES = 1024 * 1024
/** Pages deleted by one transaction. */
export const DELETE_PAGES = 32

export const CHECKPOINT_BYTES = 4 * 1024 * 1024

/** Free pages above this share of the file (and `VACUUM_BYTES_MIN`) go back to the file system. */
export const VACUUM_SHARE = 0.2
export const VACUUM_BYTES_MIN = 64 * 1024 * 1024
export const VACUUM_PAGES = 64

/** Pause after the disk refused, and between looks at the backlog when there is nothing to do. */
export const RETRY_MS = 2_000
export const IDLE_MS = 1_000

/** A file up to this size is checked whole at every start (about 0.1 s) … */
export const CHECK_ALWAYS_BYTES = 128 * 1024 * 1024
/** … and up to this size after an unclean stop; a larger one by `verify` only. */
export const CHECK_BYTES_MAX = 512 * 1024 * 1024

/** Data keys held at once: ten years of daily epochs. */
export const KEYS_MAX = 4_096

/** Findings that `verify` lists one by one. */
export const FINDINGS_MAX = 100

/** zstd level of pages: 1 is twice as fast as 3 at a few per cent more bytes. */
export const ZSTD_LEVEL = 1

/** Segments or batches that one look at retention takes out of use in a partition. */
export const RETENTION_STEPS_MAX = 32
