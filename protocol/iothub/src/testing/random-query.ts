/** Queries by chance, of every form there is, over a given vocabulary. */

import type { AggregateName, Comparison, Expression, FunctionName, GroupColumn, Path, Query, Scalar } from '../index.ts'

/** Chance, to be seeded by whoever tests. */
export interface Chance {
  /** 0 to below `limit`. */
  below(limit: number): number
}

/** What queries speak of: the more often its documents do too, the more they find. */
export interface Vocabulary {
  readonly paths: readonly Path[]
  readonly scalars: readonly Scalar[]
}

export class RandomQuery {
  readonly #chance: Chance
  readonly #vocabulary: Vocabulary

  constructor(chance: Chance, vocabulary: Vocabulary) {
    this.#chance = chance
    this.#vocabulary = vocabulary
  }

  query(): Query {
    const where = this.#chance.below(10) === 0 ? undefined : this.condition(3)
    return {
      source: this.#chance.below(6) === 0 ? 'devices.modules' : 'devices',
      selection: this.#selection(),
      ...(this.#chance.below(8) === 0 ? { top: 1 + this.#chance.below(20) } : {}),
      ...(where === undefined ? {} : { where }),
    }
  }

  condition(depth: number): Expression {
    if (depth > 0 && this.#chance.below(2) === 0) {
      switch (this.#chance.below(3)) {
        case 0:
          return { kind: 'not', term: this.condition(depth - 1) }
        default: {
          const terms = Array.from({ length: 2 + this.#chance.below(2) }, () => this.condition(depth - 1))
          const kind = this.#chance.below(2) === 0 ? 'and' : 'or'
          return { kind, terms }
        }
      }
    }
    switch (this.#chance.below(6)) {
      case 0:
        return {
          kind: 'in',
          isNegated: this.#chance.below(2) === 0,
          operand: this.#path(),
          items: Array.from({ length: this.#chance.below(5) }, () => this.#pick(this.#vocabulary.scalars)),
        }
      case 1:
        return this.#test()
      case 2:
        return this.operand(2)
      case 3:
        return { kind: 'compare', operator: '=', left: this.#path(), right: this.#constant() }
      default:
        return {
          kind: 'compare',
          operator: this.#comparison(),
          left: this.#chance.below(3) === 0 ? this.operand(2) : this.#path(),
          right: this.operand(2),
        }
    }
  }

  operand(depth: number): Expression {
    switch (this.#chance.below(depth > 0 ? 9 : 6)) {
      case 0:
      case 1:
        return this.#constant()
      case 2:
      case 3:
      case 4:
        return this.#path()
      case 5:
        return this.#chance.below(2) === 0
          ? { kind: 'undefined' }
          : { kind: 'array', items: [this.#pick(this.#vocabulary.scalars), this.#pick(this.#vocabulary.scalars)] }
      case 6:
        return {
          kind: 'arithmetic',
          operator: this.#pick(['+', '-', '*', '/', '%'] as const),
          left: this.operand(depth - 1),
          right: this.operand(depth - 1),
        }
      case 7:
        return { kind: 'negative', term: this.#path() }
      default:
        return this.#call(depth - 1)
    }
  }

  #selection(): Query['selection'] {
    switch (this.#chance.below(4)) {
      case 0: {
        const columns = Array.from({ length: 1 + this.#chance.below(3) }, (_, at) => ({
          kind: 'path' as const,
          path: this.#pick(this.#vocabulary.paths),
          name: `c${at}`,
        }))
        return { kind: 'columns', columns }
      }
      case 1: {
        const by = unique(Array.from({ length: this.#chance.below(3) }, () => this.#pick(this.#vocabulary.paths)))
        const groups = by.map((_, at): GroupColumn => ({ kind: 'group', at, name: `g${at}` }))
        const count: GroupColumn = { kind: 'aggregate', aggregate: 'COUNT', name: 'n' }
        return { kind: 'groups', by, columns: [...groups, count, this.#aggregate()] }
      }
      default:
        return { kind: 'twins' }
    }
  }

  #aggregate(): GroupColumn {
    const aggregate = this.#pick<AggregateName>(['COUNT', 'SUM', 'AVG', 'MIN', 'MAX'])
    return { kind: 'aggregate', aggregate, path: this.#pick(this.#vocabulary.paths), name: 'a' }
  }

  #test(): Expression {
    const name = this.#pick<FunctionName>([
      'IS_DEFINED',
      'IS_NULL',
      'IS_STRING',
      'IS_NUMBER',
      'IS_BOOL',
      'IS_OBJECT',
      'IS_ARRAY',
      'IS_PRIMITIVE',
      'STARTS_WITH',
      'STARTS_WITH',
      'ENDS_WITH',
      'CONTAINS',
    ])
    if (name.startsWith('IS_')) return { kind: 'call', name, operands: [this.operand(1)] }
    const part = this.#chance.below(3) === 0 ? this.operand(1) : this.#constant()
    return { kind: 'call', name, operands: [this.#path(), part] }
  }

  #call(depth: number): Expression {
    const name = this.#pick<FunctionName>([
      'ABS',
      'SQUARE',
      'CEILING',
      'FLOOR',
      'SIGN',
      'SQRT',
      'CONCAT',
      'LENGTH',
      'LOWER',
      'UPPER',
      'SUBSTRING',
      'INDEX_OF',
      'AS_NUMBER',
      'IS_DEFINED',
      'CONTAINS',
    ])
    const count = name === 'CONCAT' || name === 'INDEX_OF' || name === 'SUBSTRING' || name === 'CONTAINS' ? 2 : 1
    return { kind: 'call', name, operands: Array.from({ length: count }, () => this.operand(depth)) }
  }

  #path(): Expression {
    return { kind: 'path', path: this.#pick(this.#vocabulary.paths) }
  }

  #constant(): Expression {
    return { kind: 'constant', value: this.#pick(this.#vocabulary.scalars) }
  }

  #comparison(): Comparison {
    return this.#pick(['=', '!=', '<', '<=', '>', '>='] as const)
  }

  #pick<T>(values: readonly T[]): T {
    const value = values[this.#chance.below(values.length)]
    if (value === undefined && !values.includes(undefined as T)) throw new TypeError('there is nothing to pick from')
    return value as T
  }
}

function unique(paths: readonly Path[]): readonly Path[] {
  const texts = paths.map((path) => JSON.stringify(path))
  return paths.filter((_, at) => texts.indexOf(texts[at] ?? '') === at)
}
