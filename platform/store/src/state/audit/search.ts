/**
 * Finding entries by subject, actor, type and time, in bounded steps: what a step does not get through, the next one goes on
 * with. Entries are told in the order of the log.
 */

import type { DatabaseSync, SQLInputValue } from 'node:sqlite'
import { ownerOf } from '@holdfast/audit'
import { TILE_WIDTH } from '@holdfast/tlog'
import { auditEntryOf, ENTRY_COLUMNS, type EntryRow } from './entries.ts'
import { PAGE_ENTRIES_MAX, SCANNED_ROWS_MAX, SCANNED_TILES_MAX } from './limits.ts'
import type { AuditEntry, AuditPage, AuditQuery } from './port.ts'
import type { AuditSecrets } from './secrets.ts'

export interface SearchParts {
  readonly database: DatabaseSync
  readonly secrets: AuditSecrets
  /** Entries of the log. */
  readonly size: number
}

export function searchEntries(parts: SearchParts, query: AuditQuery): AuditPage {
  const isKeyed = query.subject !== undefined || query.actor !== undefined || query.type !== undefined
  const isTimed = query.from !== undefined || query.to !== undefined
  return !isKeyed && isTimed ? searchTime(parts, query) : searchKeys(parts, query)
}

/** By an index that leads from entry to entry; times only filter. */
function searchKeys({ database, secrets }: SearchParts, query: AuditQuery): AuditPage {
  const wheres: string[] = []
  const values: SQLInputValue[] = []
  if (query.subject !== undefined) {
    wheres.push('subject_tag = ?')
    values.push(secrets.tag('subject', ownerOf(query.subject)))
  }
  if (query.actor !== undefined) {
    wheres.push('actor_tag = ?')
    values.push(secrets.tag('actor', ownerOf(query.actor)))
  }
  if (query.type !== undefined) {
    // Told not to lead by it where a name does: of a type there may be millions.
    wheres.push(wheres.length === 0 ? 'type = ?' : '+type = ?')
    values.push(query.type)
  }
  return collect(rowsOf(database, query, { wheres, values, limit: SCANNED_ROWS_MAX }), { secrets, query })
}

/** By the times that tiles say of the entries below them; those of the last, which is none yet, are looked at one by one. */
function searchTime({ database, secrets, size }: SearchParts, query: AuditQuery): AuditPage {
  const { from = 0, to = Number.MAX_SAFE_INTEGER, order, after } = query
  const isOldest = order === 'oldest'
  const tiles = database
    .prepare(
      `SELECT n FROM audit_tile WHERE level = 0 AND latest >= ? AND earliest < ? AND ${isOldest ? 'n >= ?' : 'n <= ?'}
       ORDER BY n ${isOldest ? 'ASC' : 'DESC'} LIMIT ${SCANNED_TILES_MAX}`,
    )
    .all(from, to, after === undefined ? (isOldest ? 0 : size) : Math.floor(after / TILE_WIDTH))
    .map(({ n }) => Number(n))
  const tail = Math.floor(size / TILE_WIDTH)
  const ordered = isOldest ? [...tiles, tail] : [tail, ...tiles]
  const entries: AuditEntry[] = []
  const limit = Math.min(query.limit, PAGE_ENTRIES_MAX)
  let scanned = 0
  for (const tile of ordered) {
    if (scanned >= SCANNED_ROWS_MAX)
      return { entries, next: isOldest ? tile * TILE_WIDTH - 1 : (tile + 1) * TILE_WIDTH }
    const first = tile * TILE_WIDTH
    const wheres = ['n >= ?', 'n < ?']
    const rows = rowsOf(database, query, { wheres, values: [first, first + TILE_WIDTH], limit: TILE_WIDTH })
    scanned += TILE_WIDTH
    const page = collect(rows, { secrets, query: { ...query, limit: limit - entries.length } })
    entries.push(...page.entries)
    if (entries.length >= limit) return { entries, next: entries.at(-1)?.index ?? first }
  }
  return { entries }
}

interface Condition {
  readonly wheres: readonly string[]
  readonly values: readonly SQLInputValue[]
  readonly limit: number
}

interface Rows {
  readonly rows: readonly EntryRow[]
  /** There may be more beyond them. */
  readonly isCut: boolean
}

function rowsOf(database: DatabaseSync, { order, after }: AuditQuery, { wheres, values, limit }: Condition): Rows {
  const isOldest = order === 'oldest'
  const all = [...wheres, ...(after === undefined ? [] : [isOldest ? 'n > ?' : 'n < ?'])]
  const rows = database
    .prepare(
      `SELECT ${ENTRY_COLUMNS} FROM audit_entry ${all.length === 0 ? '' : `WHERE ${all.join(' AND ')}`}
       ORDER BY n ${isOldest ? 'ASC' : 'DESC'} LIMIT ?`,
    )
    .all(...values, ...(after === undefined ? [] : [after]), limit)
  return { rows, isCut: rows.length === limit }
}

function collect(
  { rows, isCut }: Rows,
  { secrets, query }: { readonly secrets: AuditSecrets; readonly query: AuditQuery },
): AuditPage {
  const { from = 0, to = Number.MAX_SAFE_INTEGER, subject } = query
  const limit = Math.min(query.limit, PAGE_ENTRIES_MAX)
  const entries: AuditEntry[] = []
  let last: number | undefined
  for (const row of rows) {
    if (entries.length >= limit) return { entries, next: last ?? 0 }
    last = Number(row['n'])
    const time = Number(row['time'])
    if (time < from || time >= to) continue
    const entry = auditEntryOf(row, secrets)
    // A module is found with its device; asked for by its own name, it alone is meant.
    if (subject !== undefined && ownerOf(subject) !== subject && !isOf(entry, subject)) continue
    entries.push(entry)
  }
  return isCut && last !== undefined ? { entries, next: last } : { entries }
}

function isOf({ content }: AuditEntry, subject: string): boolean {
  return content.kind !== 'body' || content.subject === subject
}
