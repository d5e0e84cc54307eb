/** Every bound of this package, with its unit and its reason. */

/** Bytes of one line of a manifest: a certificate of 4 KiB in base64, and the rest of a line. */
export const MANIFEST_LINE_BYTES_MAX = 16_384

/** Lines of one manifest, and its bytes: a year of a factory in some files, each checked whole before it is taken. */
export const MANIFEST_LINES_MAX = 1_000_000
export const MANIFEST_BYTES_MAX = 512 * 1_048_576

/** Bytes of a detached signature: RSA of 8,192 bits. */
export const SIGNATURE_BYTES_MAX = 1_024

/** Entries handed to the store at once: a transaction of some milliseconds, between which others get their turn. */
export const IMPORT_BATCH = 128

/** Characters of a serial number, of a manifest's name, of an owner's name and of a reason. */
export const SERIAL_CHARACTERS_MAX = 128
export const MANIFEST_NAME_CHARACTERS_MAX = 128
export const OWNER_CHARACTERS_MAX = 128
export const REASON_CHARACTERS_MAX = 256

/** Manufacturers whose keys count, and owners; all manufacturers are in memory. */
export const MANUFACTURERS_MAX = 200
export const OWNERS_MAX = 10_000

/** Bytes of the public area of an endorsement key (TPMT_PUBLIC of RSA 4096 with everything in it is under 700). */
export const ENDORSEMENT_KEY_BYTES_MAX = 1_024

/** Characters of a claim code without blanks and dashes, and of what is typed. */
export const CODE_CHARACTERS_MIN = 8
export const CODE_CHARACTERS_MAX = 128

/** Bytes of randomness in a code that the hub makes: 120 bits, 24 characters of base32. */
export const CODE_BYTES = 15

/** How long an offered transfer waits to be accepted, in milliseconds. */
export const TRANSFER_LIFE_MS = 7 * 24 * 3_600_000

/** How long an entry of a manifest waits for its owner unless the operator says otherwise, in milliseconds. */
export const CLAIM_LIFE_MS = 180 * 24 * 3_600_000

/** Wrong codes that one actor may try: ten at once, then one in a minute; all actors together ten times that. */
export const ACTOR_GUESSES = { perSecond: 1 / 60, burst: 10 } as const
export const ALL_GUESSES = { perSecond: 1 / 6, burst: 100 } as const

/** Actors whose guesses are counted one by one; about 100 bytes each. */
export const GUESSERS_MAX = 10_000

/** Entries that expire in one step, and retirements and transfers finished in one: some milliseconds of the disk. */
export const SWEEP_MAX = 500

/** Steps of one sweep; what is left waits for the next. */
export const SWEEP_STEPS_MAX = 20

/** Lives of devices remembered in memory, that there is none included; about 300 bytes each. */
export const LIVES_CACHED_MAX = 200_000

/** Records of one page of a list. */
export const PAGE_MAX = 1_000
