/** Records of feedback that wait to become a message of the feedback queue. */

import type { Timestamp } from '@holdfast/base'
import type { FeedbackBatch, FeedbackBatched, FeedbackRecord } from '@holdfast/commands'
import { CompiledQuery } from 'kysely'
import { Sequence } from './sequences.ts'
import { insertServiceMessage } from './service-queues.ts'
import type { Place, ValueSealer } from './value-sealer.ts'
import type { StateTransaction } from './write-group.ts'

const INSERT = `INSERT INTO feedback_record (sequence, written_time, content, seal_epoch) VALUES (?, ?, ?, ?)`

export class FeedbackRecords {
  readonly #sealer: ValueSealer
  readonly #sequence = new Sequence('feedback_record')

  constructor(sealer: ValueSealer) {
    this.#sealer = sealer
  }

  async insert(transaction: StateTransaction, record: FeedbackRecord, at: Timestamp): Promise<void> {
    const sequence = await this.#sequence.next(transaction)
    const content = this.#sealer.seal(JSON.stringify(record), feedbackPlace({ sequence }))
    await transaction.executeQuery(CompiledQuery.raw(INSERT, [sequence, at, content, this.#sealer.epoch]))
  }

  async batch(
    transaction: StateTransaction,
    { recordsMax, olderThan, enqueued, expires, messagesMax }: FeedbackBatch,
    services: Sequence,
  ): Promise<FeedbackBatched> {
    const rows = await transaction
      .selectFrom('feedback_record')
      .selectAll()
      .orderBy('sequence')
      .limit(recordsMax + 1)
      .execute()
    const [oldest] = rows
    const isDue = oldest !== undefined && (rows.length >= recordsMax || oldest.written_time <= olderThan)
    if (!isDue) return { waiting: rows.length }
    const taken = rows.slice(0, recordsMax)
    // Each is the text of a JSON object already.
    const texts = taken.map((row) => this.#sealer.open(row.content, row.seal_epoch, feedbackPlace(row)))
    const made = await insertServiceMessage(
      transaction,
      { queue: 'feedback', enqueued, expires, content: Buffer.from(`[${texts.join(',')}]`, 'utf8'), messagesMax },
      { sealer: this.#sealer, sequence: services },
    )
    await transaction
      .deleteFrom('feedback_record')
      .where('sequence', '<=', taken.at(-1)?.sequence ?? 0)
      .execute()
    return { made, waiting: rows.length - taken.length }
  }
}

export function feedbackPlace(row: { readonly sequence: number }): Place {
  return { table: 'feedback_record', row: [String(row.sequence)], column: 'content' }
}
