/** Every bound of this package, with its unit and its reason. */

/** Bytes of a data key and of a key-encryption key: AES-256. */
export const KEY_BYTES = 32

/**
 * Entries of a ring, tombstones among them. A key a day for telemetry is 3,650 in ten years; the rest is room for
 * rotation on command. A full ring refuses to rotate rather than forget when a key was dropped.
 */
export const RING_ENTRIES_MAX = 65_536

/** Bytes of `ring.json` that are read: entries take about 230 bytes each. */
export const RING_BYTES_MAX = 32 * 1024 * 1024

/** Bytes of `kek.json` that are read: a few keys of 150 bytes each. */
export const KEK_BYTES_MAX = 64 * 1024

/** Key-encryption keys in `kek.json`: one, and one more while a rotation is under way. */
export const KEKS_MAX = 2

/** Epochs fit an unsigned 32-bit field of a batch's header. */
export const EPOCH_MAX = 0xffff_ffff

/** Bytes a provider may answer for 32 wrapped ones; a TPM or PKCS#11 blob is below 2 KiB. */
export const WRAPPED_BYTES_MAX = 4_096

/** Homes of key-encryption keys: one, and while keys move a second. One more, where what is left of a move stays unreachable. */
export const HOMES_MAX = 4

/** Bytes of `homes.json` that are read: four homes of 16 settings of 1,024 characters each. */
export const HOMES_BYTES_MAX = 128 * 1024

/** Settings of one home: paths and labels; the kinds there are have five at most. */
export const HOME_SETTINGS_MAX = 16

/** Bytes of a passphrase or PIN. Longer ones are a mistaken file. */
export const SECRET_BYTES_MAX = 1_024

/** Bytes of a passphrase that is newly set: what Argon2id slows down must still be worth guessing (NIST SP 800-63B: 8 at least). */
export const PASSPHRASE_BYTES_MIN = 12
