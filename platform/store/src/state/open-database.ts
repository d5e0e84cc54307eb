/** Opening `state.db`: whole, ours, of a version we know, and nobody else's at the same time; or not at all. */

import { closeSync, existsSync, openSync, readSync, statSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { Kysely } from 'kysely'
import { Migrator } from 'kysely/migration'
import { StoreDamagedError, StoreUnavailableError } from '../damaged.ts'
import { faultOf, findDamage, pragma, storeErrorOf } from '../sqlite/database.ts'
import { findWalDamage } from '../sqlite/wal.ts'
import { NodeSqliteDialect } from './dialect.ts'
import { BUSY_MS, CACHE_KIB } from './limits.ts'
import { MIGRATIONS, STATE_APPLICATION_ID } from './migrations.ts'
import type { StateSchema } from './schema.ts'

const REMEDY = 'restore state.db from a backup; without it no device, policy or enrolment is known'
const MAGIC = 'SQLite format 3\0'
const HEADER_BYTES = 100

export interface StateDatabase {
  readonly db: Kysely<StateSchema>
  /** The same connection, for what Kysely does not say. */
  readonly database: DatabaseSync
  /** The migrations that ran now. */
  readonly migrated: readonly string[]
}

/**
 * Opens or makes the file, checks it whole (`quick_check` reads all of it, some 500 MB a second, CHECK constraints
 * included), and brings its tables up to date in one transaction.
 * @throws StoreDamagedError foreign, newer, cut off, or damaged: then nothing was written to it.
 * @throws StoreUnavailableError `busy` when another process has it, otherwise the disk's fault.
 */
export async function openStateDatabase(file: string): Promise<StateDatabase> {
  let database: DatabaseSync | undefined
  try {
    refuseOtherContent(file)
    database = connect(file)
    refuseOtherSchema(database, file)
    const db = new Kysely<StateSchema>({ dialect: new NodeSqliteDialect({ database, file, remedy: REMEDY }) })
    await refuseNewer(db, database, file)
    const { error, results } = await new Migrator({
      db,
      provider: { getMigrations: async () => MIGRATIONS },
    }).migrateToLatest()
    if (error !== undefined) throw error instanceof Error ? error : new Error('the migration failed', { cause: error })
    return { db, database, migrated: (results ?? []).map((result) => result.migrationName) }
  } catch (error) {
    if (database?.isOpen) database.close()
    if (faultOf(error) === 'busy') {
      throw new StoreUnavailableError('busy', `${file} is in use by another process`, error)
    }
    throw storeErrorOf(error, file, REMEDY)
  }
}

function connect(file: string): DatabaseSync {
  // Made by us and not by SQLite, so that nobody else can read it whatever the umask; its -wal takes the same mode.
  closeSync(openSync(file, 'a', 0o600))
  const database = new DatabaseSync(file, {
    timeout: BUSY_MS,
    enableForeignKeyConstraints: true,
    enableDoubleQuotedStringLiterals: false,
    allowExtension: false,
    defensive: true,
    // Nothing we run attaches another file; what is injected must not either.
    limits: { attach: 0 },
  })
  try {
    configure(database)
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

function configure(database: DatabaseSync): void {
  // One connection has the file for itself: a second process is refused, and no shared-memory file is needed.
  database.exec('PRAGMA locking_mode = EXCLUSIVE')
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 16777216')
  database.exec(
    `PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -${CACHE_KIB}`,
  )
  // What is deleted or re-sealed is overwritten in the file: an old key's ciphertext does not linger.
  database.exec('PRAGMA secure_delete = ON')
}

/** Before SQLite touches the file: it would take a short file for an empty database and write to it. */
function refuseOtherContent(file: string): void {
  const wal = `${file}-wal`
  const bytes = existsSync(file) ? statSync(file).size : 0
  if (bytes === 0) {
    // A first start that ended before the first commit leaves an empty file, but never a log with content.
    if (existsSync(wal) && statSync(wal).size > 0 && !existsSync(file)) {
      throw new StoreDamagedError({ file, what: 'it is missing, but its -wal is there', remedy: REMEDY })
    }
    return
  }
  const head = Buffer.alloc(HEADER_BYTES)
  const descriptor = openSync(file, 'r')
  try {
    readSync(descriptor, head, 0, head.length, 0)
  } finally {
    closeSync(descriptor)
  }
  if (head.toString('latin1', 0, MAGIC.length) !== MAGIC) {
    throw new StoreDamagedError({ file, what: 'it is no SQLite database, or its header is damaged', remedy: REMEDY })
  }
  // Bytes 16 and 17: the page size, 1 standing for 65,536 (file format §1.3.2). While a log is there a checkpoint may
  // have stopped inside a page, and the log writes it again; SQLite would fill what is missing with zeros otherwise.
  const pageBytes = head.readUInt16BE(16) === 1 ? 65_536 : head.readUInt16BE(16)
  const hasLog = existsSync(wal) && statSync(wal).size > 0
  if (pageBytes < 512 || bytes < pageBytes || (!hasLog && bytes % pageBytes !== 0)) {
    throw new StoreDamagedError({ file, what: `it is cut off after ${bytes} bytes`, remedy: REMEDY })
  }
  const damage = findWalDamage(wal)
  if (damage !== undefined) throw new StoreDamagedError({ file, what: damage, remedy: REMEDY })
}

function refuseOtherSchema(database: DatabaseSync, file: string): void {
  const isEmpty = pragma(database, 'schema_version') === 0
  if (isEmpty) return
  if (pragma(database, 'application_id') !== STATE_APPLICATION_ID) {
    throw new StoreDamagedError({
      file,
      what: 'it is the database of another program, or its header is damaged',
      remedy: 'move it away, or put the right file in its place',
    })
  }
  const damage = findDamage(database)
  if (damage !== undefined) throw new StoreDamagedError({ file, what: `it is damaged (${damage})`, remedy: REMEDY })
}

async function refuseNewer(db: Kysely<StateSchema>, database: DatabaseSync, file: string): Promise<void> {
  if (pragma(database, 'schema_version') === 0) return
  const rows = database.prepare('SELECT name FROM kysely_migration ORDER BY name').all()
  const unknown = rows.map((row) => String(row.name)).find((name) => !Object.hasOwn(MIGRATIONS, name))
  if (unknown === undefined) return
  await db.destroy()
  throw new StoreDamagedError({
    file,
    what: `it was written by a newer version of Holdfast (${unknown})`,
    remedy: 'run that version, or restore a backup made with this one',
  })
}
