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
