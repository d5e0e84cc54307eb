/** Writes a bundle from wherever a log is kept, tile by tile: in memory are 256 entries and no more. */

import { TILE_WIDTH, type TileAddress } from '@holdfast/tlog'
import { type BundleEntry, BUNDLE_VERSION, formatBundleLine, tilesBefore } from './bundle.ts'

/** A log as it is kept. It tells what is there, right or wrong: the reader is who judges. */
export interface BundleSource {
  /** As vkey. */
  readonly key: string
  /** Entries that the bundle is to have; those that come later are left out. */
  readonly size: number
  /**
   * Size of the last checkpoint that was kept when `size` was taken; -1 if there was none. Those that are signed while the
   * bundle is written sign for entries that it leaves out, and beside it would look like a log that was cut short.
   */
  readonly lastCheckpoint: number
  readonly hasBodies: boolean
  /** Those that are kept with an index in `[first, first + count)`, by index. */
  entries(first: number, count: number): Promise<readonly BundleEntry[]>
  /** The hashes of a tile, `32 * width` bytes; undefined if it is lost. */
  tile(address: TileAddress): Promise<Uint8Array | undefined>
  /** Checkpoints that were kept with a size in `[first, last]`, by size, with their cosignatures. */
  checkpoints(first: number, last: number): Promise<readonly { readonly size: number; readonly note: string }[]>
}

/** Lines with their newlines. Rejects when the source does. */
export async function* writeBundle(source: BundleSource): AsyncGenerator<string> {
  const { key, size, lastCheckpoint, hasBodies } = source
  yield formatBundleLine({ kind: 'bundle', version: BUNDLE_VERSION, key, hasBodies })
  for (let first = 0; first < size; first += TILE_WIDTH) yield* oneTile(source, first)
  for (const { note } of await source.checkpoints(size, lastCheckpoint)) {
    yield formatBundleLine({ kind: 'checkpoint', note })
  }
  yield formatBundleLine({ kind: 'end', entries: size })
}

async function* oneTile(source: BundleSource, first: number): AsyncGenerator<string> {
  const count = Math.min(TILE_WIDTH, source.size - first)
  const checkpoints = await source.checkpoints(first, first + count - 1)
  const entries = await source.entries(first, count)
  const notes = new Map<number, string[]>()
  for (const { size, note } of checkpoints) notes.set(size, [...(notes.get(size) ?? []), note])
  const rows = new Map<number, BundleEntry[]>()
  for (const entry of entries) rows.set(entry.index, [...(rows.get(entry.index) ?? []), entry])
  for (let index = first; index < first + count; index += 1) {
    for (const note of notes.get(index) ?? []) yield formatBundleLine({ kind: 'checkpoint', note })
    for (const tile of index === first ? tilesBefore(index, source.size) : []) {
      const hashes = await source.tile(tile)
      if (hashes !== undefined) yield formatBundleLine({ kind: 'tile', ...tile, hashes })
    }
    for (const entry of rows.get(index) ?? []) yield formatBundleLine(entry)
  }
}
