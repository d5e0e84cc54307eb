/** Models of devices. */

import type { Because } from '@holdfast/audit'
import type { Timestamp } from '@holdfast/base'
import type { DeviceModel, ModelDraft, ModelExpectation, ModelStore } from '@holdfast/models'
import type { Insertable, Kysely, Selectable } from 'kysely'
import type { StateSchema } from './schema.ts'
import type { StateTransaction, WriteGroup } from './write-group.ts'

export interface ModelTable {
  id: string
  /** JSON text of the model's document, as it was read and bounded. */
  document: string
  etag: string
  created_time: Timestamp
  updated_time: Timestamp
}

export interface ModelsSchema {
  model: ModelTable
}

export const MODELS: readonly string[] = [
  `CREATE TABLE model (
    id           TEXT NOT NULL PRIMARY KEY,
    document     TEXT NOT NULL CHECK (json_valid(document)),
    etag         TEXT NOT NULL,
    created_time INTEGER NOT NULL,
    updated_time INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID`,
]

export class SqlModels implements ModelStore {
  readonly #db: Kysely<StateSchema>
  readonly #writes: WriteGroup

  constructor(db: Kysely<StateSchema>, writes: WriteGroup) {
    this.#db = db
    this.#writes = writes
  }

  async listModels(): Promise<readonly DeviceModel[]> {
    return (await this.#db.selectFrom('model').selectAll().orderBy('id').execute()).map(modelOf)
  }

  async writeModel(model: DeviceModel, expected: ModelExpectation, because?: Because): Promise<'written' | 'conflict'> {
    return this.#writes.run(async (transaction, record) => {
      const etag = await readEtag(transaction, model.id)
      if (etag !== (expected.kind === 'absent' ? undefined : expected.etag)) return 'conflict'
      const row = rowOf(model)
      await transaction
        .insertInto('model')
        .values(row)
        .onConflict((conflict) => conflict.column('id').doUpdateSet(row))
        .execute()
      record(because)
      return 'written'
    })
  }

  async deleteModel(id: string, etag: string, because?: Because): Promise<'deleted' | 'conflict' | 'in-use'> {
    return this.#writes.run(async (transaction, record) => {
      if ((await readEtag(transaction, id)) !== etag) return 'conflict'
      const life = await transaction
        .selectFrom('device_life')
        .select('device_id')
        .where('model', '=', id)
        .limit(1)
        .execute()
      const entry = await transaction
        .selectFrom('supply_entry')
        .select('serial')
        .where('model', '=', id)
        .where('state', 'in', ['manufactured', 'claimed', 'provisioned'])
        .limit(1)
        .execute()
      if (life.length > 0 || entry.length > 0) return 'in-use'
      await transaction.deleteFrom('model').where('id', '=', id).execute()
      record(because)
      return 'deleted'
    })
  }
}

async function readEtag(transaction: StateTransaction, id: string): Promise<string | undefined> {
  return (await transaction.selectFrom('model').select('etag').where('id', '=', id).executeTakeFirst())?.etag
}

function rowOf({ etag, createdTime, updatedTime, ...draft }: DeviceModel): Insertable<ModelTable> {
  const { id } = draft
  return { id, document: JSON.stringify(draft), etag, created_time: createdTime, updated_time: updatedTime }
}

/** The text is what `rowOf` wrote of a draft that `readModel` had checked. */
function modelOf(row: Selectable<ModelTable>): DeviceModel {
  const draft = JSON.parse(row.document) as ModelDraft
  return { ...draft, etag: row.etag, createdTime: row.created_time, updatedTime: row.updated_time }
}
