/** Backups that were taken: each document sealed whole, in the order in which they were taken. */

import type { Because } from '@holdfast/audit'
import { type Timestamp, timestampOf } from '@holdfast/base'
import type { Kysely } from 'kysely'
import type { StateSchema } from './schema.ts'
import type { Place, ValueSealer } from './value-sealer.ts'
import type { WriteGroup } from './write-group.ts'

/** Backups that are remembered: a dozen years of weekly ones, or two of daily ones. */
export const BACKUPS_MAX = 1_000

export interface StoredBackup {
  readonly id: string
  readonly takenTime: Timestamp
  /** JSON; its writer's. */
  readonly document: string
}

export interface BackupStore {
  /** All of them, at most `BACKUPS_MAX`, the newest first. */
  listBackups(): Promise<readonly StoredBackup[]>
  /** Writes one that is new or replaces it; of more than `BACKUPS_MAX` the oldest is forgotten. */
  writeBackup(backup: StoredBackup, because?: Because): Promise<void>
  /** @returns false where there is none. */
  deleteBackup(id: string, because?: Because): Promise<boolean>
}

export class SqlBackups implements BackupStore {
  readonly #db: Kysely<StateSchema>
  readonly #writes: WriteGroup
  readonly #sealer: ValueSealer

  constructor(db: Kysely<StateSchema>, writes: WriteGroup, sealer: ValueSealer) {
    this.#db = db
    this.#writes = writes
    this.#sealer = sealer
  }

  async listBackups(): Promise<readonly StoredBackup[]> {
    const rows = await this.#db
      .selectFrom('backup')
      .selectAll()
      .orderBy('taken_time', 'desc')
      .orderBy('id', 'desc')
      .limit(BACKUPS_MAX)
      .execute()
    return rows.map(({ id, taken_time: takenTime, document, seal_epoch: epoch }) => ({
      id,
      takenTime: timestampOf(takenTime),
      document: this.#sealer.open(document, epoch, backupPlace(id)),
    }))
  }

  async writeBackup({ id, takenTime, document }: StoredBackup, because?: Because): Promise<void> {
    await this.#writes.run(async (transaction, record) => {
      const values = {
        taken_time: takenTime,
        document: this.#sealer.seal(document, backupPlace(id)),
        seal_epoch: this.#sealer.epoch,
      }
      await transaction
        .insertInto('backup')
        .values({ id, ...values })
        .onConflict((conflict) => conflict.column('id').doUpdateSet(values))
        .execute()
      await transaction
        .deleteFrom('backup')
        .where('id', 'in', (query) =>
          query
            .selectFrom('backup')
            .select('id')
            .orderBy('taken_time', 'desc')
            .orderBy('id', 'desc')
            .limit(-1)
            .offset(BACKUPS_MAX),
        )
        .execute()
      record(because)
    })
  }

  async deleteBackup(id: string, because?: Because): Promise<boolean> {
    return this.#writes.run(async (transaction, record) => {
      const { numDeletedRows } = await transaction.deleteFrom('backup').where('id', '=', id).executeTakeFirst()
      if (numDeletedRows === 0n) return false
      record(because)
      return true
    })
  }
}

export function backupPlace(id: string): Place {
  return { table: 'backup', row: [id], column: 'document' }
}
