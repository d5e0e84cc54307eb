/** An operand as SQL, once for each kind of value that it may have: a kind it does not have gives NULL. */

import type { Expression } from '@holdfast/iothub'
import { type Field, NEVER_MS, timeText } from './fields.ts'
import { type Bindings, type Sql, sql } from './sql-text.ts'

export type Kind = 'text' | 'number' | 'truth' | 'tree'

export interface Operand {
  /** SQL for each kind that it may have: of TEXT, of REAL, of 0 and 1, of JSON text of an array or object. */
  readonly kinds: Readonly<Partial<Record<Kind, Sql>>>
  /** 0 or 1, never NULL. */
  readonly isNull: Sql
  readonly isDefined: Sql
  readonly isObject: Sql
  readonly isArray: Sql
}

const NEVER = { isNull: sql`0`, isObject: sql`0`, isArray: sql`0` }
export const UNDEFINED: Operand = { ...NEVER, kinds: {}, isDefined: sql`0` }

/** Of a value of one kind that is undefined where the SQL gives NULL. */
export function ofKind(kind: Exclude<Kind, 'tree'>, value: Sql): Operand {
  return { ...NEVER, kinds: { [kind]: value }, isDefined: sql`(${value} IS NOT NULL)` }
}

export function ofConstant(
  expression: Extract<Expression, { kind: 'constant' | 'array' }>,
  bindings: Bindings,
): Operand {
  if (expression.kind === 'array') {
    const tree = bindings.bind(JSON.stringify(expression.items))
    return { ...NEVER, kinds: { tree }, isDefined: sql`1`, isArray: sql`1` }
  }
  const { value } = expression
  switch (typeof value) {
    case 'string':
      return { ...ofKind('text', bindings.bind(value)), isDefined: sql`1` }
    case 'number':
      return { ...ofKind('number', bindings.bind(value)), isDefined: sql`1` }
    case 'boolean':
      return { ...ofKind('truth', value ? sql`1` : sql`0`), isDefined: sql`1` }
    default:
      return { ...NEVER, kinds: {}, isNull: sql`1`, isDefined: sql`1` }
  }
}

export function ofField(field: Field): Operand {
  switch (field.kind) {
    case 'nothing':
      return UNDEFINED
    case 'object':
      return { ...NEVER, kinds: {}, isDefined: sql`1`, isObject: sql`1` }
    case 'text': {
      const operand = ofKind('text', field.column)
      return field.absent === 'undefined'
        ? operand
        : { ...operand, isDefined: sql`1`, isNull: sql`(${field.column} IS NULL)` }
    }
    case 'number':
      return ofKind('number', sql`CAST(${field.column} AS REAL)`)
    case 'truth':
      return ofKind('truth', field.column)
    case 'time':
      return { ...ofKind('text', timeText(field.column)), isDefined: sql`1` }
    case 'array':
      return {
        ...NEVER,
        kinds: { tree: field.column },
        isDefined: sql`(${field.column} IS NOT NULL)`,
        isArray: sql`(${field.column} IS NOT NULL)`,
      }
    case 'json':
      return ofJson(field)
  }
}

/** Milliseconds of a time field, for comparing with other times. */
export function timeNumber(column: Sql, bindings: Bindings): Sql {
  return sql`coalesce(${column}, ${bindings.bind(NEVER_MS)})`
}

function ofJson({ type, value }: Extract<Field, { kind: 'json' }>): Operand {
  return {
    kinds: {
      text: sql`CASE ${type} WHEN 'text' THEN ${value} END`,
      // Whole numbers too: what counts is the double that JSON means by the digits.
      number: sql`CASE WHEN ${type} IN ('integer', 'real') THEN CAST(${value} AS REAL) END`,
      truth: sql`CASE ${type} WHEN 'true' THEN 1 WHEN 'false' THEN 0 END`,
      tree: sql`CASE WHEN ${type} IN ('array', 'object') THEN ${value} END`,
    },
    isNull: sql`(${type} IS 'null')`,
    isDefined: sql`(${type} IS NOT NULL)`,
    isObject: sql`(${type} IS 'object')`,
    isArray: sql`(${type} IS 'array')`,
  }
}
