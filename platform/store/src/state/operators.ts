/** People: a record a row, each document sealed whole, so that whoever can write the file cannot make an operator. */

import type { Because } from '@holdfast/audit'
import {
  PEOPLE_KINDS,
  type PeopleChange,
  type PeopleKind,
  type PeopleListing,
  type PeopleRecord,
  type PeopleStore,
} from '@holdfast/operators'
import type { Kysely } from 'kysely'
import { StoreDamagedError } from '../damaged.ts'
import type { StateSchema } from './schema.ts'
import type { Place, ValueSealer } from './value-sealer.ts'
import type { WriteGroup } from './write-group.ts'

export class SqlPeople implements PeopleStore {
  readonly #db: Kysely<StateSchema>
  readonly #writes: WriteGroup
  readonly #sealer: ValueSealer

  constructor(db: Kysely<StateSchema>, writes: WriteGroup, sealer: ValueSealer) {
    this.#db = db
    this.#writes = writes
    this.#sealer = sealer
  }

  async listPeople(): Promise<PeopleListing> {
    const rows = await this.#db.selectFrom('people_record').selectAll().execute()
    const records: PeopleRecord[] = []
    const damaged: { readonly kind: PeopleKind; readonly id: string }[] = []
    for (const { id, seal_epoch, ...row } of rows) {
      const kind = kindOf(row.kind)
      try {
        records.push({ kind, id, document: this.#sealer.open(row.document, seal_epoch, peoplePlace({ kind, id })) })
      } catch (error) {
        // A person's damaged record is that person's trouble, and no reason for the hub not to start.
        if (!(error instanceof StoreDamagedError)) throw error
        damaged.push({ kind, id })
      }
    }
    return { records, damaged }
  }

  async changePeople({ put, remove }: PeopleChange, because?: Because): Promise<void> {
    await this.#writes.run(async (transaction, record) => {
      for (const { kind, id } of remove) {
        await transaction.deleteFrom('people_record').where('kind', '=', kind).where('id', '=', id).execute()
      }
      for (const { kind, id, document } of put) {
        const sealed = {
          document: this.#sealer.seal(document, peoplePlace({ kind, id })),
          seal_epoch: this.#sealer.epoch,
        }
        await transaction
          .insertInto('people_record')
          .values({ kind, id, ...sealed })
          .onConflict((conflict) => conflict.columns(['kind', 'id']).doUpdateSet(sealed))
          .execute()
      }
      record(because)
    })
  }
}

/** A document that is moved to another person or made another kind of thing does not open. */
export function peoplePlace({ kind, id }: { readonly kind: string; readonly id: string }): Place {
  return { table: 'people_record', row: [id, kind], column: 'document' }
}

function kindOf(text: string): PeopleKind {
  const kind = PEOPLE_KINDS.find((one) => one === text)
  if (kind === undefined) throw new TypeError(`a record of people of an unknown kind: ${text}`)
  return kind
}
