/** Facts of the hub itself, text by name: its id scope, its generation. Not for secrets: these are not sealed. */

import type { Because } from '@holdfast/audit'
import type { Kysely } from 'kysely'
import { SETTING_NAME_LENGTH_MAX, SETTING_VALUE_LENGTH_MAX } from './limits.ts'
import type { StateSchema } from './schema.ts'
import type { WriteGroup } from './write-group.ts'

export interface SettingStore {
  readSetting(name: string): Promise<string | undefined>
  /** @throws TypeError when name (100) or value (65,536 characters) is too long: both are the program's own. */
  writeSetting(name: string, value: string, because?: Because): Promise<void>
}

export class SqlSettings implements SettingStore {
  readonly #db: Kysely<StateSchema>
  readonly #writes: WriteGroup

  constructor(db: Kysely<StateSchema>, writes: WriteGroup) {
    this.#db = db
    this.#writes = writes
  }

  async readSetting(name: string): Promise<string | undefined> {
    const row = await this.#db.selectFrom('setting').select('value').where('name', '=', name).executeTakeFirst()
    return row?.value
  }

  async writeSetting(name: string, value: string, because?: Because): Promise<void> {
    if (name.length > SETTING_NAME_LENGTH_MAX || value.length > SETTING_VALUE_LENGTH_MAX) {
      throw new TypeError(`setting ${name.slice(0, SETTING_NAME_LENGTH_MAX)} is too long`)
    }
    await this.#writes.run(async (transaction, record) => {
      await transaction
        .insertInto('setting')
        .values({ name, value })
        .onConflict((conflict) => conflict.column('name').doUpdateSet({ value }))
        .execute()
      record(because)
    })
  }
}
