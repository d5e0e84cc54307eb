/**
 * Conditions. From the loosest to the tightest: OR, AND, NOT, one comparison (= != <> < <= > >= IN NIN), + -, * / %, a sign.
 */

import { describe, type Token } from './lexer.ts'
import { QUERY_DEPTH_MAX, QUERY_LIST_MAX, QUERY_PATHS_MAX, QUERY_TERMS_MAX } from './limits.ts'
import { parsePath } from './path-parser.ts'
import type { Arithmetic, Comparison, Expression, Scalar } from './syntax.ts'
import type { TokenCursor } from './token-cursor.ts'
import { AGGREGATES, FUNCTIONS } from './vocabulary.ts'

const COMPARISONS: ReadonlyMap<string, Comparison> = new Map(
  (['=', '!=', '<', '<=', '>', '>='] as const).map((operator) => [operator, operator]),
)
const SUMS: ReadonlyMap<string, Arithmetic> = new Map([
  ['+', '+'],
  ['-', '-'],
])
const PRODUCTS: ReadonlyMap<string, Arithmetic> = new Map([
  ['*', '*'],
  ['/', '/'],
  ['%', '%'],
])
const OPERAND = 'a field, a value, a function or a parenthesis'

export class ExpressionParser {
  readonly #cursor: TokenCursor
  readonly #paths = new Set<string>()
  #terms = 0
  #depth = 0

  constructor(cursor: TokenCursor) {
    this.#cursor = cursor
  }

  /** @throws QueryError. */
  condition(): Expression {
    return this.#chain('or', () => this.#chain('and', () => this.#negation()))
  }

  #chain(kind: 'and' | 'or', term: () => Expression): Expression {
    const first = term()
    const keyword = kind === 'and' ? 'AND' : 'OR'
    if (!this.#cursor.isKeyword(keyword)) return first
    const terms = [first]
    while (this.#cursor.takeKeyword(keyword)) terms.push(term())
    return this.#counted({ kind, terms })
  }

  #negation(): Expression {
    if (!this.#cursor.takeKeyword('NOT')) return this.#comparison()
    const term = this.#deeper(() => this.#negation())
    return this.#counted({ kind: 'not', term })
  }

  #comparison(): Expression {
    const left = this.#sum()
    const { token } = this.#cursor
    const operator = token.kind === 'symbol' ? COMPARISONS.get(token.text) : undefined
    if (operator !== undefined) {
      this.#cursor.take()
      return this.#counted({ kind: 'compare', operator, left, right: this.#sum() })
    }
    for (const [keyword, isNegated] of [
      ['IN', false],
      ['NIN', true],
    ] as const) {
      if (this.#cursor.takeKeyword(keyword)) {
        return this.#counted({ kind: 'in', isNegated, operand: left, items: this.#list() })
      }
    }
    return left
  }

  #sum(): Expression {
    return this.#arithmetic(SUMS, () => this.#arithmetic(PRODUCTS, () => this.#signed()))
  }

  #arithmetic(operators: ReadonlyMap<string, Arithmetic>, operand: () => Expression): Expression {
    let left = operand()
    // A chain leans to the left and is as deep as it is long.
    for (let links = 0; ; links += 1) {
      const { token } = this.#cursor
      const operator = token.kind === 'symbol' ? operators.get(token.text) : undefined
      if (operator === undefined) return left
      if (links >= QUERY_DEPTH_MAX) throw this.#tooDeep()
      this.#cursor.take()
      left = this.#counted({ kind: 'arithmetic', operator, left, right: operand() })
    }
  }

  #signed(): Expression {
    if (this.#cursor.takeSymbol('+')) return this.#deeper(() => this.#signed())
    if (!this.#cursor.takeSymbol('-')) return this.#operand()
    const term = this.#deeper(() => this.#signed())
    if (term.kind === 'constant' && typeof term.value === 'number') return { kind: 'constant', value: -term.value }
    return this.#counted({ kind: 'negative', term })
  }

  #operand(): Expression {
    const { token } = this.#cursor
    switch (token.kind) {
      case 'string':
      case 'number':
        this.#cursor.take()
        return this.#counted({ kind: 'constant', value: token.value })
      case 'symbol':
        if (token.text === '(') return this.#parenthesis()
        if (token.text === '[') return this.#counted({ kind: 'array', items: this.#list() })
        throw this.#cursor.unexpected(OPERAND)
      case 'word':
        return this.#word(token)
      case 'escaped':
      case 'end':
        throw this.#cursor.unexpected(OPERAND)
    }
  }

  #parenthesis(): Expression {
    this.#cursor.expectSymbol('(')
    const inside = this.#deeper(() => this.condition())
    this.#cursor.expectSymbol(')')
    return inside
  }

  #word(token: Extract<Token, { kind: 'word' }>): Expression {
    switch (token.keyword) {
      case 'TRUE':
      case 'FALSE':
        this.#cursor.take()
        return this.#counted({ kind: 'constant', value: token.keyword === 'TRUE' })
      case 'NULL':
        this.#cursor.take()
        return this.#counted({ kind: 'constant', value: null })
      case 'UNDEFINED':
        this.#cursor.take()
        return this.#counted({ kind: 'undefined' })
      case undefined:
        break
      default:
        throw this.#cursor.unexpected(OPERAND)
    }
    const name = token.text.toUpperCase()
    // Fields are told from functions by the parenthesis, which only the next token shows.
    if (!FUNCTIONS.has(name) && !AGGREGATES.some((aggregate) => aggregate === name)) {
      const path = parsePath(this.#cursor)
      if (this.#cursor.isSymbol('(')) throw this.#unknownFunction(token)
      this.#paths.add(JSON.stringify(path))
      if (this.#paths.size > QUERY_PATHS_MAX) {
        throw this.#cursor.refuse('too-large', token.at, {
          found: 'one path more',
          expected: `at most ${QUERY_PATHS_MAX} different paths in a condition`,
        })
      }
      return this.#counted({ kind: 'path', path })
    }
    this.#cursor.take()
    return this.#call(token, name)
  }

  #call(token: Extract<Token, { kind: 'word' }>, called: string): Expression {
    const signature = FUNCTIONS.get(called)
    if (signature === undefined) {
      throw this.#cursor.refuse('bad-meaning', token.at, {
        found: `the aggregate ${called}`,
        expected: 'a condition on single twins (aggregates stand behind SELECT)',
      })
    }
    const { name, operandsMin, operandsMax } = signature
    this.#cursor.expectSymbol('(')
    const operands: Expression[] = []
    this.#deeper(() => {
      do {
        if (operands.length >= operandsMax) throw this.#cursor.unexpected(`')' (${called} takes no more than that)`)
        operands.push(this.#sum())
      } while (this.#cursor.takeSymbol(','))
    })
    if (operands.length < operandsMin) throw this.#cursor.unexpected(`',' (${called} takes ${operandsMin} values)`)
    this.#cursor.expectSymbol(')')
    return this.#counted({ kind: 'call', name, operands })
  }

  #list(): readonly Scalar[] {
    const end = this.#cursor.isSymbol('(') ? ')' : ']'
    if (!this.#cursor.takeSymbol('(') && !this.#cursor.takeSymbol('[')) throw this.#cursor.unexpected("'['")
    const items: Scalar[] = []
    if (this.#cursor.takeSymbol(end)) return items
    do {
      if (items.length >= QUERY_LIST_MAX) {
        throw this.#cursor.refuse('too-large', this.#cursor.token.at, {
          found: 'one value more',
          expected: `a list of at most ${QUERY_LIST_MAX} values`,
        })
      }
      items.push(this.#scalar())
    } while (this.#cursor.takeSymbol(','))
    if (!this.#cursor.takeSymbol(end)) throw this.#cursor.unexpected(`',' or '${end}'`)
    return items
  }

  #scalar(): Scalar {
    const isNegative = this.#cursor.takeSymbol('-')
    const { token } = this.#cursor
    if (token.kind === 'number') {
      this.#cursor.take()
      return isNegative ? -token.value : token.value
    }
    if (isNegative) throw this.#cursor.unexpected('a number behind the sign')
    if (token.kind === 'string') {
      this.#cursor.take()
      return token.value
    }
    for (const [keyword, value] of [
      ['TRUE', true],
      ['FALSE', false],
      ['NULL', null],
    ] as const) {
      if (this.#cursor.takeKeyword(keyword)) return value
    }
    throw this.#cursor.unexpected('a string, a number, true, false or null')
  }

  #deeper<T>(inside: () => T): T {
    this.#depth += 1
    if (this.#depth > QUERY_DEPTH_MAX) throw this.#tooDeep()
    const result = inside()
    this.#depth -= 1
    return result
  }

  #counted(expression: Expression): Expression {
    this.#terms += 1
    if (this.#terms <= QUERY_TERMS_MAX) return expression
    throw this.#cursor.refuse('too-large', this.#cursor.token.at, {
      found: 'one term more',
      expected: `at most ${QUERY_TERMS_MAX} operands and operators`,
    })
  }

  #tooDeep(): Error {
    return this.#cursor.refuse('too-large', this.#cursor.token.at, {
      found: 'one level more',
      expected: `at most ${QUERY_DEPTH_MAX} levels of parentheses, signs, NOT and calls`,
    })
  }

  #unknownFunction(token: Token): Error {
    return this.#cursor.refuse('unknown-name', token.at, {
      found: `${describe(token)} with a parenthesis`,
      expected: `a function: ${[...FUNCTIONS.keys()].join(', ')}`,
    })
  }
}
