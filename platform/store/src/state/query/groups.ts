/** Aggregates by group: each step's from SQL, and all steps' together. */

import type { GroupColumn, Query } from '@holdfast/iothub'
import type { Row } from '../../sqlite/row.ts'
import type { FieldColumns } from './fields.ts'
import { GROUP_BYTES_MAX, GROUPS_MAX } from './limits.ts'
import { ofField } from './operand.ts'
import { joined, named, type Sql, sql } from './sql-text.ts'

export type GroupSelection = Extract<Query['selection'], { kind: 'groups' }>

type Aggregate = Extract<GroupColumn, { kind: 'aggregate' }>

interface Sum {
  count: number
  total: number
  /** MIN or MAX. */
  bestNumber: number | undefined
  bestText: string | undefined
}

interface Group {
  /** JSON texts of the values grouped by; undefined for what is not there. */
  readonly values: readonly (string | undefined)[]
  readonly sums: readonly Sum[]
}

/** Thrown when there are more groups than may be held. */
export class TooManyGroups extends Error {}

export class Groups {
  readonly #selection: GroupSelection
  readonly #aggregates: readonly Aggregate[]
  readonly #groups = new Map<string, Group>()
  #bytes = 0

  constructor(selection: GroupSelection) {
    this.#selection = selection
    this.#aggregates = selection.columns.filter((column) => column.kind === 'aggregate')
    // Without GROUP BY there is one group, also of no rows.
    if (selection.by.length === 0) this.#groupOf([])
  }

  /** `SELECT` list and `GROUP BY` of a step: g0… for the values grouped by; n, c, s, x, y with a number for aggregates. */
  columns(columns: FieldColumns): { readonly select: Sql; readonly groupBy: Sql } {
    const by = this.#selection.by.map((path) => columns.quoted(path))
    const groups = by.map((value, place) => sql`${value} AS ${named(sql`g`, place)}`)
    const sums = this.#aggregates.map((aggregate, place) => sumColumns(aggregate, place, columns))
    const select = joined([sql`count(*) AS rows_of_group`, ...groups, ...sums], sql`, `)
    const names = by.map((_, place) => named(sql`g`, place))
    return { select, groupBy: names.length === 0 ? sql`` : sql` GROUP BY ${joined(names, sql`, `)}` }
  }

  /** @throws TooManyGroups. */
  add(row: Row): void {
    const rows = numberOf(row, 'rows_of_group') ?? 0
    if (rows === 0) return
    const values = this.#selection.by.map((_, place) => stringOf(row, `g${place}`))
    const group = this.#groupOf(values)
    for (const [place, { aggregate, path }] of this.#aggregates.entries()) {
      const sum = group.sums[place]
      if (sum === undefined) continue
      sum.count += path === undefined ? rows : (numberOf(row, `c${place}`) ?? 0)
      sum.total += numberOf(row, `s${place}`) ?? 0
      const isBetter = aggregate === 'MIN' ? isLess : isGreater
      const number = numberOf(row, `x${place}`)
      if (number !== undefined && (sum.bestNumber === undefined || isBetter(number, sum.bestNumber))) {
        sum.bestNumber = number
      }
      const text = stringOf(row, `y${place}`)
      if (text !== undefined && (sum.bestText === undefined || isBetter(text, sum.bestText))) {
        this.#hold(Buffer.byteLength(text))
        sum.bestText = text
      }
    }
  }

  /** JSON texts, in the order of the values grouped by. */
  rows(): readonly string[] {
    return [...this.#groups.entries()].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, group]) => this.#row(group))
  }

  #row({ values, sums }: Group): string {
    let place = 0
    const members: string[] = []
    for (const column of this.#selection.columns) {
      const value = column.kind === 'group' ? values[column.at] : resultOf(column, sums[place++])
      if (value !== undefined) members.push(`${JSON.stringify(column.name)}:${value}`)
    }
    return `{${members.join(',')}}`
  }

  #groupOf(values: readonly (string | undefined)[]): Group {
    // What is not there has no JSON text, and null has one.
    const key = JSON.stringify(values.map((value) => value ?? null))
    const known = this.#groups.get(key)
    if (known !== undefined) return known
    this.#hold(key.length)
    if (this.#groups.size >= GROUPS_MAX) throw new TooManyGroups()
    const sums = this.#aggregates.map((): Sum => ({ count: 0, total: 0, bestNumber: undefined, bestText: undefined }))
    const group = { values, sums }
    this.#groups.set(key, group)
    return group
  }

  #hold(bytes: number): void {
    this.#bytes += bytes
    if (this.#bytes > GROUP_BYTES_MAX) throw new TooManyGroups()
  }
}

function sumColumns({ aggregate, path }: Aggregate, place: number, columns: FieldColumns): Sql {
  if (path === undefined) return sql`NULL AS ${named(sql`c`, place)}`
  const operand = ofField(columns.of(path))
  const number = operand.kinds.number ?? sql`NULL`
  const text = operand.kinds.text ?? sql`NULL`
  switch (aggregate) {
    case 'COUNT':
      return sql`sum(${operand.isDefined}) AS ${named(sql`c`, place)}`
    case 'SUM':
    case 'AVG':
      return sql`count(${number}) AS ${named(sql`c`, place)}, total(${number}) AS ${named(sql`s`, place)}`
    case 'MIN':
      return sql`min(${number}) AS ${named(sql`x`, place)}, min(${text}) AS ${named(sql`y`, place)}`
    case 'MAX':
      return sql`max(${number}) AS ${named(sql`x`, place)}, max(${text}) AS ${named(sql`y`, place)}`
  }
}

/** JSON text, or undefined where there is nothing to show. */
function resultOf({ aggregate, path }: Aggregate, sum: Sum | undefined): string | undefined {
  if (sum === undefined) return undefined
  switch (aggregate) {
    case 'COUNT':
      return String(sum.count)
    case 'SUM':
      return path === undefined || sum.count === 0 ? undefined : numberText(sum.total)
    case 'AVG':
      return path === undefined || sum.count === 0 ? undefined : numberText(sum.total / sum.count)
    case 'MIN':
    case 'MAX':
      return sum.bestNumber !== undefined ? numberText(sum.bestNumber) : textText(sum.bestText)
  }
}

function numberText(value: number): string | undefined {
  return Number.isFinite(value) ? JSON.stringify(value) : undefined
}

function textText(value: string | undefined): string | undefined {
  return value === undefined ? undefined : JSON.stringify(value)
}

function isLess(a: number | string, b: number | string): boolean {
  return typeof a === 'number' && typeof b === 'number' ? a < b : order(String(a), String(b)) < 0
}

function isGreater(a: number | string, b: number | string): boolean {
  return isLess(b, a)
}

/** As SQLite orders texts: by the bytes of their UTF-8. */
function order(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

function numberOf(row: Row, column: string): number | undefined {
  const value = row[column]
  return typeof value === 'number' ? value : undefined
}

function stringOf(row: Row, column: string): string | undefined {
  const value = row[column]
  return typeof value === 'string' ? value : undefined
}
