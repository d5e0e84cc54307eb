/** Every bound of running queries, with its unit and its reason. */

/** Bytes of the documents on one page: a thousand twins may be 80 MB. A page that is full of them ends early. */
export const PAGE_BYTES_MAX = 4 * 1024 * 1024

/** Rows that one step looks at: first, at least and at most. Between the last two it follows the time a step takes. */
export const STEP_ROWS_FIRST = 4
export const STEP_ROWS_MIN = 1
export const STEP_ROWS_MAX = 4_096

/** What a step should take at most, in milliseconds: for so long nobody else is answered by the state thread. */
export const STEP_MS = 2

/** Milliseconds after which a page goes out with what it has, be it nothing, and a continuation; clients ask on. */
export const PAGE_MS_MAX = 5_000

/** Groups of one query; they are held until the last row was looked at. Some 200 bytes each. */
export const GROUPS_MAX = 10_000

/** Bytes of the values that tell one group from another, and that MIN and MAX hold, all groups together. */
export const GROUP_BYTES_MAX = 8 * 1024 * 1024

/** Queries that run at once, each with a page in memory; and those that wait for one of them to end. */
export const QUERIES_RUNNING_MAX = 8
export const QUERIES_WAITING_MAX = 256

/** Entries of an index that are counted to choose between indexes, and ranges of one list that are looked at for it. */
export const PROBE_ENTRIES = 1_000
export const PROBE_RANGES = 16

/** Characters of a continuation token: three ids and a tag's value, in base64. */
export const CONTINUATION_CHARACTERS_MAX = 4_096
