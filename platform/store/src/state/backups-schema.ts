/** Backups that were taken, and the schedule: a document each, sealed whole, for it holds what opens a backup for a drill. */

import type { Timestamp } from '@holdfast/base'
import type { Sealed } from './schema.ts'

export interface BackupTable {
  id: string
  taken_time: Timestamp
  document: Sealed
  seal_epoch: number
}

export interface BackupsSchema {
  backup: BackupTable
}

export const BACKUPS: readonly string[] = [
  `CREATE TABLE backup (
    id         TEXT NOT NULL PRIMARY KEY,
    taken_time INTEGER NOT NULL,
    document   BLOB NOT NULL,
    seal_epoch INTEGER NOT NULL
  ) STRICT`,
  `CREATE INDEX backup_by_time ON backup (taken_time, id)`,
  `CREATE INDEX backup_by_seal ON backup (seal_epoch)`,
]
