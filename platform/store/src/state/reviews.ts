/** Views, plans, reviews and findings: a record a row, each document sealed whole. */

import type { Because } from '@holdfast/audit'
import {
  REVIEW_KINDS,
  type ReviewChange,
  type ReviewKind,
  type ReviewPage,
  type ReviewRecord,
  type ReviewStore,
} from '@holdfast/review'
import type { Kysely, Selectable } from 'kysely'
import { pageLimit } from './page.ts'
import type { ReviewRecordTable } from './reviews-schema.ts'
import type { StateSchema } from './schema.ts'
import type { Place, ValueSealer } from './value-sealer.ts'
import type { WriteGroup } from './write-group.ts'

export class SqlReviews implements ReviewStore {
  readonly #db: Kysely<StateSchema>
  readonly #writes: WriteGroup
  readonly #sealer: ValueSealer

  constructor(db: Kysely<StateSchema>, writes: WriteGroup, sealer: ValueSealer) {
    this.#db = db
    this.#writes = writes
    this.#sealer = sealer
  }

  async listReviewRecords({ kind, isOpen, after, limit }: ReviewPage): Promise<readonly ReviewRecord[]> {
    let query = this.#db.selectFrom('review_record').selectAll().where('kind', '=', kind)
    if (isOpen !== undefined) query = query.where('is_open', '=', isOpen ? 1 : 0)
    if (after !== undefined) query = query.where('id', '>', after)
    const rows = await query.orderBy('id').limit(pageLimit(limit)).execute()
    return rows.map((row) => this.#recordOf(row))
  }

  async readReviewRecord(kind: ReviewKind, id: string): Promise<ReviewRecord | undefined> {
    const row = await this.#db
      .selectFrom('review_record')
      .selectAll()
      .where('kind', '=', kind)
      .where('id', '=', id)
      .executeTakeFirst()
    return row && this.#recordOf(row)
  }

  async changeReviewRecords({ put, remove }: ReviewChange, because?: Because): Promise<void> {
    await this.#writes.run(async (transaction, record) => {
      for (const { kind, id } of remove) {
        await transaction.deleteFrom('review_record').where('kind', '=', kind).where('id', '=', id).execute()
      }
      for (const { kind, id, isOpen, document } of put) {
        const values = {
          is_open: isOpen ? (1 as const) : (0 as const),
          document: this.#sealer.seal(document, reviewPlace({ kind, id })),
          seal_epoch: this.#sealer.epoch,
        }
        await transaction
          .insertInto('review_record')
          .values({ kind, id, ...values })
          .onConflict((conflict) => conflict.columns(['kind', 'id']).doUpdateSet(values))
          .execute()
      }
      record(because)
    })
  }

  #recordOf(row: Selectable<ReviewRecordTable>): ReviewRecord {
    const { id } = row
    const kind = kindOf(row.kind)
    const document = this.#sealer.open(row.document, row.seal_epoch, reviewPlace({ kind, id }))
    return { kind, id, isOpen: row.is_open === 1, document }
  }
}

export function reviewPlace({ kind, id }: { readonly kind: string; readonly id: string }): Place {
  return { table: 'review_record', row: [id, kind], column: 'document' }
}

/** @throws TypeError for what the table's check has kept out. */
function kindOf(text: string): ReviewKind {
  const kind = REVIEW_KINDS.find((known) => known === text)
  if (kind === undefined) throw new TypeError(`${text} is no kind of record of reviews`)
  return kind
}
