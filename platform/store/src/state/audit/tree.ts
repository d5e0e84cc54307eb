/** The tree over the entries, read from what the tables hold: full tiles, and the hashes of the newest entries. */

import type { DatabaseSync, StatementSync } from 'node:sqlite'
import {
  emptyRoot,
  foldCover,
  coverOf,
  HASH_BYTES,
  type Hash,
  hashOverTile,
  type Subtree,
  subtreeOfTile,
  TILE_WIDTH,
  type TileAddress,
  TileBuilder,
  tilePart,
  tileWidth,
} from '@holdfast/tlog'

/** In place of a hash that is lost: it makes every root over it another, and so shows. */
const LOST: Hash = new Uint8Array(HASH_BYTES)

export class AuditTree {
  readonly #database: DatabaseSync
  #tile: StatementSync | undefined
  #hashes: StatementSync | undefined

  constructor(database: DatabaseSync) {
    this.#database = database
  }

  /** Where the next entry goes: after the last that is there. */
  size(): number {
    return Number(this.#database.prepare('SELECT coalesce(max(n) + 1, 0) AS size FROM audit_entry').get()?.['size'])
  }

  builder(size: number): TileBuilder {
    return TileBuilder.read(size, (tile) => this.#edge(tile))
  }

  /**
   * The hashes of a tile as they are kept, of a log of `size` entries.
   * @returns undefined if the log has no such tile, or it is lost.
   */
  tile({ level, index, width }: TileAddress, builder: TileBuilder): Uint8Array | undefined {
    if (width > tileWidth(level, index, builder.size)) return undefined
    const kept = this.#full(level, index)
    if (kept !== undefined) return kept.slice(0, width * HASH_BYTES)
    const edge = builder.partial().find((tile) => tile.level === level && tile.index === index)
    return edge !== undefined && edge.width >= width ? edge.bytes.slice(0, width * HASH_BYTES) : undefined
  }

  /** The hash of a complete subtree. @throws RangeError if the log has no such one. */
  subtree(subtree: Subtree, builder: TileBuilder): Hash {
    const part = tilePart(subtree)
    const width = part.first + part.count
    const tile = this.tile({ level: part.level, index: part.index, width }, builder)
    if (tile !== undefined) return subtreeOfTile(tile, part).slice()
    if (width > tileWidth(part.level, part.index, builder.size)) throw new RangeError('the log has no such subtree')
    return LOST
  }

  /** The root over the first `size` entries, by the tiles. */
  rootAt(size: number, builder: TileBuilder): Hash {
    return size === 0 ? emptyRoot() : foldCover(coverOf(0, size), (subtree) => this.subtree(subtree, builder))
  }

  #full(level: number, index: number): Uint8Array | undefined {
    this.#tile ??= this.#database.prepare('SELECT hashes FROM audit_tile WHERE level = ? AND n = ?')
    const hashes = this.#tile.get(level, index)?.['hashes']
    return hashes instanceof Uint8Array && hashes.length === TILE_WIDTH * HASH_BYTES ? hashes : undefined
  }

  /** A tile that is not full, from what stands below it. */
  #edge({ level, index, width }: TileAddress): Uint8Array {
    const bytes = new Uint8Array(width * HASH_BYTES)
    const first = index * TILE_WIDTH
    if (level === 0) {
      this.#hashes ??= this.#database.prepare('SELECT n, hash FROM audit_entry WHERE n >= ? AND n < ?')
      for (const { n, hash } of this.#hashes.iterate(first, first + width)) {
        if (hash instanceof Uint8Array && hash.length === HASH_BYTES) bytes.set(hash, (Number(n) - first) * HASH_BYTES)
      }
      return bytes
    }
    for (let at = 0; at < width; at += 1) {
      const below = this.#full(level - 1, first + at)
      bytes.set(below === undefined ? LOST : hashOverTile(below), at * HASH_BYTES)
    }
    return bytes
  }
}
