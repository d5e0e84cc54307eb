/**
 * Which rows a query has to look at: all, those of some device ids, or those that the index of tags names. Only
 * conditions that every row of the result meets count: the terms of AND at the top.
 */

import type { DatabaseSync } from 'node:sqlite'
import type { Expression, Path, Query, Scalar } from '@holdfast/iothub'
import { type Row, textOf } from '../../sqlite/row.ts'
import { PROBE_ENTRIES, PROBE_RANGES } from './limits.ts'
import { probeOf } from './range-sql.ts'
import { TAG_KIND, TAG_PATH_BYTES_MAX, TAG_TEXT_CHARACTERS } from './tag-index.ts'

/** Values from `low` on: to `high` with it, to `high` without it, or without an end. All ascending in SQLite's order. */
export interface Range {
  readonly kind: number
  readonly low: string | number
  readonly high: string | number | undefined
  readonly isHighOpen: boolean
}

export type Access =
  | { readonly kind: 'all'; readonly ranges: readonly [Range] }
  /** By device id. */
  | { readonly kind: 'ids'; readonly ranges: readonly Range[] }
  /** @param path in SQLite's form. */
  | { readonly kind: 'tag'; readonly path: string; readonly ranges: readonly Range[] }

const ALL: Access = { kind: 'all', ranges: [{ kind: TAG_KIND.text, low: '', high: undefined, isHighOpen: true }] }

/**
 * The ways to the rows of a query, all of which lead to the same result: the scan first, then one for each condition
 * that an index knows. The order follows from the query alone, so that a continuation can name one by its place.
 */
export function accessesOf(query: Query, database: DatabaseSync): readonly [Access, ...Access[]] {
  const terms = query.where === undefined ? [] : termsOf(query.where)
  return [ALL, ...terms.flatMap((term) => accessOf(term, database) ?? [])]
}

/** The place of the cheapest way. */
export function cheapest(accesses: readonly Access[], query: Query, database: DatabaseSync): number {
  let best = 0
  let least = Number.POSITIVE_INFINITY
  for (const [place, access] of accesses.entries()) {
    if (place === 0) continue
    const entries = estimate(access, query, database)
    if (entries < least) {
      best = place
      least = entries
    }
  }
  return best
}

/** Entries of the index that would be looked at, counted up to a bound. */
function estimate(access: Access, query: Query, database: DatabaseSync): number {
  let entries = 0
  for (const range of access.ranges.slice(0, PROBE_RANGES)) {
    const { text, values } = probeOf(access, range, query.source)
    const row = database.prepare(text).get({ ...values, limit: PROBE_ENTRIES })
    entries += Number(row?.entries ?? 0)
    if (entries >= PROBE_ENTRIES) break
  }
  return entries * Math.max(1, access.ranges.length / PROBE_RANGES)
}

function termsOf(where: Expression): readonly Expression[] {
  return where.kind === 'and' ? where.terms.flatMap(termsOf) : [where]
}

function accessOf(term: Expression, database: DatabaseSync): Access | undefined {
  switch (term.kind) {
    case 'compare': {
      if (term.operator !== '=') return undefined
      const { left, right } = term
      if (left.kind === 'path' && right.kind === 'constant') return ofValues(left.path, [right.value], database)
      return left.kind === 'constant' && right.kind === 'path'
        ? ofValues(right.path, [left.value], database)
        : undefined
    }
    case 'in':
      return term.isNegated || term.operand.kind !== 'path'
        ? undefined
        : ofValues(term.operand.path, term.items, database)
    case 'call': {
      const [path, part] = term.operands
      if (term.name !== 'STARTS_WITH' || path?.kind !== 'path' || part?.kind !== 'constant') return undefined
      return typeof part.value === 'string' ? ofPrefix(path.path, part.value, database) : undefined
    }
    default:
      return undefined
  }
}

function ofValues(path: Path, values: readonly Scalar[], database: DatabaseSync): Access | undefined {
  const points: Range[] = []
  for (const value of values) {
    // An id is a text without a NUL, and equals nothing else.
    if (isId(path) && (typeof value !== 'string' || value.includes('\0'))) continue
    const point = pointOf(value, isId(path))
    if (point === undefined) return undefined
    points.push(point)
  }
  return withRanges(path, inOrder(points), database)
}

function ofPrefix(path: Path, prefix: string, database: DatabaseSync): Access | undefined {
  if (prefix.includes('\0')) return undefined
  const low = isId(path) ? prefix : shortened(prefix)
  const high = successorOf(low)
  return withRanges(path, [{ kind: TAG_KIND.text, low, high, isHighOpen: true }], database)
}

function withRanges(path: Path, ranges: readonly Range[], database: DatabaseSync): Access | undefined {
  if (isId(path)) return { kind: 'ids', ranges }
  const [root, ...names] = path
  if (root !== 'tags' || names.length === 0) return undefined
  const place = indexPathOf(names, database)
  return place === undefined ? undefined : { kind: 'tag', path: place, ranges }
}

function isId(path: Path): boolean {
  return path.length === 1 && path[0] === 'deviceId'
}

/** Undefined for what the index does not hold. A text with a NUL in it SQLite cuts in its own way. */
function pointOf(value: Scalar, isOfIds: boolean): Range | undefined {
  if (typeof value === 'string') {
    if (value.includes('\0')) return undefined
    const text = isOfIds ? value : shortened(value)
    return { kind: TAG_KIND.text, low: text, high: text, isHighOpen: false }
  }
  if (value === null) return undefined
  if (typeof value === 'number') return { kind: TAG_KIND.number, low: value, high: value, isHighOpen: false }
  const truth = value ? 1 : 0
  return { kind: TAG_KIND.truth, low: truth, high: truth, isHighOpen: false }
}

/** As the index has a text. */
function shortened(text: string): string {
  return text.length <= TAG_TEXT_CHARACTERS ? text : Array.from(text).slice(0, TAG_TEXT_CHARACTERS).join('')
}

/** Ascending as SQLite orders them, each once. */
function inOrder(points: readonly Range[]): readonly Range[] {
  const sorted = points.toSorted((a, b) => a.kind - b.kind || compareValues(a.low, b.low))
  return sorted.filter((point, at) => {
    const before = sorted[at - 1]
    return before === undefined || before.kind !== point.kind || before.low !== point.low
  })
}

/** Texts by the bytes of their UTF-8. */
function compareValues(a: string | number, b: string | number): number {
  return typeof a === 'number' && typeof b === 'number'
    ? a - b
    : Buffer.compare(Buffer.from(String(a)), Buffer.from(String(b)))
}

/** The least text above all that begin with `prefix`; undefined where there is none. */
function successorOf(prefix: string): string | undefined {
  const points = Array.from(prefix, (character) => character.codePointAt(0) ?? 0)
  for (let last = points.pop(); last !== undefined; last = points.pop()) {
    if (last >= 0x10_ffff) continue
    // Surrogates are no characters.
    const next = last === 0xd7ff ? 0xe000 : last + 1
    return String.fromCodePoint(...points, next)
  }
  return undefined
}

/** The path of a tag as `json_tree` writes it, which is how the index has it; undefined where it is too long for that. */
function indexPathOf(names: readonly string[], database: DatabaseSync): string | undefined {
  const nested = names.reduceRight<string>((inner, name) => `{${JSON.stringify(name)}:${inner}}`, '0')
  const row: Row | undefined = database.prepare('SELECT fullkey FROM json_tree(?) WHERE atom IS NOT NULL').get(nested)
  const path = textOf(row, 'fullkey')
  return Buffer.byteLength(path) <= TAG_PATH_BYTES_MAX ? path : undefined
}
