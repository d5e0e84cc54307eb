/** Revocation lists of customers' authorities. */

import type { Because } from '@holdfast/audit'
import type { RevocationListStore, StoredRevocationList, WriteOutcome } from '@holdfast/identity'
import type { Kysely } from 'kysely'
import type { StateSchema } from './schema.ts'
import type { WriteGroup } from './write-group.ts'

export class SqlRevocationLists implements RevocationListStore {
  readonly #db: Kysely<StateSchema>
  readonly #writes: WriteGroup

  constructor(db: Kysely<StateSchema>, writes: WriteGroup) {
    this.#db = db
    this.#writes = writes
  }

  /** Few, and bounded in bytes, by who writes them. */
  async listRevocationLists(): Promise<readonly StoredRevocationList[]> {
    const rows = await this.#db
      .selectFrom('revocation_list')
      .selectAll()
      .orderBy('authority')
      .orderBy('issuer_key')
      .execute()
    return rows.map((row) => ({
      authority: row.authority,
      issuerKey: row.issuer_key,
      issuer: row.issuer,
      whenStale: row.when_stale,
      ...(row.list === null ? {} : { list: row.list }),
      ...(row.taken_time === null ? {} : { takenTime: row.taken_time }),
      ...(row.url === null ? {} : { url: row.url }),
    }))
  }

  async writeRevocationList(one: StoredRevocationList, because?: Because): Promise<WriteOutcome> {
    return this.#writes.run(async (transaction, record) => {
      const authority = await transaction
        .selectFrom('authority')
        .select('name')
        .where('name', '=', one.authority)
        .executeTakeFirst()
      if (authority === undefined) return 'missing'
      const row = {
        authority: one.authority,
        issuer_key: one.issuerKey,
        issuer: one.issuer,
        list: one.list ?? null,
        taken_time: one.takenTime ?? null,
        url: one.url ?? null,
        when_stale: one.whenStale,
      }
      await transaction
        .insertInto('revocation_list')
        .values(row)
        .onConflict((conflict) => conflict.columns(['authority', 'issuer_key']).doUpdateSet(row))
        .execute()
      record(because)
      return 'written'
    })
  }

  async deleteRevocationList(authority: string, issuerKey: string, because?: Because): Promise<WriteOutcome> {
    return this.#writes.run(async (transaction, record) => {
      const { numDeletedRows } = await transaction
        .deleteFrom('revocation_list')
        .where('authority', '=', authority)
        .where('issuer_key', '=', issuerKey)
        .executeTakeFirstOrThrow()
      if (numDeletedRows === 0n) return 'missing'
      record(because)
      return 'written'
    })
  }
}
