/** The hub-wide queues: feedback and file notifications. */

import type { Timestamp } from '@holdfast/base'
import type {
  ChangeOutcome,
  QueueEntry,
  ServiceEnqueued,
  ServiceQueueName,
  ServiceQueueStore,
  StoredServiceMessage,
} from '@holdfast/commands'
import type { Kysely } from 'kysely'
import { pageLimit } from './page.ts'
import type { StateSchema } from './schema.ts'
import type { Sequence } from './sequences.ts'
import type { Place, ValueSealer } from './value-sealer.ts'
import type { StateTransaction, WriteGroup } from './write-group.ts'

export class SqlServiceQueues implements ServiceQueueStore {
  readonly #db: Kysely<StateSchema>
  readonly #writes: WriteGroup
  readonly #sealer: ValueSealer
  readonly #sequence: Sequence

  constructor(
    db: Kysely<StateSchema>,
    writes: WriteGroup,
    { sealer, sequence }: { readonly sealer: ValueSealer; readonly sequence: Sequence },
  ) {
    this.#db = db
    this.#writes = writes
    this.#sealer = sealer
    this.#sequence = sequence
  }

  async enqueueServiceMessage(
    queue: ServiceQueueName,
    message: { readonly enqueued: Timestamp; readonly expires: Timestamp; readonly content: Uint8Array },
    { messagesMax }: { readonly messagesMax: number },
  ): Promise<ServiceEnqueued> {
    return this.#writes.run(async (transaction) =>
      insertServiceMessage(
        transaction,
        { ...message, queue, messagesMax },
        { sealer: this.#sealer, sequence: this.#sequence },
      ),
    )
  }

  async readServiceQueue(
    queue: ServiceQueueName,
    { after, limit }: { readonly after: number; readonly limit: number },
  ): Promise<readonly QueueEntry[]> {
    return this.#db
      .selectFrom('service_message')
      .select(['sequence', 'expires_time as expires', 'delivery_count as deliveryCount'])
      .where('queue', '=', queue)
      .where('sequence', '>', after)
      .orderBy('sequence')
      .limit(pageLimit(limit))
      .execute()
  }

  async readServiceMessage(queue: ServiceQueueName, sequence: number): Promise<StoredServiceMessage | undefined> {
    const row = await this.#db
      .selectFrom('service_message')
      .selectAll()
      .where('sequence', '=', sequence)
      .where('queue', '=', queue)
      .executeTakeFirst()
    if (row === undefined) return undefined
    return {
      sequence,
      enqueued: row.enqueued_time,
      expires: row.expires_time,
      deliveryCount: row.delivery_count,
      content: this.#sealer.openBytes(row.content, row.seal_epoch, serviceMessagePlace(row)),
    }
  }

  async removeServiceMessage(queue: ServiceQueueName, sequence: number): Promise<boolean> {
    return this.#writes.run(async (transaction) => remove(transaction, queue, sequence))
  }

  async abandonServiceMessage(
    queue: ServiceQueueName,
    sequence: number,
    deliveriesMax: number,
  ): Promise<ChangeOutcome> {
    return this.#writes.run(async (transaction): Promise<ChangeOutcome> => {
      const row = await transaction
        .selectFrom('service_message')
        .select('delivery_count')
        .where('sequence', '=', sequence)
        .where('queue', '=', queue)
        .executeTakeFirst()
      if (row === undefined) return { kind: 'missing' }
      const deliveryCount = row.delivery_count + 1
      if (deliveryCount >= deliveriesMax) {
        await remove(transaction, queue, sequence)
        return { kind: 'ended', hasFeedback: false }
      }
      await transaction
        .updateTable('service_message')
        .set({ delivery_count: deliveryCount })
        .where('sequence', '=', sequence)
        .execute()
      return { kind: 'kept', deliveryCount }
    })
  }

  async expireServiceMessages(at: Timestamp, limit: number): Promise<number> {
    return this.#writes.run(async (transaction) => {
      const rows = await transaction
        .selectFrom('service_message')
        .select('sequence')
        .where('expires_time', '<=', at)
        .orderBy('expires_time')
        .limit(pageLimit(limit))
        .execute()
      await removeAll(transaction, rows)
      return rows.length
    })
  }
}

export interface NewServiceMessage {
  readonly queue: ServiceQueueName
  readonly enqueued: Timestamp
  readonly expires: Timestamp
  readonly content: Uint8Array
  readonly messagesMax: number
}

/** Within a transaction of the caller's; makes room first. */
export async function insertServiceMessage(
  transaction: StateTransaction,
  message: NewServiceMessage,
  { sealer, sequence: numbers }: { readonly sealer: ValueSealer; readonly sequence: Sequence },
): Promise<ServiceEnqueued> {
  const { queue, enqueued, expires, content, messagesMax } = message
  const { waiting } = await transaction
    .selectFrom('service_message')
    .select(({ fn }) => fn.countAll<number>().as('waiting'))
    .where('queue', '=', queue)
    .executeTakeFirstOrThrow()
  const surplus =
    waiting < messagesMax
      ? []
      : await transaction
          .selectFrom('service_message')
          .select('sequence')
          .where('queue', '=', queue)
          .orderBy('sequence')
          .limit(waiting - messagesMax + 1)
          .execute()
  await removeAll(transaction, surplus)
  const sequence = await numbers.next(transaction)
  await transaction
    .insertInto('service_message')
    .values({
      sequence,
      queue,
      enqueued_time: enqueued,
      expires_time: expires,
      delivery_count: 0,
      content: sealer.sealBytes(content, serviceMessagePlace({ sequence, queue })),
      seal_epoch: sealer.epoch,
    })
    .execute()
  return { entry: { sequence, expires, deliveryCount: 0 }, dropped: surplus.length }
}

export function serviceMessagePlace(row: { readonly sequence: number; readonly queue: string }): Place {
  return { table: 'service_message', row: [String(row.sequence), row.queue], column: 'content' }
}

async function remove(transaction: StateTransaction, queue: ServiceQueueName, sequence: number): Promise<boolean> {
  const { numDeletedRows } = await transaction
    .deleteFrom('service_message')
    .where('sequence', '=', sequence)
    .where('queue', '=', queue)
    .executeTakeFirst()
  return numDeletedRows > 0n
}

async function removeAll(transaction: StateTransaction, rows: readonly { readonly sequence: number }[]): Promise<void> {
  for (const { sequence } of rows) {
    await transaction.deleteFrom('service_message').where('sequence', '=', sequence).execute()
  }
}
