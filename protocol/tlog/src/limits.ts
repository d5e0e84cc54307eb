/** Every bound of this package, with its unit and reason. */

/** Most leaves of a tree. Sizes are exact numbers up to here; a log of a million leaves a second takes 285 years to fill it. */
export const TREE_SIZE_MAX = Number.MAX_SAFE_INTEGER

/** Levels above the leaves of the largest tree, hence also the longest path from a leaf to a root, in hashes. */
export const TREE_HEIGHT_MAX = 53

/** Longest entry, in bytes: tlog-tiles gives its length two bytes. */
export const ENTRY_BYTES_MAX = 65_535

/** Longest bundle of entries that is read, in bytes: 256 entries of the longest kind and their lengths. */
export const ENTRY_BUNDLE_BYTES_MAX = 256 * (2 + ENTRY_BYTES_MAX)

/** Longest path of a tile, in characters: `tile/entries/` or a level, six elements of a 53-bit index, a width. */
export const TILE_PATH_CHARACTERS_MAX = 64

/** Longest signed note that is read, in bytes: 16 signatures of 5 kB, which signed-note asks for, and as much again. */
export const NOTE_BYTES_MAX = 163_840

/** Most signatures of a note that are looked at: four times what signed-note asks for. */
export const NOTE_SIGNATURES_MAX = 64

/** Longest name of a key and longest origin, in UTF-8 bytes: what tlog-cosignature can sign for. */
export const NAME_BYTES_MAX = 255

/** Most extension lines of a checkpoint; they are not recommended, and mean nothing to us. */
export const EXTENSIONS_MAX = 16

/** Most hashes of a proof that is read: tlog-witness allows 63. A consistency proof may name a hash and a path beside it. */
export const PROOF_HASHES_MAX = 63

/** Longest request to a witness, in bytes: a note, and 63 hashes of 45 characters. */
export const WITNESS_REQUEST_BYTES_MAX = NOTE_BYTES_MAX + 4_096

/** Longest proof of inclusion with what comes along, in bytes: a note, its hashes, and the longest entry in base64. */
export const TLOG_PROOF_BYTES_MAX = NOTE_BYTES_MAX + 98_304

/** Requests of a witness that wait while one of their log is written down; each is up to 168 kB. */
export const WITNESS_QUEUE_MAX = 64
