/** Bounds of the telemetry log. Bytes unless the name says otherwise. */

/**
 * Page of `log.db`. Measured on a local SSD with four batches a commit: 8 KiB gives as much as 16 KiB when batches are
 * large and twice as much when they are small (a commit rewrites whole pages); 4 KiB is a fifth slower when large.
 */
export const LOG_PAGE_BYTES = 8_192

/** Page cache of a connection, KiB: the inner nodes and the open ends of table and index, with room. */
export const LOG_CACHE_KIB = 16 * 1024

/**
 * The WAL is copied into the file when it has grown by this much. A checkpoint stands in the way of the next commit:
 * 4 MiB takes 5 to 12 ms, 16 MiB 20 to 40 ms, at the same throughput.
 */
export const CHECKPOINT_BYTES = 4 * 1024 * 1024

/** While a checkpoint cannot finish (a full disk), it is tried again only after this many further bytes. */
export const CHECKPOINT_RETRY_BYTES = 16 * 1024 * 1024

/** What one trimming transaction removes: about 2 ms of work between two commits. */
export const TRIM_ROWS_MAX = 64
export const TRIM_BYTES_MAX = 1024 * 1024

/** Free pages above this share of the file (and `VACUUM_BYTES_MIN`) are given back to the file system. */
export const VACUUM_SHARE = 0.5
export const VACUUM_BYTES_MIN = 64 * 1024 * 1024
/** Pages moved by one vacuum transaction. */
export const VACUUM_PAGES = 128

/** A file up to this size is checked whole at every start (about 0.1 s); a larger one only after an unclean stop. */
export const CHECK_ALWAYS_BYTES = 128 * 1024 * 1024

/** Partitions of a new log when nobody says otherwise. */
export const PARTITIONS_DEFAULT = 4
