/** Every bound of this package, with its unit and its reason. */

/** Characters of one text in a log line; the rest is cut. A peer's text may be among them. */
export const LOG_TEXT_LENGTH_MAX = 4_096

/** Errors of a chain of causes that are logged. */
export const LOG_CAUSES_MAX = 5

/** Levels into which a field is written; deeper objects are shown as `[Object]`. */
export const LOG_DEPTH_MAX = 5

/** Members of an object or list that are written. */
export const LOG_MEMBERS_MAX = 100

/** Bytes of lines held while standard error takes nothing; then lines are dropped and counted. */
export const LOG_HELD_BYTES_MAX = 1024 * 1024

/** Buckets of a histogram, the last one without upper bound not counted. */
export const HISTOGRAM_BUCKETS_MAX = 64

/** Label sets of one metric; what is beyond is not shown. Labels are ours (reasons, threads), never a peer's ids. */
export const LABEL_SETS_MAX = 1_000
