/** Appends leaves and says which tiles became full: what a log keeps for good. Holds the right edge alone, 57 kB at most. */

import type { Hash } from './hash.ts'
import { HASH_BYTES, isHash } from './hash.ts'
import { Frontier } from './frontier.ts'
import type { TileAddress } from './tile.ts'
import { TILE_BYTES, TILE_WIDTH, hashOverTile, partialTiles } from './tile.ts'

/** A tile that will never change. */
export interface FullTile {
  readonly level: number
  readonly index: number
  /** 8,192 bytes, the receiver's. */
  readonly bytes: Uint8Array
}

/** Gives the bytes of a tile of the right edge, `width` hashes. */
export type ReadTile = (tile: TileAddress) => Uint8Array

interface Edge {
  bytes: Uint8Array
  width: number
  index: number
}

export class TileBuilder {
  readonly #frontier: Frontier
  readonly #edges: Edge[]

  private constructor(frontier: Frontier, edges: Edge[]) {
    this.#frontier = frontier
    this.#edges = edges
  }

  static empty(): TileBuilder {
    return new TileBuilder(Frontier.empty(), [])
  }

  /**
   * Goes on from a log of `size` leaves. `read` is asked for partial tiles, one a level at most (`partialTiles`).
   * @throws TypeError if it gives one of another width.
   */
  static read(size: number, read: ReadTile): TileBuilder {
    const edges: Edge[] = []
    for (const tile of partialTiles(size)) {
      const bytes = read(tile)
      if (bytes.length !== tile.width * HASH_BYTES) throw new TypeError('a tile of another width was asked for')
      edgeAt(edges, tile.level, size).bytes.set(bytes)
    }
    // Highest level first, as the leaves stand from left to right; within a tile the largest subtrees stand left too.
    const hashes: Hash[] = []
    for (const { bytes, width } of edges.toReversed()) {
      for (let rest = width, at = 0; rest > 0; ) {
        const count = 2 ** (31 - Math.clz32(rest))
        hashes.push(hashOverTile(bytes.slice(at * HASH_BYTES, (at + count) * HASH_BYTES)))
        at += count
        rest -= count
      }
    }
    return new TileBuilder(Frontier.of(size, hashes), edges)
  }

  get size(): number {
    return this.#frontier.size
  }

  root(): Hash {
    return this.#frontier.root()
  }

  /** Takes the hash of the next leaf. @returns the tiles it filled, lowest level first; most often none. */
  append(leaf: Hash): readonly FullTile[] {
    if (!isHash(leaf)) throw new TypeError('a leaf is appended by its hash')
    this.#frontier.append(leaf)
    const full: FullTile[] = []
    let hash: Hash | undefined = leaf
    for (let level = 0; hash !== undefined; level += 1) {
      const edge: Edge = edgeAt(this.#edges, level, 0)
      edge.bytes.set(hash, edge.width * HASH_BYTES)
      edge.width += 1
      if (edge.width < TILE_WIDTH) break
      full.push({ level, index: edge.index, bytes: edge.bytes })
      hash = hashOverTile(edge.bytes)
      edge.bytes = new Uint8Array(TILE_BYTES)
      edge.width = 0
      edge.index += 1
    }
    return full
  }

  /** The tiles of the right edge that are not full, lowest level first; copies. */
  partial(): readonly (TileAddress & { readonly bytes: Uint8Array })[] {
    return this.#edges.flatMap(({ bytes, width, index }, level) =>
      width === 0 ? [] : [{ level, index, width, bytes: bytes.slice(0, width * HASH_BYTES) }],
    )
  }

  /** One that goes on by itself: for appends that may yet be undone. */
  clone(): TileBuilder {
    return new TileBuilder(
      this.#frontier.clone(),
      this.#edges.map(({ bytes, width, index }) => ({ bytes: bytes.slice(), width, index })),
    )
  }
}

/** The edge of a level; made, with all below it, as the tree reaches it with `size` leaves. */
function edgeAt(edges: Edge[], level: number, size: number): Edge {
  for (let at = edges.length; at <= level; at += 1) {
    const hashes = Math.floor(size / TILE_WIDTH ** at)
    edges.push({
      bytes: new Uint8Array(TILE_BYTES),
      width: hashes % TILE_WIDTH,
      index: Math.floor(hashes / TILE_WIDTH),
    })
  }
  const edge = edges[level]
  if (edge === undefined) throw new TypeError('an edge was not made')
  return edge
}
