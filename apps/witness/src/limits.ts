/** Every bound of the witness, with its unit and reason. */

/** Connections at once. A log keeps one; more are verifiers, or somebody who holds them open. */
export const CONNECTIONS_MAX = 256

/** How long a request may take to come, in milliseconds. */
export const REQUEST_MS_MAX = 10_000

/** How long the header of a request may take, in milliseconds. */
export const HEADER_MS_MAX = 5_000

/** How long a connection may say nothing between requests, in milliseconds: logs come every ten seconds or so. */
export const KEEP_ALIVE_MS = 60_000

/** Bytes of a header. */
export const HEADER_BYTES_MAX = 8_192

/** Requests a second of one address (or /64), and how many at once. A log asks once in ten seconds. */
export const REQUESTS_PER_SECOND = 20
export const REQUESTS_BURST = 100

/** Addresses that are remembered. */
export const ADDRESSES_MAX = 4_096

/** Logs of one witness: what is written before each answer has a note of each. */
export const LOGS_MAX = 256

/** Longest state file, in bytes: 256 notes and keys. */
export const STATE_BYTES_MAX = 64 * 1024 * 1024

/** Longest file of a key or a certificate, in bytes. */
export const KEY_FILE_BYTES_MAX = 65_536

/** Contradictions that are kept, one file each: the first are what counts, and a forker cannot fill the disk. */
export const EVIDENCE_MAX = 64

/** How often the certificate is looked at, in milliseconds. */
export const CERTIFICATE_CHECK_MS = 6 * 3_600_000
