/** Walks the rows of a query in steps that look at a bounded number of them. */

import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import type { QuerySource } from '@holdfast/iothub'
import { type Row, textOf } from '../../sqlite/row.ts'
import type { Access } from './access.ts'
import type { FieldColumns } from './fields.ts'
import { STEP_MS, STEP_ROWS_FIRST, STEP_ROWS_MAX, STEP_ROWS_MIN } from './limits.ts'
import { type Cursor, type RangeSql, rangeSql, stepEnd, untilSql, untilValues } from './range-sql.ts'
import { type Sql, sql } from './sql-text.ts'

/** What is asked of each row. */
export interface Question {
  readonly source: QuerySource
  readonly access: Access
  /** The columns of `r` that `where`, and what groups select, speak of. */
  readonly columns: FieldColumns
  /** Condition on `i`, from ` AND ` on: the rows that there are for whoever asks. */
  readonly known: Sql
  /** Condition on `r`. */
  readonly where: Sql
  readonly values: Readonly<Record<string, SQLInputValue>>
}

/** Behind a row: the place of its range, and the row. Before the first row of a range where there is none. */
export interface Place {
  readonly range: number
  readonly after?: Cursor
}

/** What a step gives of the rows that it looks at. */
export type Yield =
  /** Of `i`, `t` and `p`, in the order of the walk; `take` answers false to end the step behind a row. */
  | { readonly kind: 'rows'; readonly select: Sql; readonly take: (row: Row, place: Place) => boolean }
  /** Of `r`. */
  | { readonly kind: 'groups'; readonly select: Sql; readonly groupBy: Sql; readonly take: (row: Row) => void }

export class Walk {
  readonly #database: DatabaseSync
  readonly #question: Question
  readonly #statements = new Map<string, StatementSync>()
  #range: number
  #after: Cursor | undefined
  #stepRows = STEP_ROWS_FIRST

  constructor(database: DatabaseSync, question: Question, from: Place) {
    this.#database = database
    this.#question = question
    this.#range = from.range
    this.#after = from.after
  }

  get isAtEnd(): boolean {
    return this.#range >= this.#question.access.ranges.length
  }

  /** Where the walk is: behind the last row that was looked at. */
  get place(): Place {
    return { range: this.#range, ...(this.#after === undefined ? {} : { after: this.#after }) }
  }

  /** One step, of several ranges where they are short: a list of a thousand ids is no thousand steps. */
  step(what: Yield): void {
    const since = performance.now()
    let goesOn = true
    while (goesOn && !this.isAtEnd && performance.now() - since < STEP_MS) goesOn = this.#stepInRange(what)
    const milliseconds = performance.now() - since
    if (milliseconds > STEP_MS) this.#stepRows = Math.max(STEP_ROWS_MIN, this.#stepRows >> 1)
    else if (milliseconds < STEP_MS / 3) this.#stepRows = Math.min(STEP_ROWS_MAX, this.#stepRows << 1)
  }

  /** @returns whether the range came to its end. */
  #stepInRange(what: Yield): boolean {
    const { access, source } = this.#question
    const range = access.ranges[this.#range]
    if (range === undefined) throw new TypeError('a step behind the last range')
    const within = rangeSql(access, range, source, this.#after)
    const endRow: Row | undefined = this.#statement(stepEnd(within)).get({ ...within.values, step: this.#stepRows })
    const end = endRow === undefined ? undefined : cursorOf(endRow, access)
    const last = this.#read(what, within, end)
    this.#after = last ?? end
    if (this.#after !== undefined) return false
    this.#range += 1
    return true
  }

  /** @returns the row behind which the taker ended the step. */
  #read(what: Yield, within: RangeSql, end: Cursor | undefined): Cursor | undefined {
    const { access, source, columns, known, where, values } = this.#question
    const until = end === undefined ? sql`` : sql` AND ${untilSql(access, source)}`
    const ofSource = source === 'devices' ? sql`` : sql` AND i.module_id <> ''`
    // LIMIT keeps SQLite from putting the parts together, where each column would be worked out anew for each mention.
    const rows = sql`(SELECT b.*${columns.outer} FROM (
        SELECT ${within.keys}, i.rowid AS identity_row, t.rowid AS twin_row${columns.inner} ${within.from}
        CROSS JOIN twin AS t ON t.device_id = i.device_id AND t.module_id = i.module_id
        LEFT JOIN presence AS p ON p.device_id = i.device_id AND p.module_id = i.module_id
        WHERE ${within.within}${until}${ofSource}${known} ORDER BY ${within.order} LIMIT -1
      ) AS b LIMIT -1) AS r`
    const statement = this.#statement(
      what.kind === 'groups'
        ? sql`SELECT ${what.select} FROM ${rows} WHERE ${where}${what.groupBy}`
        : sql`SELECT ${this.#keys}, ${what.select} FROM ${rows}
          CROSS JOIN identity AS i ON i.rowid = r.identity_row CROSS JOIN twin AS t ON t.rowid = r.twin_row
          LEFT JOIN presence AS p ON p.device_id = i.device_id AND p.module_id = i.module_id
          WHERE ${where}`,
    )
    const bound = { ...values, ...within.values, ...(end === undefined ? {} : untilValues(access, source, end)) }
    for (const row of statement.iterate(bound)) {
      if (what.kind === 'groups') what.take(row)
      else {
        const after = cursorOf(row, access)
        if (!what.take(row, { range: this.#range, after })) return after
      }
    }
    return undefined
  }

  get #keys(): Sql {
    const keys = sql`r.device_id, r.module_id`
    return this.#question.access.kind === 'tag' ? sql`r.value, ${keys}` : keys
  }

  #statement(text: Sql): StatementSync {
    const known = this.#statements.get(text)
    if (known !== undefined) return known
    const statement = this.#database.prepare(text)
    // A condition may have bound what its SQL then did not need.
    statement.setAllowUnknownNamedParameters(true)
    this.#statements.set(text, statement)
    return statement
  }
}

function cursorOf(row: Row, access: Access): Cursor {
  const { value } = row
  return {
    deviceId: textOf(row, 'device_id'),
    moduleId: textOf(row, 'module_id'),
    ...(access.kind === 'tag' && (typeof value === 'number' || typeof value === 'string') ? { value } : {}),
  }
}
