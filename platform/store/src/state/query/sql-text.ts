/**
 * SQL as a type of its own: made of text that stands in this program and of places for bound values, and of nothing
 * else. What a query's author wrote has no way into it.
 */

import type { SQLInputValue } from 'node:sqlite'

declare const brand: unique symbol

export type Sql = string & { readonly [brand]: true }

/** The one place where text becomes SQL: a template's own text is the program's, and what is put into it is SQL. */
export function sql(parts: TemplateStringsArray, ...values: readonly Sql[]): Sql {
  return String.raw({ raw: parts }, ...values) as Sql
}

/** Several, with a text of the program between them. */
export function joined(pieces: readonly Sql[], between: Sql): Sql {
  return pieces.join(between) as Sql
}

const DIGITS = [sql`0`, sql`1`, sql`2`, sql`3`, sql`4`, sql`5`, sql`6`, sql`7`, sql`8`, sql`9`]

/** A name with a number: `f12`. */
export function named(letter: Sql, number: number): Sql {
  return sql`${letter}${joined(
    Array.from(String(number), (digit) => DIGITS[Number(digit)] ?? sql``),
    sql``,
  )}`
}

/** The values of one statement, by name. */
export class Bindings {
  readonly #values: Record<string, SQLInputValue> = {}
  readonly #names = new Map<SQLInputValue, Sql>()

  /** The place of a value; one place a value. */
  bind(value: string | number): Sql {
    const known = this.#names.get(value)
    if (known !== undefined) return known
    const name = `v${this.#names.size}`
    this.#values[name] = value
    const place = `:${name}` as Sql
    this.#names.set(value, place)
    return place
  }

  get values(): Readonly<Record<string, SQLInputValue>> {
    return this.#values
  }
}

/**
 * Joins conditions so that SQLite's tree of them is as deep as the logarithm of their number; it bears a thousand levels.
 * @param operator AND or OR with blanks around it.
 */
export function balanced(conditions: readonly Sql[], operator: Sql, none: Sql): Sql {
  const [first] = conditions
  if (first === undefined) return none
  if (conditions.length === 1) return first
  const middle = conditions.length >> 1
  const left = balanced(conditions.slice(0, middle), operator, none)
  return sql`(${left}${operator}${balanced(conditions.slice(middle), operator, none)})`
}
