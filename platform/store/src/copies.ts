/** What is in copies of the three databases: counted when a backup is taken, and again in what was restored from it. */

import { DatabaseSync } from 'node:sqlite'
import { StoreDamagedError } from './damaged.ts'
import { readPartitionEnds } from './log/partition-ends.ts'
import { findDamage, storeErrorOf } from './sqlite/database.ts'
import { integerOf } from './sqlite/row.ts'

/** Paths of files that nobody writes. */
export interface CopiedFiles {
  readonly state: string
  readonly log: string
  readonly history: string
}

export interface CopyCounts {
  readonly devices: number
  readonly modules: number
  readonly uploads: number
  /** Sequence numbers [first, next) of each partition. */
  readonly partitions: readonly { readonly partition: number; readonly first: number; readonly next: number }[]
  /** Of the audit log. */
  readonly entries: number
}

const REMEDY = 'take another backup'

/** Makes each copy one file that needs no other beside it, so that it can be packed. @throws StoreDamagedError, StoreUnavailableError. */
export function settleCopies(files: CopiedFiles): void {
  for (const file of Object.values(files)) {
    opened(file, false, (database) => {
      // A file in WAL mode is opened by way of two others, which do not come along.
      database.exec('PRAGMA journal_mode = DELETE')
    })
  }
}

/** @throws StoreDamagedError, StoreUnavailableError. */
export function countCopies({ state, log, history }: CopiedFiles): CopyCounts {
  const counted = opened(state, true, (database) => {
    const count = (sql: string): number => integerOf(database.prepare(`SELECT count(*) AS n FROM ${sql}`).get(), 'n')
    return {
      devices: count(`identity WHERE module_id = ''`),
      modules: count(`identity WHERE module_id <> ''`),
      uploads: count(`upload WHERE file IS NOT NULL`),
      entries: count('audit_entry'),
    }
  })
  const ends = opened(log, true, (database) => {
    const read = readPartitionEnds(database)
    if (typeof read === 'string') throw new StoreDamagedError({ file: log, what: read, remedy: REMEDY })
    return read
  })
  const firsts = opened(history, true, (database) =>
    database
      .prepare('SELECT first_sequence FROM partition ORDER BY id')
      .all()
      .map((row) => integerOf(row, 'first_sequence')),
  )
  return {
    ...counted,
    partitions: ends.map(({ nextSequence }, partition) => ({
      partition,
      first: firsts[partition] ?? nextSequence,
      next: nextSequence,
    })),
  }
}

/** The last checkpoint that was signed of the audit log, as a note; undefined before the first. */
export function lastCheckpointOf(state: string): string | undefined {
  return opened(state, true, (database) => {
    const row = database.prepare('SELECT note FROM audit_checkpoint ORDER BY size DESC LIMIT 1').get()
    return row === undefined ? undefined : String(row['note'])
  })
}

/** Names of the files that uploads were kept in, as the copy of the state has them. */
export function uploadFilesOf(state: string): readonly string[] {
  return opened(state, true, (database) => {
    const rows = database.prepare('SELECT file FROM upload WHERE file IS NOT NULL ORDER BY file').all()
    return rows.map((row) => String(row['file']))
  })
}

/** What `quick_check` finds in one of them, in words; undefined where it is whole. */
export function damageOf(file: string): string | undefined {
  return opened(file, true, findDamage)
}

function opened<T>(file: string, readOnly: boolean, work: (database: DatabaseSync) => T): T {
  let database: DatabaseSync | undefined
  try {
    database = new DatabaseSync(file, { readOnly })
    database.exec('PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON')
    return work(database)
  } catch (error) {
    throw storeErrorOf(error, file, REMEDY)
  } finally {
    database?.close()
  }
}
