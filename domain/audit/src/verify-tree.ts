/**
 * The tree of a log, built twice: from what its entries say, and from the hashes that it keeps in tiles. Where the two
 * part, a signed root tells which of them was altered.
 */

import { Frontier, type Hash, TILE_WIDTH, type TileAddress, hashOfTile, hashOverTile, isSameHash } from '@holdfast/tlog'

export type RootVerdict =
  /** Both trees have it. */
  | 'same'
  /** Only the tree of the entries has it: the tiles were altered. */
  | 'entries'
  /** Only the tree of the tiles has it: the entries were altered. */
  | 'tiles'
  | 'neither'

export class TwoTrees {
  #entries = Frontier.empty()
  /** Undefined as long as it is that of the entries: most logs never part. */
  #tiles: Frontier | undefined
  /** The tile of each level that covers the next entry, as far as it came. */
  readonly #open: (Uint8Array | undefined)[] = []
  #lastKept: Hash | undefined
  #size = 0
  #isLost = false

  /** Entries that were appended, or passed over. */
  get size(): number {
    return this.#size
  }

  /** What the tile has for the entry that was appended last; undefined if it has nothing. */
  get lastKept(): Hash | undefined {
    return this.#lastKept
  }

  /** An entry is missing of which no hash is left: no root can be made from here on. */
  get isLost(): boolean {
    return this.#isLost
  }

  /**
   * Takes a tile that stands before the next entry.
   * @returns what it contradicts, or undefined.
   */
  openTile({ level, index }: TileAddress, hashes: Uint8Array): string | undefined {
    const span = TILE_WIDTH ** (level + 1)
    if (index * span !== this.#size) return `tile ${index} of level ${level} stands at another place`
    this.#open[level] = hashes
    if (hashes.length < TILE_WIDTH * 32) return undefined
    const above = this.#open[level + 1]
    const at = index % TILE_WIDTH
    if (above === undefined || above.length < (at + 1) * 32)
      return `tile ${index} of level ${level} is full, and level ${level + 1} lacks it`
    if (isSameHash(hashOfTile(above, at), hashOverTile(hashes))) return undefined
    return `the hash over tile ${index} of level ${level} is not what level ${level + 1} has for it`
  }

  /**
   * Appends the next entry.
   * @param leaf its hash; undefined if the entry is missing.
   * @returns `other` if the tile has another hash for it, `no-tile` if it has none.
   */
  append(leaf: Hash | undefined): 'same' | 'other' | 'no-tile' {
    const at = this.#size % TILE_WIDTH
    const tile = this.#open[0]
    const kept = tile === undefined || tile.length < (at + 1) * 32 ? undefined : hashOfTile(tile, at)
    this.#lastKept = kept
    const own = leaf ?? kept
    if (own === undefined) this.#isLost = true
    if (own !== undefined && !this.#isLost) {
      if (kept !== undefined && !isSameHash(own, kept)) this.#tiles ??= this.#entries.clone()
      this.#entries.append(own)
      this.#tiles?.append(kept ?? own)
    }
    this.#size += 1
    this.#close()
    if (kept === undefined) return 'no-tile'
    return leaf === undefined || isSameHash(leaf, kept) ? 'same' : 'other'
  }

  /** Passes over missing entries, as far as tiles still have their hashes, and then at once. */
  skipTo(size: number): void {
    while (this.#size < size && !this.#isLost) this.append(undefined)
    if (this.#size >= size) return
    this.#size = size
    this.#open.fill(undefined)
  }

  /** Compares with a root that was signed for as many entries as there are now. The tree that has it is gone on from. */
  compare(root: Hash): RootVerdict | 'lost' {
    if (this.#isLost) return 'lost'
    const tiles = this.#tiles
    const byEntries = isSameHash(this.#entries.root(), root)
    if (tiles === undefined) return byEntries ? 'same' : 'neither'
    const byTiles = isSameHash(tiles.root(), root)
    if (!byTiles && !byEntries) return 'neither'
    if (!byEntries) this.#entries = tiles
    this.#tiles = undefined
    return byEntries ? 'entries' : 'tiles'
  }

  /** Forgets tiles whose last entry has passed. */
  #close(): void {
    for (let level = 0, span = TILE_WIDTH; level < this.#open.length; level += 1, span *= TILE_WIDTH) {
      if (this.#size % span !== 0) break
      this.#open[level] = undefined
    }
  }
}
