/** Kysely over `node:sqlite`: one connection, statements prepared once, faults of the disk in our own words. */

import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import { LruMap } from '@holdfast/base'
import {
  type CompiledQuery,
  type DatabaseConnection,
  type DatabaseIntrospector,
  type Dialect,
  type DialectAdapter,
  type Driver,
  type Kysely,
  type QueryCompiler,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely'
import { storeErrorOf } from '../sqlite/database.ts'
import { STATEMENTS_MAX } from './limits.ts'

/** An open database, and what to say when it fails. */
export interface NodeSqlite {
  readonly database: DatabaseSync
  readonly file: string
  readonly remedy: string
}

export class NodeSqliteDialect implements Dialect {
  readonly #sqlite: NodeSqlite

  constructor(sqlite: NodeSqlite) {
    this.#sqlite = sqlite
  }

  createAdapter(): DialectAdapter {
    return new TransactionalSqliteAdapter()
  }

  createDriver(): Driver {
    return new NodeSqliteDriver(this.#sqlite)
  }

  createIntrospector(db: Kysely<unknown>): DatabaseIntrospector {
    return new SqliteIntrospector(db)
  }

  createQueryCompiler(): QueryCompiler {
    return new SqliteQueryCompiler()
  }
}

/** SQLite does roll back a CREATE TABLE; so a migration is done or not done, never half. */
class TransactionalSqliteAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true
  }
}

class NodeSqliteDriver implements Driver {
  readonly #sqlite: NodeSqlite
  readonly #connection: NodeSqliteConnection

  constructor(sqlite: NodeSqlite) {
    this.#sqlite = sqlite
    this.#connection = new NodeSqliteConnection(sqlite)
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    return this.#connection
  }

  async beginTransaction(): Promise<void> {
    this.#connection.run('BEGIN IMMEDIATE')
  }

  async commitTransaction(): Promise<void> {
    this.#connection.run('COMMIT')
  }

  async rollbackTransaction(): Promise<void> {
    // After some faults (a full disk among them) SQLite has rolled back by itself.
    if (this.#sqlite.database.isTransaction) this.#connection.run('ROLLBACK')
  }

  async releaseConnection(): Promise<void> {}

  async destroy(): Promise<void> {
    if (this.#sqlite.database.isOpen) this.#sqlite.database.close()
  }
}

interface Prepared {
  readonly statement: StatementSync
  readonly hasRows: boolean
}

class NodeSqliteConnection implements DatabaseConnection {
  readonly #sqlite: NodeSqlite
  readonly #statements = new LruMap<string, Prepared>(STATEMENTS_MAX)

  constructor(sqlite: NodeSqlite) {
    this.#sqlite = sqlite
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    try {
      const { statement, hasRows } = this.#prepare(query.sql)
      const parameters = query.parameters.map(inputOf)
      // The checked border: what a query answers has the shape its text says, and the text comes from typed queries.
      if (hasRows) return { rows: statement.all(...parameters) as R[] }
      const { changes, lastInsertRowid } = statement.run(...parameters)
      return { rows: [], numAffectedRows: BigInt(changes), insertId: BigInt(lastInsertRowid) }
    } catch (error) {
      throw storeErrorOf(error, this.#sqlite.file, this.#sqlite.remedy)
    }
  }

  // oxlint-disable-next-line require-yield -- the port wants a generator; whole pages are what we read
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new TypeError('lists are read in pages, not streamed')
  }

  run(sql: string): void {
    try {
      this.#prepare(sql).statement.run()
    } catch (error) {
      throw storeErrorOf(error, this.#sqlite.file, this.#sqlite.remedy)
    }
  }

  #prepare(sql: string): Prepared {
    const known = this.#statements.get(sql)
    if (known !== undefined) return known
    const statement = this.#sqlite.database.prepare(sql)
    const prepared = { statement, hasRows: statement.columns().length > 0 }
    this.#statements.set(sql, prepared)
    return prepared
  }
}

/** @throws TypeError on a value SQLite does not know: a bug in a query. */
function inputOf(value: unknown): SQLInputValue {
  if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint')
    return value
  if (value instanceof Uint8Array) return value
  throw new TypeError(`no SQL value: ${typeof value}`)
}
