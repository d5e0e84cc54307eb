/** Every bound of this package. */

/**
 * Enrolment groups, all together. A device of a symmetric group does not name its group, so each is tried; Azure allows
 * 100 of each kind. Four HMACs a group: 200 cost about two milliseconds, and failures are throttled by address.
 */
export const ENROLLMENT_GROUPS_MAX = 200

/** Operations remembered, about 1 KiB each; past it the oldest finished one is forgotten. */
export const OPERATIONS_MAX = 20_000

/** Operations that are being carried out at once; the next one is told to come back. */
export const OPERATIONS_RUNNING_MAX = 1_000

/** Operations remembered of one registration: clients that register anew while others poll find theirs. */
export const OPERATIONS_PER_REGISTRATION_MAX = 4

/** How long an operation can be polled, in milliseconds; clients poll for seconds. */
export const OPERATION_LIFETIME_MS = 600_000

/** How often an assignment is tried again, at polls, when the store fails. */
export const ASSIGNMENT_ATTEMPTS_MAX = 5

/** When a client polls next, in seconds. An assignment takes milliseconds here; whole seconds are all that can be said. */
export const RETRY_AFTER_SECONDS = 1

/** When a client that was throttled comes back, in seconds. */
export const THROTTLED_RETRY_AFTER_SECONDS = 10

/** How often a write without If-Match is tried again when others write the same record. */
export const WRITE_ATTEMPTS_MAX = 5

/** Records looked at for one page of a query with conditions; a page may come back short, with a continuation. */
export const QUERY_SCAN_MAX = 5_000

/** Records read from the store at a time while a query filters. */
export const QUERY_BATCH = 500

/** Bytes of a key that we make for an enrolment, as Azure does. */
export const KEY_BYTES = 64

/** Bytes of randomness in an ETag and in an operation id. */
export const ETAG_BYTES = 8
export const OPERATION_ID_BYTES = 16

/** Longest chain that is looked at, leaf included; the fronts pass on no more. */
export const CHAIN_CERTIFICATES_MAX = 8

/** Chains of devices remembered for resumed TLS sessions, at most 8 certificates each; some 4 KiB, so 8 MiB in all. */
export const CHAINS_REMEMBERED_MAX = 2_000

/** How long a challenge to a TPM may be answered at least, in milliseconds; at most twice as long. Slow parts take 20 s. */
export const CHALLENGE_WINDOW_MS = 300_000

/** Answered challenges remembered for OPERATION_LIFETIME_MS, about 1 KiB each; past it the next device is told to come back. */
export const ACTIVATIONS_MAX = 20_000

/** Bytes of the keys that TPMs sign tokens with: as long as the digest. */
export const ACTIVATION_KEY_BYTES = 32
