/** Roots of TPMs' manufacturers. */

import type { EndorsementRootStore, StoredEndorsementRoot } from '@holdfast/attestation'
import type { Because } from '@holdfast/audit'
import type { Kysely } from 'kysely'
import type { StateSchema } from './schema.ts'
import type { WriteGroup } from './write-group.ts'

export class SqlEndorsementRoots implements EndorsementRootStore {
  readonly #db: Kysely<StateSchema>
  readonly #writes: WriteGroup

  constructor(db: Kysely<StateSchema>, writes: WriteGroup) {
    this.#db = db
    this.#writes = writes
  }

  async listEndorsementRoots(): Promise<readonly StoredEndorsementRoot[]> {
    const rows = await this.#db.selectFrom('endorsement_root').selectAll().orderBy('name').execute()
    return rows.map(({ name, certificate, added_time: addedTime }) => ({ name, certificate, addedTime }))
  }

  async writeEndorsementRoot(
    { name, certificate, addedTime }: StoredEndorsementRoot,
    because?: Because,
  ): Promise<void> {
    const row = { name, certificate, added_time: addedTime }
    await this.#writes.run(async (transaction, record) => {
      await transaction
        .insertInto('endorsement_root')
        .values(row)
        .onConflict((conflict) => conflict.column('name').doUpdateSet(row))
        .execute()
      record(because)
    })
  }

  async deleteEndorsementRoot(name: string, because?: Because): Promise<void> {
    await this.#writes.run(async (transaction, record) => {
      const deletion = transaction.deleteFrom('endorsement_root').where('name', '=', name)
      if ((await deletion.executeTakeFirst()).numDeletedRows > 0n) record(because)
    })
  }
}
