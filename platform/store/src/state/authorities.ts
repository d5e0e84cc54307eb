/** Customers' certificate authorities. */

import type { Because } from '@holdfast/audit'
import type { AuthorityStore, CustomerAuthority, Expectation, WriteOutcome } from '@holdfast/identity'
import type { Insertable, Kysely, Selectable } from 'kysely'
import { judge, judgeDeletion } from './expectation.ts'
import type { AuthorityTable, StateSchema } from './schema.ts'
import type { StateTransaction, WriteGroup } from './write-group.ts'

export class SqlAuthorities implements AuthorityStore {
  readonly #db: Kysely<StateSchema>
  readonly #writes: WriteGroup

  constructor(db: Kysely<StateSchema>, writes: WriteGroup) {
    this.#db = db
    this.#writes = writes
  }

  /** By name. There are few: the registry bounds them. */
  async listAuthorities(): Promise<readonly CustomerAuthority[]> {
    const rows = await this.#db.selectFrom('authority').selectAll().orderBy('name').execute()
    return rows.map(authorityOf)
  }

  async writeAuthority(authority: CustomerAuthority, expected: Expectation, because?: Because): Promise<WriteOutcome> {
    return this.#writes.run(async (transaction, record) => {
      const outcome = judge(expected, await readEtag(transaction, authority.name))
      if (outcome !== 'written') return outcome
      const row = rowOf(authority)
      await transaction
        .insertInto('authority')
        .values(row)
        .onConflict((conflict) => conflict.column('name').doUpdateSet(row))
        .execute()
      record(because)
      return 'written'
    })
  }

  async deleteAuthority(name: string, because?: Because): Promise<WriteOutcome> {
    return this.#writes.run(async (transaction, record) => {
      const outcome = judgeDeletion({ kind: 'any' }, await readEtag(transaction, name))
      if (outcome !== 'written') return outcome
      await transaction.deleteFrom('authority').where('name', '=', name).execute()
      record(because)
      return outcome
    })
  }
}

async function readEtag(transaction: StateTransaction, name: string): Promise<string | undefined> {
  const row = await transaction.selectFrom('authority').select('etag').where('name', '=', name).executeTakeFirst()
  return row?.etag
}

function rowOf(authority: CustomerAuthority): Insertable<AuthorityTable> {
  const { state } = authority
  return {
    name: authority.name,
    certificate: authority.certificate,
    etag: authority.etag,
    created_time: authority.createdTime,
    nonce: state.kind === 'pending' ? state.nonce : null,
    verified_time: state.kind === 'verified' ? state.at : null,
  }
}

function authorityOf(row: Selectable<AuthorityTable>): CustomerAuthority {
  const { name, certificate, etag, created_time: createdTime, nonce, verified_time: at } = row
  if (at !== null) return { name, certificate, etag, createdTime, state: { kind: 'verified', at } }
  return { name, certificate, etag, createdTime, state: { kind: 'pending', nonce: nonce ?? '' } }
}
