/** Whether the log agrees with itself and with what was signed of it. It says what is wrong first, by entry. */

import type { DatabaseSync } from 'node:sqlite'
import {
  HASH_BYTES,
  hashOfTile,
  hashOverTile,
  isSameHash,
  leafHash,
  TILE_WIDTH,
  type TileBuilder,
} from '@holdfast/tlog'
import { contentOf, ENTRY_COLUMNS, leafBytesOf } from './entries.ts'
import { CHECKED_ENTRIES_MAX } from './limits.ts'
import type { AuditCheckpoint, Contradiction } from './port.ts'
import type { AuditSecrets } from './secrets.ts'
import type { AuditTree } from './tree.ts'

export interface CheckParts {
  readonly database: DatabaseSync
  readonly tree: AuditTree
  readonly secrets: AuditSecrets
  readonly builder: TileBuilder
}

/** At the start: a few reads, whatever the size. Entries one by one are `checkStep`'s. */
export function checkWhole(
  { database, tree, builder }: Omit<CheckParts, 'secrets'>,
  checkpoint: AuditCheckpoint | undefined,
): Contradiction | undefined {
  const { size } = builder
  const count = Number(database.prepare('SELECT count(*) AS n FROM audit_entry').get()?.['n'])
  if (count !== size) return { what: 'entries are missing', entry: firstGap(database) }
  if (checkpoint === undefined) return undefined
  if (checkpoint.size > size) return { what: 'entries that were signed for are gone', entry: size }
  if (!isSameHash(tree.rootAt(checkpoint.size, builder), checkpoint.root)) {
    return { what: `its first ${checkpoint.size} entries are not those that were signed for` }
  }
  return undefined
}

/** Entries from `from` on, one by one, with the tiles that end among them. */
export function checkStep(
  parts: CheckParts,
  from: number,
): { readonly next?: number; readonly contradiction?: Contradiction } {
  const { database, builder, secrets } = parts
  const end = Math.min(builder.size, from + CHECKED_ENTRIES_MAX)
  const rows = database
    .prepare(`SELECT ${ENTRY_COLUMNS} FROM audit_entry WHERE n >= ? AND n < ? ORDER BY n`)
    .iterate(from, end)
  let index = from
  for (const row of rows) {
    if (Number(row['n']) !== index) return missing(index)
    const hash = leafHash(leafBytesOf(row))
    const kept = row['hash']
    const tile = parts.tree.tile(
      { level: 0, index: Math.floor(index / TILE_WIDTH), width: (index % TILE_WIDTH) + 1 },
      builder,
    )
    const isWhole =
      kept instanceof Uint8Array &&
      isSameHash(kept, hash) &&
      tile !== undefined &&
      isSameHash(hashOfTile(tile, index % TILE_WIDTH), hash)
    if (!isWhole) return { contradiction: { what: 'an entry was altered', entry: index } }
    if (contentOf(row, secrets).kind === 'unreadable') {
      return { contradiction: { what: 'the body of an entry was altered', entry: index } }
    }
    index += 1
    const wrong = index % TILE_WIDTH === 0 ? wrongAbove(parts, index / TILE_WIDTH - 1) : undefined
    if (wrong !== undefined) return { contradiction: wrong }
  }
  if (index < end) return missing(index)
  return end < builder.size ? { next: end } : {}
}

function missing(entry: number): { readonly contradiction: Contradiction } {
  return { contradiction: { what: 'an entry is missing', entry } }
}

/** The tiles above a full tile of level 0, as far as they end with it. */
function wrongAbove({ tree, builder }: CheckParts, index: number): Contradiction | undefined {
  let child = index
  for (let level = 0; ; level += 1) {
    const below = tree.tile({ level, index: child, width: TILE_WIDTH }, builder)
    const at = child % TILE_WIDTH
    const above = tree.tile({ level: level + 1, index: Math.floor(child / TILE_WIDTH), width: at + 1 }, builder)
    if (below === undefined || above === undefined || above.length < (at + 1) * HASH_BYTES) {
      return { what: `tile ${child} of level ${level} is lost`, entry: index * TILE_WIDTH }
    }
    if (!isSameHash(hashOverTile(below), hashOfTile(above, at))) {
      return { what: `tile ${child} of level ${level} was altered`, entry: index * TILE_WIDTH }
    }
    if (at < TILE_WIDTH - 1) return undefined
    child = Math.floor(child / TILE_WIDTH)
  }
}

function firstGap(database: DatabaseSync): number {
  const first = database.prepare('SELECT min(n) AS n FROM audit_entry').get()?.['n']
  if (first !== 0) return 0
  const row = database
    .prepare(
      `SELECT n + 1 AS gap FROM audit_entry AS e
       WHERE NOT EXISTS (SELECT 1 FROM audit_entry WHERE n = e.n + 1) ORDER BY n LIMIT 1`,
    )
    .get()
  return Number(row?.['gap'])
}
