/** How a query is refused. */

/** Codes are API, messages are not. */
export type QueryErrorCode =
  /** A character, a string or a number that is none of the language. */
  | 'bad-token'
  /** Something stands where something else is expected. */
  | 'unexpected'
  /** A name that nothing has: of a field, a source, a function. */
  | 'unknown-name'
  /** What is written cannot be meant: a column that is neither grouped nor aggregated, two of one name. */
  | 'bad-meaning'
  /** Longer, deeper or more than the bounds allow. */
  | 'too-large'
  /** Part of the language that this hub does not serve yet. */
  | 'not-served'

/** Where in the text: `offset` in UTF-16 units from 0, `line` and `column` from 1. */
export interface QueryPosition {
  readonly offset: number
  readonly line: number
  readonly column: number
}

/** A query that is refused. Messages quote short plain words of the query at most. */
export class QueryError extends Error {
  override readonly name = 'QueryError'
  readonly code: QueryErrorCode
  readonly position: QueryPosition
  /** What stands there, described. */
  readonly found: string
  /** What would have been right there. */
  readonly expected: string

  constructor(
    code: QueryErrorCode,
    facts: { readonly position: QueryPosition; readonly found: string; readonly expected: string },
  ) {
    const { position, found, expected } = facts
    super(`line ${position.line}, column ${position.column}: found ${found}, expected ${expected}`)
    this.code = code
    this.position = position
    this.found = found
    this.expected = expected
  }
}

/** @param offset into `text`, its length included. */
export function positionAt(text: string, offset: number): QueryPosition {
  let line = 1
  let start = 0
  for (let at = text.indexOf('\n'); at !== -1 && at < offset; at = text.indexOf('\n', at + 1)) {
    line += 1
    start = at + 1
  }
  return { offset, line, column: offset - start + 1 }
}
