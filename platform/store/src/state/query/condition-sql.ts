/** Conditions as SQL that gives 1 or 0 and never NULL; what they mean stands with the syntax tree. */

import { formatTimestamp, timestampOf } from '@holdfast/base'
import type { Comparison, Expression, FunctionName, Scalar } from '@holdfast/iothub'
import { type FieldColumns, isTimePath, timeOf } from './fields.ts'
import { type Kind, ofConstant, ofField, ofKind, type Operand, timeNumber, UNDEFINED } from './operand.ts'
import { balanced, type Bindings, joined, type Sql, sql } from './sql-text.ts'

const OPERATORS: Readonly<Record<Comparison, Sql>> = {
  '=': sql` = `,
  '!=': sql` <> `,
  '<': sql` < `,
  '<=': sql` <= `,
  '>': sql` > `,
  '>=': sql` >= `,
}
const SWAPPED: Readonly<Record<Comparison, Comparison>> = {
  '=': '=',
  '!=': '!=',
  '<': '>',
  '<=': '>=',
  '>': '<',
  '>=': '<=',
}
const AND = sql` AND `
const OR = sql` OR `
const TRUE = sql`1`
const FALSE = sql`0`
const KINDS: readonly Kind[] = ['text', 'number', 'truth', 'tree']

export class ConditionSql {
  readonly #columns: FieldColumns
  readonly #bindings: Bindings

  constructor(columns: FieldColumns) {
    this.#columns = columns
    this.#bindings = columns.bindings
  }

  /** 1 where the expression is true; 0 where it is false or no truth. */
  of(expression: Expression): Sql {
    switch (expression.kind) {
      case 'and':
        return balanced(
          expression.terms.map((term) => this.of(term)),
          AND,
          TRUE,
        )
      case 'or':
        return balanced(
          expression.terms.map((term) => this.of(term)),
          OR,
          FALSE,
        )
      case 'not':
        return sql`(NOT ${this.of(expression.term)})`
      case 'compare':
        return this.#compare(expression)
      case 'in':
        return this.#in(expression)
      default: {
        const truth = this.operand(expression).kinds.truth
        return truth === undefined ? FALSE : sql`coalesce(${truth}, 0)`
      }
    }
  }

  operand(expression: Expression): Operand {
    switch (expression.kind) {
      case 'undefined':
        return UNDEFINED
      case 'constant':
      case 'array':
        return ofConstant(expression, this.#bindings)
      case 'path':
        return ofField(this.#columns.of(expression.path))
      case 'negative':
        return ofKind('number', sql`(-${this.#number(expression.term)})`)
      case 'arithmetic':
        return ofKind('number', this.#arithmetic(expression))
      case 'call':
        return this.#call(expression.name, expression.operands)
      case 'and':
      case 'or':
      case 'not':
      case 'compare':
      case 'in':
        return ofKind('truth', this.of(expression))
    }
  }

  #compare({ operator, left, right }: Extract<Expression, { kind: 'compare' }>): Sql {
    if (left.kind === 'constant' && right.kind === 'path') {
      return this.#compare({ kind: 'compare', operator: SWAPPED[operator], left: right, right: left })
    }
    if (left.kind === 'path' && right.kind === 'constant' && isTimePath(left.path)) {
      const asTimes = this.#compareTimes(operator, left, right.value)
      if (asTimes !== undefined) return asTimes
    }
    return this.#compareOperands(operator, this.operand(left), this.operand(right))
  }

  #compareOperands(operator: Comparison, left: Operand, right: Operand): Sql {
    const cases: Sql[] = []
    for (const kind of KINDS) {
      const a = left.kinds[kind]
      const b = right.kinds[kind]
      // Arrays and objects are the same or not; there is no order in them.
      if (a === undefined || b === undefined || (kind === 'tree' && operator !== '=' && operator !== '!=')) continue
      cases.push(sql`((${a}${OPERATORS[operator]}${b}) IS TRUE)`)
    }
    if (operator === '=' || operator === '<=' || operator === '>=') {
      if (left.isNull !== FALSE && right.isNull !== FALSE) cases.push(sql`(${left.isNull} AND ${right.isNull})`)
    }
    return balanced(cases, OR, FALSE)
  }

  /** A time with a text that is one; undefined where it is none. */
  #compareTimes(operator: Comparison, path: Extract<Expression, { kind: 'path' }>, value: Scalar): Sql | undefined {
    const time = typeof value === 'string' ? timeOf(value) : undefined
    if (time === undefined) return undefined
    const field = this.#columns.of(path.path)
    if (field.kind === 'time') {
      return sql`(${timeNumber(field.column, this.#bindings)}${OPERATORS[operator]}${this.#bindings.bind(time)})`
    }
    // Metadata holds times in one form, which orders as they do.
    const text = ofKind('text', this.#bindings.bind(formatTimestamp(timestampOf(time))))
    return this.#compareOperands(operator, ofField(field), text)
  }

  #in({ operand, items, isNegated }: Extract<Expression, { kind: 'in' }>): Sql {
    const isIn = this.#isIn(operand, items)
    return isNegated ? sql`(${this.operand(operand).isDefined} AND NOT ${isIn})` : isIn
  }

  #isIn(expression: Expression, items: readonly Scalar[]): Sql {
    const cases: Sql[] = []
    if (expression.kind === 'path' && isTimePath(expression.path)) {
      for (const item of items) cases.push(this.#compareTimes('=', expression, item) ?? FALSE)
    }
    const operand = this.operand(expression)
    for (const [kind, type] of [
      ['text', 'string'],
      ['number', 'number'],
    ] as const) {
      const value = operand.kinds[kind]
      const ofType = items.filter((item) => typeof item === type)
      if (value === undefined || ofType.length === 0) continue
      // One place for all of them, and SQLite looks them up in an index of its own.
      const list = this.#bindings.bind(JSON.stringify(ofType))
      const each = kind === 'text' ? sql`value` : sql`CAST(value AS REAL)`
      cases.push(sql`((${value} IN (SELECT ${each} FROM json_each(${list}))) IS TRUE)`)
    }
    for (const truth of [true, false]) {
      if (operand.kinds.truth !== undefined && items.includes(truth)) {
        cases.push(sql`(${operand.kinds.truth} IS ${truth ? TRUE : FALSE})`)
      }
    }
    if (items.includes(null)) cases.push(operand.isNull)
    return balanced(cases, OR, FALSE)
  }

  #arithmetic({ operator, left, right }: Extract<Expression, { kind: 'arithmetic' }>): Sql {
    const a = this.#number(left)
    const b = this.#number(right)
    switch (operator) {
      case '+':
        return sql`(${a} + ${b})`
      case '-':
        return sql`(${a} - ${b})`
      case '*':
        return sql`(${a} * ${b})`
      case '/':
        return sql`(${a} / ${b})`
      case '%':
        return sql`mod(${a}, ${b})`
    }
  }

  #call(name: FunctionName, operands: readonly Expression[]): Operand {
    switch (name) {
      case 'IS_DEFINED':
      case 'IS_NULL':
      case 'IS_STRING':
      case 'IS_NUMBER':
      case 'IS_BOOL':
      case 'IS_OBJECT':
      case 'IS_ARRAY':
      case 'IS_PRIMITIVE':
        return ofKind('truth', this.#typeTest(name, this.operand(at(operands, 0))))
      case 'STARTS_WITH':
      case 'ENDS_WITH':
      case 'CONTAINS':
        return ofKind('truth', textTest(name, this.#text(at(operands, 0)), this.#text(at(operands, 1))))
      case 'ABS':
        return this.#numberCall(sql`abs`, operands)
      case 'EXP':
        return this.#numberCall(sql`exp`, operands)
      case 'POWER':
        return this.#numberCall(sql`pow`, operands)
      case 'CEILING':
        return this.#numberCall(sql`ceil`, operands)
      case 'FLOOR':
        return this.#numberCall(sql`floor`, operands)
      case 'SIGN':
        return this.#numberCall(sql`sign`, operands)
      case 'SQRT':
        return this.#numberCall(sql`sqrt`, operands)
      case 'SQUARE':
        return this.#numberCall(sql`pow`, [...operands, { kind: 'constant', value: 2 }])
      case 'LENGTH':
      case 'INDEX_OF':
      case 'AS_NUMBER':
        return ofKind('number', this.#textCall(name, operands))
      case 'CONCAT':
      case 'LOWER':
      case 'UPPER':
      case 'SUBSTRING':
        return ofKind('text', this.#textCall(name, operands))
    }
  }

  #typeTest(name: Extract<FunctionName, `IS_${string}`>, operand: Operand): Sql {
    const has = (kind: Kind): Sql => {
      const value = operand.kinds[kind]
      return value === undefined ? FALSE : sql`(${value} IS NOT NULL)`
    }
    switch (name) {
      case 'IS_DEFINED':
        return operand.isDefined
      case 'IS_NULL':
        return operand.isNull
      case 'IS_STRING':
        return has('text')
      case 'IS_NUMBER':
        return has('number')
      case 'IS_BOOL':
        return has('truth')
      case 'IS_OBJECT':
        return operand.isObject
      case 'IS_ARRAY':
        return operand.isArray
      case 'IS_PRIMITIVE':
        return balanced([has('text'), has('number'), has('truth'), operand.isNull], OR, FALSE)
    }
  }

  #numberCall(called: Sql, operands: readonly Expression[]): Operand {
    return ofKind(
      'number',
      sql`${called}(${joined(
        operands.map((operand) => this.#number(operand)),
        sql`, `,
      )})`,
    )
  }

  /** By the function of `applyTextFunction` that the database was given. */
  #textCall(name: FunctionName, operands: readonly Expression[]): Sql {
    const values = operands.map((expression) => {
      const { text, number } = this.operand(expression).kinds
      return text !== undefined && number !== undefined ? sql`coalesce(${text}, ${number})` : (text ?? number ?? NULL)
    })
    return sql`${TEXT_FUNCTION}(${joined([this.#bindings.bind(name), ...values], sql`, `)})`
  }

  #number(expression: Expression): Sql {
    return this.operand(expression).kinds.number ?? NULL
  }

  #text(expression: Expression): Sql {
    return this.operand(expression).kinds.text ?? NULL
  }
}

const NULL = sql`NULL`

/** The name of the one function that the database does not have by itself. */
export const TEXT_FUNCTION = sql`holdfast_text`

/** By bytes: in UTF-8 a character's bytes begin nowhere but at a character. */
function textTest(name: 'STARTS_WITH' | 'ENDS_WITH' | 'CONTAINS', text: Sql, part: Sql): Sql {
  switch (name) {
    case 'STARTS_WITH':
      return sql`((instr(${text}, ${part}) = 1) IS TRUE)`
    case 'CONTAINS':
      return sql`((instr(${text}, ${part}) > 0) IS TRUE)`
    case 'ENDS_WITH':
      return sql`((octet_length(${part}) = 0 AND ${text} IS NOT NULL OR substr(CAST(${text} AS BLOB), -octet_length(${part})) = CAST(${part} AS BLOB)) IS TRUE)`
  }
}

function at(operands: readonly Expression[], index: number): Expression {
  const operand = operands[index]
  if (operand === undefined) throw new TypeError('a call without its operands')
  return operand
}
