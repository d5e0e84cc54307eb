/**
 * Queries over twins (azure-iot.md §8.1):
 *
 *   SELECT [TOP n] (* | column [, column]…) FROM (devices | devices.modules) [WHERE condition] [GROUP BY path [, path]…]
 *   column: (path | COUNT() | (COUNT | SUM | AVG | MIN | MAX)(path)) [AS name]
 *
 * `devices.jobs` is known and refused. Anything else is refused with its place and what was expected there.
 */

import type { QueryError } from './errors.ts'
import { ExpressionParser } from './expression-parser.ts'
import { describe } from './lexer.ts'
import { QUERY_COLUMNS_MAX, QUERY_GROUPS_BY_MAX, QUERY_TOP_MAX } from './limits.ts'
import { parseName, parsePath } from './path-parser.ts'
import type { AggregateName, GroupColumn, Path, PathColumn, Query, QuerySource, Selection } from './syntax.ts'
import { TokenCursor } from './token-cursor.ts'
import { AGGREGATES, TWIN_FIELDS } from './vocabulary.ts'

type Column =
  | { readonly kind: 'path'; readonly path: Path; readonly name: string; readonly at: number }
  | {
      readonly kind: 'aggregate'
      readonly aggregate: AggregateName
      readonly path?: Path
      readonly name: string
      readonly at: number
    }

/** What cannot be grouped by. */
const WHOLE_OBJECTS: ReadonlySet<string> = new Set([
  'tags',
  'properties',
  'properties.desired',
  'properties.desired.$metadata',
  'properties.reported',
  'properties.reported.$metadata',
  'x509Thumbprint',
  'capabilities',
])

/**
 * The syntax tree of a query.
 * @throws QueryError, and nothing else, whatever the text.
 */
export function parseQuery(text: string): Query {
  return new Parser(text).query()
}

class Parser {
  readonly #cursor: TokenCursor

  constructor(text: string) {
    this.#cursor = new TokenCursor(text)
  }

  query(): Query {
    const cursor = this.#cursor
    cursor.expectKeyword('SELECT')
    const top = cursor.takeKeyword('TOP') ? this.#top() : undefined
    const columns = cursor.takeSymbol('*') ? undefined : this.#columns()
    if (!cursor.takeKeyword('FROM')) throw cursor.unexpected(columns === undefined ? 'FROM' : "',', AS or FROM")
    const source = this.#source()
    const where = cursor.takeKeyword('WHERE') ? new ExpressionParser(cursor).condition() : undefined
    const groupAt = cursor.token.at
    const by = cursor.takeKeyword('GROUP') ? this.#groupBy() : undefined
    if (cursor.token.kind !== 'end') {
      const before = where === undefined ? 'WHERE, GROUP BY' : 'AND, OR, an operator, GROUP BY'
      throw cursor.unexpected(by === undefined ? `${before} or the end of the query` : "',' or the end of the query")
    }
    return {
      source,
      selection: this.#selection(columns, by, groupAt),
      ...(top === undefined ? {} : { top }),
      ...(where === undefined ? {} : { where }),
    }
  }

  #top(): number {
    const { token } = this.#cursor
    const isWhole = token.kind === 'number' && Number.isInteger(token.value)
    if (!isWhole || token.value < 1 || token.value > QUERY_TOP_MAX) {
      throw this.#cursor.unexpected(`a whole number from 1 to ${QUERY_TOP_MAX}`)
    }
    this.#cursor.take()
    return token.value
  }

  #columns(): readonly Column[] {
    const columns: Column[] = []
    do {
      if (columns.length >= QUERY_COLUMNS_MAX) {
        throw this.#tooMany('one column more', `at most ${QUERY_COLUMNS_MAX} columns`)
      }
      columns.push(this.#column(columns.length + 1))
    } while (this.#cursor.takeSymbol(','))
    const seen = new Set<string>()
    for (const { name, at } of columns) {
      if (seen.has(name)) {
        throw this.#cursor.refuse('bad-meaning', at, {
          found: 'a second column of one name',
          expected: 'another name behind AS',
        })
      }
      seen.add(name)
    }
    return columns
  }

  #column(place: number): Column {
    const cursor = this.#cursor
    const { token } = cursor
    const { at } = token
    if (token.kind !== 'word' || token.keyword !== undefined) {
      throw cursor.unexpected("'*', a field of the twin or an aggregate")
    }
    const upper = token.text.toUpperCase()
    const aggregate = TWIN_FIELDS.includes(token.text) ? undefined : AGGREGATES.find((name) => name === upper)
    if (aggregate === undefined) {
      const path = parsePath(cursor)
      if (cursor.isSymbol('(')) {
        throw cursor.refuse('unknown-name', at, {
          found: `${describe(token)} with a parenthesis`,
          expected: `a field of the twin or one of ${AGGREGATES.join(', ')}`,
        })
      }
      return { kind: 'path', path, name: this.#alias() ?? path.at(-1) ?? path[0], at }
    }
    cursor.take()
    cursor.expectSymbol('(')
    const hasPath = !(aggregate === 'COUNT' && cursor.isSymbol(')'))
    if (hasPath && cursor.isSymbol('*'))
      throw cursor.unexpected(aggregate === 'COUNT' ? "')': COUNT()" : 'a field of the twin')
    const path = hasPath ? { path: parsePath(cursor) } : {}
    cursor.expectSymbol(')')
    // Without a name Azure's columns are numbered.
    return { kind: 'aggregate', aggregate, ...path, name: this.#alias() ?? `$${place}`, at }
  }

  #alias(): string | undefined {
    return this.#cursor.takeKeyword('AS') ? parseName(this.#cursor, 'a name') : undefined
  }

  #source(): QuerySource {
    const cursor = this.#cursor
    const { token } = cursor
    const expected = 'devices or devices.modules'
    if (token.kind !== 'word' || token.text.toLowerCase() !== 'devices') throw this.#unknownSource(expected)
    cursor.take()
    if (!cursor.takeSymbol('.')) return 'devices'
    const part = cursor.token.kind === 'word' ? cursor.token.text.toLowerCase() : ''
    if (part === 'jobs') {
      throw cursor.refuse('not-served', token.at, {
        found: 'devices.jobs, which this hub does not serve yet',
        expected,
      })
    }
    if (part !== 'modules') throw this.#unknownSource('modules')
    cursor.take()
    return 'devices.modules'
  }

  #groupBy(): readonly Path[] {
    this.#cursor.expectKeyword('BY')
    const paths: Path[] = []
    do {
      if (paths.length >= QUERY_GROUPS_BY_MAX) {
        throw this.#tooMany('one path more', `at most ${QUERY_GROUPS_BY_MAX} paths to group by`)
      }
      const { at } = this.#cursor.token
      const path = parsePath(this.#cursor)
      if (WHOLE_OBJECTS.has(path.join('.'))) {
        throw this.#cursor.refuse('bad-meaning', at, {
          found: 'an object, which every twin has for itself',
          expected: 'a path to a value in it',
        })
      }
      paths.push(path)
    } while (this.#cursor.takeSymbol(','))
    return paths
  }

  #selection(columns: readonly Column[] | undefined, by: readonly Path[] | undefined, groupAt: number): Selection {
    if (columns === undefined) {
      if (by === undefined) return { kind: 'twins' }
      throw this.#cursor.refuse('bad-meaning', groupAt, {
        found: 'GROUP BY with SELECT *',
        expected: 'aggregates and the paths that are grouped by, behind SELECT',
      })
    }
    if (by === undefined && !columns.some((column) => column.kind === 'aggregate')) {
      const paths = columns.filter((column) => column.kind === 'path')
      return { kind: 'columns', columns: paths.map(({ path, name }): PathColumn => ({ kind: 'path', path, name })) }
    }
    return { kind: 'groups', by: by ?? [], columns: columns.map((column) => this.#groupColumn(column, by ?? [])) }
  }

  #groupColumn(column: Column, by: readonly Path[]): GroupColumn {
    const { name } = column
    if (column.kind === 'aggregate') {
      const { aggregate, path } = column
      return { kind: 'aggregate', aggregate, ...(path === undefined ? {} : { path }), name }
    }
    const at = by.findIndex((path) => JSON.stringify(path) === JSON.stringify(column.path))
    if (at !== -1) return { kind: 'group', at, name }
    throw this.#cursor.refuse('bad-meaning', column.at, {
      found: 'a path that is not grouped by',
      expected: 'an aggregate of it, or the path behind GROUP BY',
    })
  }

  #unknownSource(expected: string): QueryError {
    const { token } = this.#cursor
    return token.kind === 'word' && token.keyword === undefined
      ? this.#cursor.refuse('unknown-name', token.at, { found: describe(token), expected })
      : this.#cursor.unexpected(expected)
  }

  #tooMany(found: string, expected: string): QueryError {
    return this.#cursor.refuse('too-large', this.#cursor.token.at, { found, expected })
  }
}
