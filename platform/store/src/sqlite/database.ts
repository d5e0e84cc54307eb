/**
 * Opening an SQLite file the way telemetry needs it, and telling its faults apart.
 * Everything here is synchronous: each file belongs to one thread, and that thread does nothing else meanwhile.
 */

import { existsSync, statSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { StoreDamagedError, StoreUnavailableError } from '../damaged.ts'

/** What makes a file ours: `application_id` and `user_version` of its header. */
export interface FileKind {
  readonly applicationId: number
  readonly format: number
  /** For messages: 'telemetry log'. */
  readonly noun: string
  /** What the operator can do about damage, one sentence without a full stop. */
  readonly remedy: string
}

export interface OpenOptions {
  /** A second connection that reads while the owner writes. */
  readonly readOnly: boolean
  /** Bytes of a database page; only counts when the file is new. */
  readonly pageBytes: number
  /** Page cache of this connection, KiB. */
  readonly cacheKib: number
  /** Looks at what is there through a read-only connection; what it refuses stays as it was, to the byte. */
  readonly inspect?: (database: DatabaseSync) => void
}

const SQLITE_BUSY = 5
const SQLITE_CORRUPT = 11
const SQLITE_FULL = 13
const SQLITE_NOTADB = 26
/** Growing the shared-memory file failed; on Linux that is a full disk. */
const SQLITE_IOERR_SHMSIZE = 4874

/** How long a reader waits where SQLite must lock for a moment (recovery, first open), in milliseconds. */
const BUSY_MS = 2_000

/** What an error of `node:sqlite` means for the store; undefined when it is not SQLite's. */
export type SqliteFault = 'damaged' | 'disk-full' | 'io-error' | 'busy'

export function faultOf(error: unknown): SqliteFault | undefined {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return undefined
  if (error.errcode === SQLITE_IOERR_SHMSIZE) return 'disk-full'
  switch (error.errcode & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return 'damaged'
    case SQLITE_FULL:
      return 'disk-full'
    case SQLITE_BUSY:
      return 'busy'
    case 7: // NOMEM
    case 8: // READONLY: the file system was remounted after an error.
    case 10: // IOERR
    case 14: // CANTOPEN
    case 15: // PROTOCOL
      return 'io-error'
    default:
      return undefined
  }
}

/** Turns a fault of the world into our error; anything else is a bug and comes back as it is. */
export function storeErrorOf(error: unknown, file: string, remedy: string): unknown {
  const fault = faultOf(error)
  if (fault === undefined || !(error instanceof Error)) return error
  if (fault === 'damaged') return new StoreDamagedError({ file, what: error.message, remedy }, error)
  return new StoreUnavailableError(fault === 'disk-full' ? 'disk-full' : 'io-error', `${file}: ${error.message}`, error)
}

/**
 * Opens `file`, creating it when it is absent or empty, in WAL mode. Commits reach the disk (`synchronous=FULL`).
 * The caller makes the tables when `isNew`.
 * @throws StoreDamagedError when it is no SQLite file, a foreign one, or of a newer format.
 * @throws StoreUnavailableError when it cannot be opened or written.
 */
export function openDatabase(
  file: string,
  kind: FileKind,
  options: OpenOptions,
): { readonly database: DatabaseSync; readonly isNew: boolean } {
  const { remedy } = kind
  let database: DatabaseSync | undefined
  try {
    refuseTruncated(file, kind, remedy)
    const isNew = !options.readOnly && !inspect(file, kind, { remedy, inspect: options.inspect })
    database = new DatabaseSync(file, { readOnly: options.readOnly, timeout: BUSY_MS })
    if (isNew) {
      // Both only take effect before the first table is made.
      database.exec(`PRAGMA page_size = ${options.pageBytes}; PRAGMA auto_vacuum = INCREMENTAL`)
    }
    if (options.readOnly) refuseForeign(database, file, { kind, remedy })
    else database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0')
    database.exec(PRAGMAS)
    database.exec(`PRAGMA cache_size = -${options.cacheKib}`)
    return { database, isNew }
  } catch (error) {
    if (database?.isOpen) database.close()
    throw storeErrorOf(error, file, remedy)
  }
}

/** A WAL that has grown (a full disk kept it from being folded in) shrinks to 64 MiB when it starts anew. */
const PRAGMAS =
  'PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY; PRAGMA journal_size_limit = 67108864'

/** @returns false when there is nothing yet. */
function inspect(
  file: string,
  kind: FileKind,
  options: { readonly remedy: string; readonly inspect: ((database: DatabaseSync) => void) | undefined },
): boolean {
  if ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) === 0) return false
  // A read-write connection would fold the WAL in when it closes, even where the file is refused.
  const database = new DatabaseSync(file, { readOnly: true, timeout: BUSY_MS })
  try {
    database.exec(PRAGMAS)
    if (pragma(database, 'schema_version') === 0 && pragma(database, 'application_id') === 0) return false
    refuseForeign(database, file, { kind, remedy: options.remedy })
    options.inspect?.(database)
    return true
  } finally {
    database.close()
  }
}

function refuseForeign(
  database: DatabaseSync,
  file: string,
  { kind, remedy }: { readonly kind: FileKind; readonly remedy: string },
): void {
  if (pragma(database, 'application_id') !== kind.applicationId) {
    throw new StoreDamagedError({
      file,
      what: `it is not a ${kind.noun} of Holdfast, or its header is damaged`,
      remedy,
    })
  }
  const format = pragma(database, 'user_version')
  if (format !== kind.format) {
    throw new StoreDamagedError({
      file,
      what: `its format is ${format}, this program knows ${kind.format}`,
      remedy: 'run the version of Holdfast that wrote it, or restore it from a backup',
    })
  }
}

/** A pragma that answers one number. */
export function pragma(database: DatabaseSync, name: string): number {
  const row = database.prepare(`PRAGMA ${name}`).get()
  const value = row === undefined ? undefined : Object.values(row)[0]
  return typeof value === 'number' ? value : 0
}

/** Runs `work` in one write transaction: all of it on disk when this returns, nothing of it when it throws. */
export function inTransaction<T>(database: DatabaseSync, work: () => T): T {
  database.exec('BEGIN IMMEDIATE')
  try {
    const result = work()
    database.exec('COMMIT')
    return result
  } catch (error) {
    // SQLite itself has rolled back after some faults; a failing ROLLBACK must not hide the first error.
    if (database.isTransaction) {
      try {
        database.exec('ROLLBACK')
      } catch {
        database.close()
      }
    }
    throw error
  }
}

/**
 * What `quick_check` finds, at most three findings; undefined when the file is whole.
 * Reads the whole file, so its caller bounds the size.
 */
export function findDamage(database: DatabaseSync): string | undefined {
  const findings = database.prepare('PRAGMA quick_check(3)').all()
  const texts = findings.map((row) => String(Object.values(row)[0]).replaceAll('\n', ' '))
  return texts.length === 1 && texts[0] === 'ok' ? undefined : texts.join('; ')
}

/** SQLite takes a file shorter than its header for an empty database; a store that had content must not pass so. */
function refuseTruncated(file: string, kind: FileKind, remedy: string): void {
  if (!existsSync(file)) {
    if (existsSync(`${file}-wal`) && statSync(`${file}-wal`).size > 0) {
      throw new StoreDamagedError({ file, what: `this ${kind.noun} is missing, but its -wal is there`, remedy })
    }
    return
  }
  const bytes = statSync(file).size
  if (bytes > 0 && bytes < 512) {
    throw new StoreDamagedError({ file, what: `it is cut off after ${bytes} bytes`, remedy })
  }
}
