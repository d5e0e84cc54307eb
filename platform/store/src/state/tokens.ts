/** Tokens of machines: a row each, its document sealed whole. */

import type { StoredToken, TokenStore } from '@holdfast/access-tokens'
import type { Because } from '@holdfast/audit'
import type { Kysely } from 'kysely'
import { StoreDamagedError } from '../damaged.ts'
import type { StateSchema } from './schema.ts'
import type { Place, ValueSealer } from './value-sealer.ts'
import type { WriteGroup } from './write-group.ts'

export class SqlTokens implements TokenStore {
  readonly #db: Kysely<StateSchema>
  readonly #writes: WriteGroup
  readonly #sealer: ValueSealer

  constructor(db: Kysely<StateSchema>, writes: WriteGroup, sealer: ValueSealer) {
    this.#db = db
    this.#writes = writes
    this.#sealer = sealer
  }

  async listTokens(): Promise<{ readonly tokens: readonly StoredToken[]; readonly damaged: readonly string[] }> {
    const rows = await this.#db.selectFrom('access_token').selectAll().orderBy('id').execute()
    const tokens: StoredToken[] = []
    const damaged: string[] = []
    for (const { id, document, seal_epoch: epoch } of rows) {
      try {
        tokens.push({ id, document: this.#sealer.open(document, epoch, tokenPlace(id)) })
      } catch (error) {
        if (!(error instanceof StoreDamagedError)) throw error
        damaged.push(id)
      }
    }
    return { tokens, damaged }
  }

  async writeToken({ id, document }: StoredToken, because?: Because): Promise<void> {
    await this.#writes.run(async (transaction, record) => {
      const sealed = { document: this.#sealer.seal(document, tokenPlace(id)), seal_epoch: this.#sealer.epoch }
      await transaction
        .insertInto('access_token')
        .values({ id, ...sealed })
        .onConflict((conflict) => conflict.column('id').doUpdateSet(sealed))
        .execute()
      record(because)
    })
  }

  async deleteToken(id: string, because?: Because): Promise<boolean> {
    return this.#writes.run(async (transaction, record) => {
      const { numDeletedRows } = await transaction.deleteFrom('access_token').where('id', '=', id).executeTakeFirst()
      if (numDeletedRows === 0n) return false
      record(because)
      return true
    })
  }
}

export function tokenPlace(id: string): Place {
  return { table: 'access_token', row: [id], column: 'document' }
}
