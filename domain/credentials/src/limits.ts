/** Every bound of this package. */

const DAY_MS = 86_400_000

/** Profiles that may exist; they are few, held in memory and kept as one setting of at most 64 KiB. */
export const PROFILES_MAX = 32

/** Characters of a profile's name: it stands in the address of EST as a label. */
export const PROFILE_NAME_CHARACTERS_MAX = 32

/**
 * Shortest and longest life of a certificate, in milliseconds. A second serves demonstrations; ten years is the life of
 * a device that nobody reaches, and no certificate outlives its issuer anyhow.
 */
export const LIFETIME_MS_MIN = 1_000
export const LIFETIME_MS_MAX = 3_653 * DAY_MS

/** Longest time after its end for which a certificate is still good for its own renewal, in milliseconds. */
export const GRACE_MS_MAX = 3_653 * DAY_MS

/** Longest time for which a session on a certificate outlives the first sight of its successor, in milliseconds. */
export const OVERLAP_MS_MAX = 30 * DAY_MS

/** Characters of the domain that a profile may put behind a device's id in an alternative name. */
export const DOMAIN_CHARACTERS_MAX = 180

/** Certificates of one identity that are good at once: one in use, and one that is to follow it. */
export const LIVE_MAX = 2

/** Records kept of one identity; what lies past them is forgotten, the oldest that has ended first. */
export const RECORDS_PER_IDENTITY_MAX = 32

/** Records remembered in memory, and digests known to be on no record; about 1 KiB and 150 bytes each. */
export const RECORDS_CACHED_MAX = 50_000
export const UNKNOWN_CACHED_MAX = 10_000

/** Requests for a certificate under way at once: each waits for a signature and for the disk. */
export const ISSUES_RUNNING_MAX = 256

/** Sessions on retired certificates that wait for the end of their overlap; more are closed at once. */
export const OVERLAPS_MAX = 100_000

/** How often it is written down that a certificate was seen, in milliseconds. */
export const SEEN_EVERY_MS = DAY_MS

/** Records of one page of a list. */
export const PAGE_ITEMS_MAX = 1_000

/** Characters of a reason that an operator gives. */
export const REASON_CHARACTERS_MAX = 128

/** Identities whose records could not be brought in line with what became of them, to be tried again. */
export const UNSETTLED_MAX = 10_000

/** Bytes of a serial number: 16 random ones (RFC 5280 §4.1.2.2 asks for at most 20, positive). */
export const SERIAL_BYTES = 16

/** How long the record of a certificate is kept after it can be of no use any more, in milliseconds. */
export const RECORD_KEPT_MS = 90 * DAY_MS

/** Bytes of a body of EST: base64 with line breaks, or PEM, of a request of at most 16 KiB. */
export const EST_BODY_BYTES_MAX = 24_576

/** Characters of the value of an `Authorization` header that EST looks at. */
export const AUTHORIZATION_CHARACTERS_MAX = 4_096
