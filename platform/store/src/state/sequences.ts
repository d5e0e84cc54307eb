/**
 * Numbers of rows that are given once and never again. They are known before the row is written, because what is sealed
 * in it is bound to them.
 */

import { sql } from 'kysely'
import type { CommandsSchema } from './commands-schema.ts'
import type { StateTransaction } from './write-group.ts'

export class Sequence {
  readonly #table: keyof CommandsSchema
  #last: number | undefined

  /** @param table with an AUTOINCREMENT key, written by nobody else. */
  constructor(table: keyof CommandsSchema) {
    this.#table = table
  }

  /** Ascending. What is rolled back leaves a gap. */
  async next(transaction: StateTransaction): Promise<number> {
    this.#last ??= await this.#stored(transaction)
    this.#last += 1
    return this.#last
  }

  async #stored(transaction: StateTransaction): Promise<number> {
    const { rows } = await sql<{ seq: number }>`SELECT seq FROM sqlite_sequence WHERE name = ${this.#table}`.execute(
      transaction,
    )
    return rows[0]?.seq ?? 0
  }
}
