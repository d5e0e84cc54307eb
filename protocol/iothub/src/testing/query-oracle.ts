/**
 * What queries mean, as slowly and plainly as it can be said: over whole documents, one after the other. Whatever runs
 * queries is compared with this; it shares no code with it but the functions on texts.
 */

import {
  applyTextFunction,
  type Arithmetic,
  type Comparison,
  type Expression,
  type FunctionName,
  type GroupColumn,
  type Path,
  type Query,
  type Scalar,
} from '../index.ts'

export type JsonValue = string | number | boolean | null | readonly JsonValue[] | { readonly [key: string]: JsonValue }

/** A value of a condition. An object that the hub puts together itself is there, but equals nothing. */
type Value = JsonValue | typeof WHOLE | undefined
const WHOLE = Symbol('an object that is put together')

const WHOLES: ReadonlySet<string> = new Set([
  'tags',
  'properties',
  'properties.desired',
  'properties.desired.$metadata',
  'properties.reported',
  'properties.reported.$metadata',
  'x509Thumbprint',
  'capabilities',
])

/** The documents that meet a query's condition, in their order. */
export function oracleMatches(query: Query, documents: readonly JsonValue[]): readonly JsonValue[] {
  const { where } = query
  return where === undefined ? documents : documents.filter((document) => isTrue(where, document))
}

/** The rows of a query of columns or groups, in no order of their own. */
export function oracleRows(query: Query, documents: readonly JsonValue[]): readonly JsonValue[] {
  const matches = oracleMatches(query, documents)
  const { selection } = query
  switch (selection.kind) {
    case 'twins':
      return matches
    case 'columns':
      return matches.map((document) =>
        objectOf(selection.columns.map(({ path, name }) => [name, lookUp(document, path)] as const)),
      )
    case 'groups': {
      const groups = new Map<string, JsonValue[]>()
      if (selection.by.length === 0) groups.set('[]', [])
      for (const document of matches) {
        // An empty list for what is not there.
        const key = JSON.stringify(
          selection.by.map((path) => [lookUp(document, path)].filter((one) => one !== undefined)),
        )
        groups.set(key, [...(groups.get(key) ?? []), document])
      }
      return [...groups.values()].map((group) =>
        objectOf(selection.columns.map((column) => [column.name, columnOf(column, selection.by, group)] as const)),
      )
    }
  }
}

function objectOf(members: readonly (readonly [string, JsonValue | undefined])[]): JsonValue {
  const object: Record<string, JsonValue> = Object.create(null)
  for (const [name, value] of members) if (value !== undefined) object[name] = value
  return object
}

function columnOf(column: GroupColumn, by: readonly Path[], group: readonly JsonValue[]): JsonValue | undefined {
  const [first] = group
  if (column.kind === 'group') {
    const path = by[column.at]
    return first === undefined || path === undefined ? undefined : lookUp(first, path)
  }
  const { aggregate, path } = column
  if (path === undefined) return group.length
  const values = group.map((document) => lookUp(document, path)).filter((value) => value !== undefined)
  const numbers = values.filter((value) => typeof value === 'number')
  const texts = values.filter((value) => typeof value === 'string')
  const sum = numbers.reduce((a, b) => a + b, 0)
  switch (aggregate) {
    case 'COUNT':
      return values.length
    case 'SUM':
      return numbers.length === 0 ? undefined : sum
    case 'AVG':
      return numbers.length === 0 ? undefined : sum / numbers.length
    case 'MIN':
      return numbers.length > 0 ? Math.min(...numbers) : texts.toSorted(compareTexts).at(0)
    case 'MAX':
      return numbers.length > 0 ? Math.max(...numbers) : texts.toSorted(compareTexts).at(-1)
  }
}

function lookUp(document: JsonValue, path: Path): JsonValue | undefined {
  let value: JsonValue | undefined = document
  for (const name of path) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
    const members: object = value
    value = Object.hasOwn(members, name) ? (Reflect.get(members, name) as JsonValue) : undefined
  }
  return value
}

function isTrue(expression: Expression, document: JsonValue): boolean {
  return valueOf(expression, document) === true
}

function valueOf(expression: Expression, document: JsonValue): Value {
  switch (expression.kind) {
    case 'constant':
      return expression.value
    case 'undefined':
      return undefined
    case 'array':
      return expression.items
    case 'path':
      return WHOLES.has(expression.path.join('.')) && lookUp(document, expression.path) !== undefined
        ? WHOLE
        : lookUp(document, expression.path)
    case 'and':
      return expression.terms.every((term) => isTrue(term, document))
    case 'or':
      return expression.terms.some((term) => isTrue(term, document))
    case 'not':
      return !isTrue(expression.term, document)
    case 'compare': {
      const { operator, left, right } = expression
      const asTimes = isTime(left) && right.kind === 'constant' ? 'left' : isTime(right) && left.kind === 'constant'
      return compares(operator, valueOf(left, document), valueOf(right, document), asTimes !== false)
    }
    case 'in':
      return isIn(expression, document)
    case 'negative': {
      const value = valueOf(expression.term, document)
      return typeof value === 'number' ? -value : undefined
    }
    case 'arithmetic':
      return compute(expression.operator, valueOf(expression.left, document), valueOf(expression.right, document))
    case 'call':
      return call(
        expression.name,
        expression.operands.map((operand) => valueOf(operand, document)),
      )
  }
}

function isIn({ operand, items, isNegated }: Extract<Expression, { kind: 'in' }>, document: JsonValue): boolean {
  const value = valueOf(operand, document)
  const isThere = items.some((item: Scalar) => compares('=', value, item, isTime(operand)))
  return isNegated ? value !== undefined && !isThere : isThere
}

function isTime(expression: Expression): boolean {
  if (expression.kind !== 'path') return false
  const { path } = expression
  if (path.length === 1) return path[0] === 'statusUpdateTime' || path[0] === 'lastActivityTime'
  return path[0] === 'properties' && path[2] === '$metadata' && path.at(-1) === '$lastUpdated'
}

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/

function compares(operator: Comparison, a: Value, b: Value, asTimes: boolean): boolean {
  if (a === undefined || b === undefined || a === WHOLE || b === WHOLE) return false
  if (asTimes && typeof a === 'string' && typeof b === 'string' && TIME.test(a) && TIME.test(b)) {
    return ordered(operator, Math.sign(Date.parse(a) - Date.parse(b)))
  }
  if (a === null || b === null) return a === b && ordered(operator, 0)
  if (typeof a === 'string' && typeof b === 'string') return ordered(operator, compareTexts(a, b))
  if (typeof a === 'number' && typeof b === 'number') return ordered(operator, a < b ? -1 : a > b ? 1 : 0)
  if (typeof a === 'boolean' && typeof b === 'boolean') return ordered(operator, Number(a) - Number(b))
  if (typeof a === 'object' && typeof b === 'object') {
    const isSame = JSON.stringify(a) === JSON.stringify(b)
    return operator === '=' ? isSame : operator === '!=' && !isSame
  }
  return false
}

function ordered(operator: Comparison, order: number): boolean {
  switch (operator) {
    case '=':
      return order === 0
    case '!=':
      return order !== 0
    case '<':
      return order < 0
    case '<=':
      return order <= 0
    case '>':
      return order > 0
    case '>=':
      return order >= 0
  }
}

/** By code points. */
function compareTexts(a: string, b: string): number {
  const left = Array.from(a, (character) => character.codePointAt(0) ?? 0)
  const right = Array.from(b, (character) => character.codePointAt(0) ?? 0)
  for (const [at, point] of left.entries()) {
    const other = right[at]
    if (other === undefined) return 1
    if (point !== other) return point - other
  }
  return left.length - right.length
}

function compute(operator: Arithmetic, a: Value, b: Value): number | undefined {
  if (typeof a !== 'number' || typeof b !== 'number') return undefined
  switch (operator) {
    case '+':
      return number(a + b)
    case '-':
      return number(a - b)
    case '*':
      return number(a * b)
    case '/':
      return b === 0 ? undefined : number(a / b)
    case '%':
      return number(a % b)
  }
}

function number(value: number): number | undefined {
  return Number.isNaN(value) ? undefined : value
}

function call(name: FunctionName, operands: readonly Value[]): Value {
  const [a, b] = operands
  switch (name) {
    case 'IS_DEFINED':
      return a !== undefined
    case 'IS_NULL':
      return a === null
    case 'IS_STRING':
      return typeof a === 'string'
    case 'IS_NUMBER':
      return typeof a === 'number'
    case 'IS_BOOL':
      return typeof a === 'boolean'
    case 'IS_ARRAY':
      return Array.isArray(a)
    case 'IS_OBJECT':
      return a === WHOLE || (typeof a === 'object' && a !== null && !Array.isArray(a))
    case 'IS_PRIMITIVE':
      return a === null || ['string', 'number', 'boolean'].includes(typeof a)
    case 'STARTS_WITH':
      return typeof a === 'string' && typeof b === 'string' && a.startsWith(b)
    case 'ENDS_WITH':
      return typeof a === 'string' && typeof b === 'string' && a.endsWith(b)
    case 'CONTAINS':
      return typeof a === 'string' && typeof b === 'string' && a.includes(b)
    case 'ABS':
      return typeof a === 'number' ? Math.abs(a) : undefined
    case 'EXP':
      return typeof a === 'number' ? Math.exp(a) : undefined
    case 'POWER':
      return typeof a === 'number' && typeof b === 'number' ? number(a ** b) : undefined
    case 'SQUARE':
      return typeof a === 'number' ? a * a : undefined
    case 'CEILING':
      return typeof a === 'number' ? Math.ceil(a) : undefined
    case 'FLOOR':
      return typeof a === 'number' ? Math.floor(a) : undefined
    case 'SIGN':
      return typeof a === 'number' ? Math.sign(a) : undefined
    case 'SQRT':
      return typeof a === 'number' ? number(Math.sqrt(a)) : undefined
    default:
      return applyTextFunction(
        name,
        operands.map((operand) => (typeof operand === 'string' || typeof operand === 'number' ? operand : undefined)),
      )
  }
}
