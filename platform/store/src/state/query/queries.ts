/**
 * Queries over twins: one page a call, found in steps between which the thread answers others. What a page holds was so
 * when its row was looked at; rows that change meanwhile may be missed or come twice, as with every page of a list.
 */

import type { DatabaseSync } from 'node:sqlite'
import type { DeviceFilter } from '@holdfast/identity'
import type { Query } from '@holdfast/iothub'
import { StoreUnavailableError } from '../../damaged.ts'
import { storeErrorOf } from '../../sqlite/database.ts'
import type { Row } from '../../sqlite/row.ts'
import { pageLimit } from '../page.ts'
import { type Access, accessesOf, cheapest } from './access.ts'
import { ConditionSql } from './condition-sql.ts'
import { type Continuation, formatContinuation, parseContinuation } from './continuation.ts'
import { FieldColumns } from './fields.ts'
import { DOCUMENT_COLUMNS, documentOf, selected } from './document.ts'
import { Groups, type GroupSelection, TooManyGroups } from './groups.ts'
import { PAGE_MS_MAX, QUERIES_RUNNING_MAX, QUERIES_WAITING_MAX } from './limits.ts'
import { Page } from './page.ts'
import { Bindings, type Sql, sql } from './sql-text.ts'
import { addTextFunction } from './text-function.ts'
import { type Place, type Question, Walk } from './walk.ts'

export interface QueryRequest {
  readonly query: Query
  /** What `query` was parsed from: continuations hold for this text. */
  readonly text: string
  /** Items on the page, 1 to 1,000. */
  readonly limit: number
  readonly continuation?: string
  /** Devices that whoever asks may know of, and what is theirs; for the query there are no others. */
  readonly within?: DeviceFilter
}

export type QueryOutcome =
  | {
      readonly kind: 'page'
      readonly itemType: 'twin' | 'raw'
      /** JSON texts. Fewer than `limit`, or none, do not mean the end: that is where there is no continuation. */
      readonly items: readonly string[]
      readonly continuation?: string
    }
  /** The continuation is not one of this query. */
  | { readonly kind: 'bad-continuation' }
  | { readonly kind: 'too-many-groups' }

export interface QueryStore {
  /** Rejects with StoreUnavailableError, `busy` among others. */
  queryTwins(request: QueryRequest): Promise<QueryOutcome>
}

const REMEDY = 'restore state.db from a backup'

export class SqlQueries implements QueryStore {
  readonly #database: DatabaseSync
  readonly #file: string
  readonly #waiting: (() => void)[] = []
  #running = 0

  constructor(database: DatabaseSync) {
    this.#database = database
    this.#file = database.location() ?? 'state.db'
    addTextFunction(database)
  }

  async queryTwins(request: QueryRequest): Promise<QueryOutcome> {
    pageLimit(request.limit)
    await this.#admitted()
    try {
      return request.query.selection.kind === 'groups'
        ? await this.#groups(request, request.query.selection)
        : await this.#rows(request)
    } catch (error) {
      if (error instanceof TooManyGroups) return { kind: 'too-many-groups' }
      throw storeErrorOf(error, this.#file, REMEDY)
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#running -= 1
      else next() // It takes over this one's place.
    }
  }

  async #rows({ query, text, limit, continuation, within }: QueryRequest): Promise<QueryOutcome> {
    const accesses = accessesOf(query, this.#database)
    const from =
      continuation === undefined
        ? { access: cheapest(accesses, query, this.#database), range: 0, left: query.top }
        : rowsPlace(parseContinuation(text, query, continuation))
    const access = from === undefined ? undefined : accesses[from.access]
    if (from === undefined || access === undefined || !isWithin(access, from)) return { kind: 'bad-continuation' }
    const { selection } = query
    const walk = new Walk(this.#database, questionOf(query, access, new FieldColumns(new Bindings()), within), from)
    const page = new Page(Math.min(limit, from.left ?? limit))
    const take = (row: Row, place: Place): boolean => {
      const document = documentOf(row)
      return page.put(selection.kind === 'columns' ? selected(document, selection.columns) : document, place)
    }
    const until = performance.now() + PAGE_MS_MAX
    // A page that is full goes on to the next row that would be on it, so that an end is seen as one.
    while (!walk.isAtEnd && !page.isClosed && page.items.length !== from.left && performance.now() < until) {
      walk.step({ kind: 'rows', select: DOCUMENT_COLUMNS, take })
      await turn()
    }
    const left = from.left === undefined ? undefined : from.left - page.items.length
    const hasMore = left !== 0 && (page.isClosed || !walk.isAtEnd)
    const next: Continuation = {
      kind: 'rows',
      access: from.access,
      ...(page.isClosed ? (page.place ?? from) : walk.place),
      left,
    }
    return {
      kind: 'page',
      itemType: selection.kind === 'twins' ? 'twin' : 'raw',
      items: page.items,
      ...(hasMore && { continuation: formatContinuation(text, next) }),
    }
  }

  async #groups(
    { query, text, limit, continuation, within }: QueryRequest,
    selection: GroupSelection,
  ): Promise<QueryOutcome> {
    const parsed = continuation === undefined ? undefined : parseContinuation(text, query, continuation)
    if (continuation !== undefined && parsed?.kind !== 'groups') return { kind: 'bad-continuation' }
    const given = parsed?.kind === 'groups' ? parsed.given : 0
    const accesses = accessesOf(query, this.#database)
    const access = accesses[cheapest(accesses, query, this.#database)] ?? accesses[0]
    const fields = new FieldColumns(new Bindings())
    const groups = new Groups(selection)
    const columns = groups.columns(fields)
    const walk = new Walk(this.#database, questionOf(query, access, fields, within), { range: 0 })
    while (!walk.isAtEnd) {
      walk.step({ kind: 'groups', ...columns, take: (row) => groups.add(row) })
      await turn()
    }
    const rows = groups.rows().slice(0, query.top)
    const items = rows.slice(given, given + limit)
    const end = given + items.length
    return {
      kind: 'page',
      itemType: 'raw',
      items,
      ...(end < rows.length && { continuation: formatContinuation(text, { kind: 'groups', given: end }) }),
    }
  }

  async #admitted(): Promise<void> {
    if (this.#running < QUERIES_RUNNING_MAX) {
      this.#running += 1
      return
    }
    if (this.#waiting.length >= QUERIES_WAITING_MAX) {
      throw new StoreUnavailableError('busy', `${QUERIES_WAITING_MAX} queries are waiting`)
    }
    await new Promise<void>((resolve) => {
      this.#waiting.push(resolve)
    })
  }
}

type RowsPlace = Extract<Continuation, { kind: 'rows' }>

function rowsPlace(continuation: Continuation | undefined): RowsPlace | undefined {
  return continuation?.kind === 'rows' ? continuation : undefined
}

/** Whether the place of a continuation is one of its way: of the number and the kinds of keys that it has. */
function isWithin(access: Access, { range, after }: Omit<RowsPlace, 'kind'>): boolean {
  if (access.ranges.length === 0) return range === 0 && after === undefined
  const { low } = access.ranges[range] ?? {}
  if (low === undefined) return false
  return after === undefined || typeof after.value === (access.kind === 'tag' ? typeof low : 'undefined')
}

function questionOf(query: Query, access: Access, columns: FieldColumns, within: DeviceFilter | undefined): Question {
  const { bindings } = columns
  const condition = query.where === undefined ? sql`1` : new ConditionSql(columns).of(query.where)
  // Compared with a bound value, so that SQLite plans by the range that we chose and never by what the condition holds.
  const where = sql`${condition} = ${bindings.bind(1)}`
  const known = within === undefined ? sql`` : sql` AND ${isWithinFilter(within, bindings)}`
  return { source: query.source, access, columns, known, where, values: { ...bindings.values, now: Date.now() } }
}

/** Of `i`: where its device stands is told by the device alone. */
function isWithinFilter({ fleets, deviceIds }: DeviceFilter, bindings: Bindings): Sql {
  const fleet = sql`(SELECT d.fleet FROM identity AS d WHERE d.device_id = i.device_id AND d.module_id = '')`
  return sql`(coalesce(${fleet}, '') IN (SELECT value FROM json_each(${bindings.bind(JSON.stringify(fleets))}))
    OR i.device_id IN (SELECT value FROM json_each(${bindings.bind(JSON.stringify(deviceIds))})))`
}

/** Lets the thread answer what has come in meanwhile. */
function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}
