/** Every bound of this package, with its unit and its reason. */

/** Sinks of a hub: each has a batch in memory. */
export const SINKS_MAX = 32

/** Entries read at once, and given to a receiver at once. */
export const READ_ENTRIES = 500
export const BATCH_ENTRIES_MAX = 100

/** Characters of the entries of one batch, as JSON: a receiver's usual limit on bodies is a megabyte. */
export const BATCH_CHARACTERS_MAX = 512 * 1024

/** Entries that a filter passes over before that is written down: what is read again after a crash. */
export const UNSAVED_ENTRIES_MAX = 5_000

/** Between two attempts, in milliseconds: it doubles from the first to the last. */
export const RETRY_MS_MIN = 1_000
export const RETRY_MS_MAX = 300_000

/** What a receiver may ask for by Retry-After, in milliseconds. */
export const RETRY_AFTER_MS_MAX = 3_600_000

/** Failures in a row that make a sink one that fails, which is told once. */
export const FAILURES_TOLD = 3

/** How often one entry that is refused for good is tried before it is set aside. */
export const REFUSALS_MAX = 3

/**
 * What may be set aside of one sink. A receiver that refuses so much refuses everything: then the sink holds, and its
 * backlog grows where everybody sees it.
 */
export const SET_ASIDE_MAX = 1_000

/** Secrets of a webhook that sign at a time: the current one, and those whose overlap is not over. */
export const SECRETS_MAX = 3

/** For how long the former secret goes on signing, in milliseconds: unless told, and at most. */
export const OVERLAP_MS = 86_400_000
export const OVERLAP_MS_MAX = 30 * 86_400_000

/** Bytes of a secret; Standard Webhooks asks for 24 to 64. */
export const SECRET_BYTES = 32

/** Headers that a sink sends, and characters of each value. */
export const HEADERS_MAX = 16
export const HEADER_CHARACTERS_MAX = 4_096

/** Characters of PEM: a chain of a few certificates. */
export const PEM_CHARACTERS_MAX = 32_768

/** Characters of what a receiver says of why it refused something; for the operator, with control characters out. */
export const REASON_CHARACTERS_MAX = 200
