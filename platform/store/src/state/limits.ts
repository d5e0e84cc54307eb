/** Every bound of `state.db`, with its unit and its reason. */

/**
 * Writes that share one transaction, and so one fsync. Reads wait for the transaction to end: 256 writes of about
 * 150 microseconds keep them for 40 ms at the most.
 */
export const GROUP_WRITES_MAX = 256

/** Writes that wait for a transaction; one more is refused as `busy`. Some 1 KiB each. */
export const WAITING_WRITES_MAX = 65_536

/** Prepared statements kept; the fixed queries are about forty. */
export const STATEMENTS_MAX = 256

/** Records of one list call. */
export const PAGE_RECORDS_MAX = 1_000

/** Certificates of one device read in one call, those of its modules among them: 51 identities with 32 each, and some. */
export const IDENTITY_CERTIFICATES_MAX = 2_048

/** Presences written in one call: some 3 ms of the thread. */
export const PRESENCE_RECORDS_MAX = 500

/** Values re-sealed in one step: some 10 ms of the thread. */
export const RESEAL_ROWS_MAX = 500

/** Messages to devices changed in one call: each is two or three statements, some 30 ms of the thread together. */
export const COMMAND_CHANGES_MAX = 256

/** Sealed contents of messages moved in one step of re-sealing: 64 KiB each, a megabyte or two to write. */
export const RESEAL_CONTENTS_MAX = 32

/** KiB of database pages kept in memory: the inner nodes and the busy leaves of a million identities. */
export const CACHE_KIB = 32 * 1024

/** Milliseconds to wait for another process that has the file; the hub's own lock on the folder comes before. */
export const BUSY_MS = 250

/** Characters of a setting's name and of its value. */
export const SETTING_NAME_LENGTH_MAX = 100
export const SETTING_VALUE_LENGTH_MAX = 65_536
