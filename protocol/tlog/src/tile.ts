/**
 * Tiles: the tree cut into pieces of height 8 that never change once full (C2SP tlog-tiles, "Merkle Tree"). Tile `index` of
 * `level` holds the hashes of subtrees `[256 * index, 256 * index + width)` of tree level `8 * level`.
 */

import type { Hash } from './hash.ts'
import { HASH_BYTES } from './hash.ts'
import type { Subtree } from './subtree.ts'
import { coverOf, foldCover } from './subtree.ts'

/** Tree levels that a tile spans. */
export const TILE_HEIGHT = 8

/** Hashes of a full tile. */
export const TILE_WIDTH = 256

/** Bytes of a full tile. */
export const TILE_BYTES = TILE_WIDTH * HASH_BYTES

/** Levels of tiles of the largest tree. */
export const TILE_LEVELS_MAX = 7

/** Where a tile stands, and how many hashes it has: 256, or 1 to 255 while it is partial. */
export interface TileAddress {
  /** 0 holds hashes of leaves. */
  readonly level: number
  readonly index: number
  readonly width: number
}

/** Which tile holds what a subtree's hash is made of. */
export interface TilePart {
  readonly level: number
  readonly index: number
  /** The subtree within the tile: `[first, first + count)` of its hashes. */
  readonly first: number
  readonly count: number
}

/** How many hashes tile level `level` has in all, for a tree of `size` leaves: full tiles, then a partial one. */
export function tileLevelHashes(level: number, size: number): number {
  return Math.floor(size / TILE_WIDTH ** level)
}

/** The width of one tile in a tree of `size` leaves: 0 (it is not there yet) to 256. */
export function tileWidth(level: number, index: number, size: number): number {
  return Math.max(0, Math.min(TILE_WIDTH, tileLevelHashes(level, size) - index * TILE_WIDTH))
}

/** The tiles at the right edge of a tree of `size` leaves that are not full, lowest level first. */
export function partialTiles(size: number): readonly TileAddress[] {
  const tiles: TileAddress[] = []
  for (let level = 0; tileLevelHashes(level, size) > 0; level += 1) {
    const hashes = tileLevelHashes(level, size)
    const width = hashes % TILE_WIDTH
    if (width > 0) tiles.push({ level, index: Math.floor(hashes / TILE_WIDTH), width })
  }
  return tiles
}

/** The tile that has a complete subtree, for any size of the tree that has the subtree. */
export function tilePart({ level, index }: Subtree): TilePart {
  const tileLevel = Math.floor(level / TILE_HEIGHT)
  const count = 2 ** (level % TILE_HEIGHT)
  const first = index * count
  return { level: tileLevel, index: Math.floor(first / TILE_WIDTH), first: first % TILE_WIDTH, count }
}

/** One hash of a tile's bytes; no copy. @throws RangeError if the tile is not as wide. */
export function hashOfTile(tile: Uint8Array, at: number): Hash {
  const end = (at + 1) * HASH_BYTES
  if (at < 0 || end > tile.length) throw new RangeError('the tile has no such hash')
  return tile.subarray(at * HASH_BYTES, end)
}

/** The hash of a subtree, from the bytes of its tile. @throws RangeError if the tile is not wide enough. */
export function subtreeOfTile(tile: Uint8Array, { first, count }: Pick<TilePart, 'first' | 'count'>): Hash {
  if (count === 1) return hashOfTile(tile, first)
  return foldTile(tile.subarray(0, (first + count) * HASH_BYTES), first, count)
}

/** The hash over a tile of any width of at least 1: of a full one, its place in the level above. */
export function hashOverTile(tile: Uint8Array): Hash {
  return foldTile(tile, 0, tile.length / HASH_BYTES)
}

function foldTile(tile: Uint8Array, first: number, count: number): Hash {
  const read = ({ level, index }: Subtree): Hash =>
    level === 0
      ? hashOfTile(tile, index)
      : foldCover(
          [
            { level: level - 1, index: 2 * index },
            { level: level - 1, index: 2 * index + 1 },
          ],
          read,
        )
  return foldCover(coverOf(first, first + count), read)
}
