/** Every bound of this package. */

/** Longest token text that is looked at, in UTF-16 units; the longest the SDKs make is under 1 KiB. */
export const TOKEN_CHARACTERS_MAX = 4_096

/** Fields of one token; four are defined, the rest are unknown ones that are carried along. */
export const TOKEN_FIELDS_MAX = 8

/** Digits of `se` before the point. Expiries of the far future are legal, endless ones are not. */
export const EXPIRY_DIGITS_MAX = 32

/** Bytes of a decoded symmetric key, both ends included (azure-iot.md §2). */
export const KEY_BYTES_MIN = 16
export const KEY_BYTES_MAX = 64

/** Bytes of HMAC-SHA-256. */
export const SIGNATURE_BYTES = 32

/** Path segments of a resource; the deepest defined (an Event Hubs partition) has five. */
export const RESOURCE_SEGMENTS_MAX = 16

/** Longest connection string, in UTF-16 units: a token inside and some names. */
export const CONNECTION_STRING_CHARACTERS_MAX = 8_192

/** Fields of one connection string; eight are defined for any one kind. */
export const CONNECTION_STRING_FIELDS_MAX = 16

/**
 * How far the clock of whoever made a token may run behind ours, in milliseconds. Azure tolerates about five minutes
 * (azure-iot.md §2). The caller decides whether to grant it.
 */
export const EXPIRY_SKEW_MS = 300_000

/** Last moment that `Date` can show, in milliseconds: later expiries are cut to it, so that every expiry can be printed. */
export const LAST_TIMESTAMP_MS = 8_640_000_000_000_000
