/**
 * Queries over enrolments and registrations (azure-iot.md §7):
 *
 *   *  |  SELECT * FROM (enrollments | enrollmentGroups | registrations) [WHERE condition]
 *   condition: field (= | != | <> | < | <= | > | >=) value, field [NOT] IN [value, …], AND, OR, NOT, ( )
 *   value: 'text', "text", true, false
 *
 * Keywords, sources and names of fields are read in any case; values are compared by case. Anything else is refused
 * with its position.
 */

import { DpsError } from './errors.ts'
import { FieldReader } from './field-reader.ts'
import { parseJson } from './json.ts'
import {
  QUERY_BODY_BYTES_MAX,
  QUERY_CHARACTERS_MAX,
  QUERY_CONDITIONS_MAX,
  QUERY_DEPTH_MAX,
  QUERY_VALUES_MAX,
} from './limits.ts'
import { type Token, badQuery, tokensOf } from './query-lexer.ts'

export type QueryValue = string | boolean
export type Comparison = '=' | '!=' | '<' | '<=' | '>' | '>='

export type Condition =
  | { readonly kind: 'all' }
  | {
      readonly kind: 'compare'
      readonly field: string
      readonly comparison: Comparison
      readonly value: QueryValue
    }
  | { readonly kind: 'in'; readonly field: string; readonly values: readonly QueryValue[] }
  | { readonly kind: 'and' | 'or'; readonly left: Condition; readonly right: Condition }
  | { readonly kind: 'not'; readonly condition: Condition }

export type QueryTarget = 'enrollments' | 'enrollmentGroups' | 'registrations'

const DATES = ['createdDateTimeUtc', 'lastUpdatedDateTimeUtc']
const BOTH = ['attestation.type', 'provisioningStatus', 'allocationPolicy', 'capabilities.iotEdge', 'etag', ...DATES]

/** The fields of each target that a condition may name. */
export const QUERY_FIELDS: Readonly<Record<QueryTarget, readonly string[]>> = {
  enrollments: ['registrationId', 'deviceId', ...BOTH],
  enrollmentGroups: ['enrollmentGroupId', ...BOTH],
  registrations: ['registrationId', 'deviceId', 'status', 'substatus', 'assignedHub', 'etag', ...DATES],
}

/**
 * Parses the body of a query, `{"query": "…"}`.
 * @throws DpsError `too-large`, `bad-request`, `bad-query` with the position.
 */
export function parseQueryBody(
  bytes: Uint8Array,
  target: QueryTarget,
): { readonly text: string; readonly condition: Condition } {
  const reader = FieldReader.of(parseJson(bytes, QUERY_BODY_BYTES_MAX))
  const text = reader.string('query', QUERY_CHARACTERS_MAX)
  if (!reader.has('query')) reader.fault('query', 'is missing')
  reader.check()
  if (text === undefined) throw new TypeError('a missing field was not reported')
  return { text, condition: parseQuery(text, target) }
}

/** @throws DpsError `bad-query` with the position. */
export function parseQuery(text: string, target: QueryTarget): Condition {
  if (text.length > QUERY_CHARACTERS_MAX) throw new DpsError('bad-query', 'The query is too long.')
  return new Parser(tokensOf(text), target).query()
}

/** Whether what `field` gives for a record meets the condition. An absent field meets no comparison. */
export function meets(condition: Condition, field: (name: string) => QueryValue | undefined): boolean {
  switch (condition.kind) {
    case 'all':
      return true
    case 'compare':
      return compares(field(condition.field), condition.comparison, condition.value)
    case 'in': {
      const actual = field(condition.field)
      return actual !== undefined && condition.values.includes(actual)
    }
    case 'and':
      return meets(condition.left, field) && meets(condition.right, field)
    case 'or':
      return meets(condition.left, field) || meets(condition.right, field)
    case 'not':
      return !meets(condition.condition, field)
  }
}

function compares(actual: QueryValue | undefined, comparison: Comparison, value: QueryValue): boolean {
  if (typeof actual !== typeof value || actual === undefined) return false
  switch (comparison) {
    case '=':
      return actual === value
    case '!=':
      return actual !== value
    case '<':
      return actual < value
    case '<=':
      return actual <= value
    case '>':
      return actual > value
    case '>=':
      return actual >= value
  }
}

class Parser {
  readonly #tokens: readonly Token[]
  readonly #target: QueryTarget
  #next = 0
  #conditions = 0

  constructor(tokens: readonly Token[], target: QueryTarget) {
    this.#tokens = tokens
    this.#target = target
  }

  query(): Condition {
    if (this.#takeSymbol('*')) return this.#ended({ kind: 'all' })
    this.#expectWord('select')
    if (!this.#takeSymbol('*')) throw badQuery('only SELECT * is offered', this.#peek().at)
    this.#expectWord('from')
    this.#source()
    return this.#ended(this.#takeWord('where') ? this.#or(0) : { kind: 'all' })
  }

  /** The SDKs' samples ask for registrations `FROM enrollmentGroups`: there the path says what is meant. */
  #source(): void {
    const token = this.#take()
    const lower = token.kind === 'word' ? token.text.toLowerCase() : ''
    const isKnown = this.#target === 'registrations' && (lower === 'enrollments' || lower === 'enrollmentgroups')
    if (lower !== this.#target.toLowerCase() && !isKnown) throw badQuery(`expected ${this.#target}`, token.at)
  }

  #or(depth: number): Condition {
    let left = this.#and(depth)
    while (this.#takeWord('or')) left = { kind: 'or', left, right: this.#and(depth) }
    return left
  }

  #and(depth: number): Condition {
    let left = this.#not(depth)
    while (this.#takeWord('and')) left = { kind: 'and', left, right: this.#not(depth) }
    return left
  }

  #not(depth: number): Condition {
    if (depth >= QUERY_DEPTH_MAX) throw badQuery('nested too deeply', this.#peek().at)
    if (this.#takeWord('not')) return { kind: 'not', condition: this.#not(depth + 1) }
    if (!this.#takeSymbol('(')) return this.#comparison()
    const inner = this.#or(depth + 1)
    if (!this.#takeSymbol(')')) throw badQuery('expected )', this.#peek().at)
    return inner
  }

  #comparison(): Condition {
    this.#conditions += 1
    const field = this.#field()
    if (this.#conditions > QUERY_CONDITIONS_MAX) throw badQuery('too many conditions', this.#peek().at)
    if (this.#takeWord('not')) {
      this.#expectWord('in')
      return { kind: 'not', condition: { kind: 'in', field, values: this.#values() } }
    }
    if (this.#takeWord('in')) return { kind: 'in', field, values: this.#values() }
    const token = this.#take()
    const comparison = token.kind === 'symbol' ? COMPARISONS.get(token.text) : undefined
    if (comparison === undefined) throw badQuery('expected a comparison', token.at)
    return { kind: 'compare', field, comparison, value: this.#value() }
  }

  #field(): string {
    const token = this.#take()
    const lower = token.kind === 'word' ? token.text.toLowerCase() : undefined
    const field = QUERY_FIELDS[this.#target].find((name) => name.toLowerCase() === lower)
    if (field === undefined) throw badQuery('expected the name of a field', token.at)
    return field
  }

  #values(): readonly QueryValue[] {
    const opening = this.#peek().at
    const close = this.#takeSymbol('[') ? ']' : this.#takeSymbol('(') ? ')' : undefined
    if (close === undefined) throw badQuery('expected [', opening)
    const values = [this.#value()]
    while (this.#takeSymbol(',')) values.push(this.#value())
    if (!this.#takeSymbol(close)) throw badQuery(`expected ${close}`, this.#peek().at)
    if (values.length > QUERY_VALUES_MAX) throw badQuery('too many values', opening)
    return values
  }

  #value(): QueryValue {
    const token = this.#take()
    if (token.kind === 'string') return token.text
    const lower = token.kind === 'word' ? token.text.toLowerCase() : ''
    if (lower === 'true' || lower === 'false') return lower === 'true'
    throw badQuery('expected a value', token.at)
  }

  #ended(condition: Condition): Condition {
    const token = this.#peek()
    if (token.kind !== 'end') throw badQuery('expected the end', token.at)
    return condition
  }

  #peek(): Token {
    const token = this.#tokens[this.#next]
    if (token === undefined) throw new TypeError('read past the end')
    return token
  }

  /** The next token; the end stays where it is. */
  #take(): Token {
    const token = this.#peek()
    if (token.kind !== 'end') this.#next += 1
    return token
  }

  #takeWord(word: string): boolean {
    const token = this.#peek()
    if (token.kind !== 'word' || token.text.toLowerCase() !== word) return false
    this.#next += 1
    return true
  }

  #takeSymbol(symbol: string): boolean {
    const token = this.#peek()
    if (token.kind !== 'symbol' || token.text !== symbol) return false
    this.#next += 1
    return true
  }

  #expectWord(word: string): void {
    const { at } = this.#peek()
    if (!this.#takeWord(word)) throw badQuery(`expected ${word.toUpperCase()}`, at)
  }
}

const COMPARISONS: ReadonlyMap<string, Comparison> = new Map([
  ['=', '='],
  ['!=', '!='],
  ['<>', '!='],
  ['<', '<'],
  ['<=', '<='],
  ['>', '>'],
  ['>=', '>='],
])
