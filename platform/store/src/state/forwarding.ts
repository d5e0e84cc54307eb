/** Sinks of events: each document sealed whole, its cursor beside it. */

import type { Because } from '@holdfast/audit'
import type { Timestamp } from '@holdfast/base'
import type { SetAside, Sink, SinkExpectation, SinkStore, StoredSetAside, StoredSink } from '@holdfast/forwarding'
import { type Kysely, sql } from 'kysely'
import { pageLimit } from './page.ts'
import type { StateSchema } from './schema.ts'
import type { Place, ValueSealer } from './value-sealer.ts'
import type { StateTransaction, WriteGroup } from './write-group.ts'

export class SqlSinks implements SinkStore {
  readonly #db: Kysely<StateSchema>
  readonly #writes: WriteGroup
  readonly #sealer: ValueSealer

  constructor(db: Kysely<StateSchema>, writes: WriteGroup, sealer: ValueSealer) {
    this.#db = db
    this.#writes = writes
    this.#sealer = sealer
  }

  async listSinks(): Promise<readonly StoredSink[]> {
    const rows = await this.#db
      .selectFrom('sink')
      .selectAll()
      .select(({ selectFrom }) =>
        selectFrom('sink_set_aside')
          .select(sql<number>`count(*)`.as('n'))
          .whereRef('sink_set_aside.sink', '=', 'sink.name')
          .as('set_aside'),
      )
      .orderBy('name')
      .execute()
    return rows.map((row) => ({
      // What `writeSink` wrote, and nobody else could seal.
      ...(JSON.parse(this.#sealer.open(row.document, row.seal_epoch, sinkPlace(row))) as Sink),
      cursor: row.cursor,
      setAside: row.set_aside ?? 0,
    }))
  }

  async writeSink(
    sink: Sink,
    { expected, cursor }: { readonly expected: SinkExpectation; readonly cursor: number },
    because?: Because,
  ): Promise<'written' | 'conflict'> {
    return this.#writes.run(async (transaction, record) => {
      const etag = await readEtag(transaction, sink.name)
      if (etag !== (expected.kind === 'absent' ? undefined : expected.etag)) return 'conflict'
      const row = { name: sink.name, created_time: sink.createdTime }
      const values = {
        ...row,
        etag: sink.etag,
        document: this.#sealer.seal(JSON.stringify(sink), sinkPlace(row)),
        seal_epoch: this.#sealer.epoch,
      }
      await transaction
        .insertInto('sink')
        .values({ ...values, cursor })
        .onConflict((conflict) => conflict.column('name').doUpdateSet(values))
        .execute()
      record(because)
      return 'written'
    })
  }

  async deleteSink(name: string, etag: string, because?: Because): Promise<'deleted' | 'conflict'> {
    return this.#writes.run(async (transaction, record) => {
      if ((await readEtag(transaction, name)) !== etag) return 'conflict'
      await transaction.deleteFrom('sink').where('name', '=', name).execute()
      record(because)
      return 'deleted'
    })
  }

  async moveSink(
    { name, createdTime }: Pick<Sink, 'name' | 'createdTime'>,
    { cursor, setAside }: { readonly cursor: number; readonly setAside?: SetAside & { readonly at: Timestamp } },
    because?: Because,
  ): Promise<boolean> {
    return this.#writes.run(async (transaction, record) => {
      const { numUpdatedRows } = await transaction
        .updateTable('sink')
        .set({ cursor })
        .where('name', '=', name)
        .where('created_time', '=', createdTime)
        // A delivery that ends late does not send its successor back.
        .where('cursor', '<=', cursor)
        .executeTakeFirstOrThrow()
      if (numUpdatedRows === 0n) return false
      if (setAside !== undefined)
        await transaction
          .insertInto('sink_set_aside')
          .values({ sink: name, ...setAside })
          .execute()
      record(because)
      return true
    })
  }

  async listSetAside(
    name: string,
    { after, limit }: { readonly after: number; readonly limit: number },
  ): Promise<readonly StoredSetAside[]> {
    return this.#db
      .selectFrom('sink_set_aside')
      .select(['sequence', 'first', 'last', 'count', 'reason', 'at'])
      .where('sink', '=', name)
      .where('sequence', '>', after)
      .orderBy('sequence')
      .limit(pageLimit(limit))
      .execute()
  }

  async removeSetAside(name: string, sequences: readonly number[], because?: Because): Promise<number> {
    return this.#writes.run(async (transaction, record) => {
      let removed = 0
      for (const sequence of sequences) {
        const { numDeletedRows } = await transaction
          .deleteFrom('sink_set_aside')
          .where('sink', '=', name)
          .where('sequence', '=', sequence)
          .executeTakeFirstOrThrow()
        removed += Number(numDeletedRows)
      }
      if (removed > 0) record(because)
      return removed
    })
  }
}

/** Of a sink that was deleted and made again, the former document does not open. */
export function sinkPlace({ name, created_time }: { readonly name: string; readonly created_time: number }): Place {
  return { table: 'sink', row: [name, String(created_time)], column: 'document' }
}

async function readEtag(transaction: StateTransaction, name: string): Promise<string | undefined> {
  return (await transaction.selectFrom('sink').select('etag').where('name', '=', name).executeTakeFirst())?.etag
}
