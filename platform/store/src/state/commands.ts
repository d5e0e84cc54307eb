/** Messages to devices, and the records of feedback that their ends leave. */

import { type Because, completed } from '@holdfast/audit'
import type { Timestamp } from '@holdfast/base'
import {
  asksFor,
  type ChangeOutcome,
  type CommandChange,
  type CommandEnd,
  type CommandStore,
  decodeCommandContent,
  type EnqueueOutcome,
  type ExpiryMark,
  type FeedbackBatch,
  type FeedbackBatched,
  feedbackRecord,
  type NewCommand,
  type QueueEntry,
  type StoredCommand,
} from '@holdfast/commands'
import type { IdentityKey } from '@holdfast/identity'
import { CompiledQuery, type Kysely, type Selectable } from 'kysely'
import { StoreDamagedError } from '../damaged.ts'
import type { CommandTable } from './commands-schema.ts'
import { FeedbackRecords } from './feedback-records.ts'
import { COMMAND_CHANGES_MAX, PAGE_RECORDS_MAX } from './limits.ts'
import { pageLimit } from './page.ts'
import type { StateSchema } from './schema.ts'
import { Sequence } from './sequences.ts'
import type { Place, ValueSealer } from './value-sealer.ts'
import type { StateTransaction, WriteGroup } from './write-group.ts'

// What every message needs is written out: building these statements anew would cost more than running them.

/** The identity, and how many messages wait for it. */
const ROOM = `SELECT generation_id, (SELECT count(*) FROM command
    WHERE device_id = identity.device_id AND module_id = identity.module_id AND expires_time > ?) AS waiting
  FROM identity WHERE device_id = ? AND module_id = ?`
const INSERT = `INSERT INTO command
  (sequence, device_id, module_id, generation_id, ack, enqueued_time, expires_time, delivery_count, content, seal_epoch)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
const TAKE_OUT = `DELETE FROM command WHERE sequence = ? AND device_id = ? AND module_id = ? RETURNING *`

export class SqlCommands implements CommandStore {
  readonly #db: Kysely<StateSchema>
  readonly #writes: WriteGroup
  readonly #sealer: ValueSealer
  readonly #feedback: FeedbackRecords
  readonly #sequence = new Sequence('command')
  readonly #services: Sequence

  /** @param parts `services` is that of the service queues, for batches of feedback are messages there. */
  constructor(
    db: Kysely<StateSchema>,
    writes: WriteGroup,
    { sealer, services }: { readonly sealer: ValueSealer; readonly services: Sequence },
  ) {
    this.#db = db
    this.#writes = writes
    this.#sealer = sealer
    this.#services = services
    this.#feedback = new FeedbackRecords(sealer)
  }

  async enqueueCommand(
    command: NewCommand,
    { depthMax }: { readonly depthMax: number },
    because?: Because,
  ): Promise<EnqueueOutcome> {
    const { key, ack, enqueued, expires, content } = command
    return this.#writes.run(async (transaction, record): Promise<EnqueueOutcome> => {
      const { device_id, module_id } = columnsOf(key)
      const { rows } = await transaction.executeQuery<{ readonly generation_id: string; readonly waiting: number }>(
        CompiledQuery.raw(ROOM, [enqueued, device_id, module_id]),
      )
      const [identity] = rows
      if (identity === undefined) return { kind: 'missing' }
      if (identity.waiting >= depthMax) return { kind: 'full' }
      const sequence = await this.#sequence.next(transaction)
      const row = {
        sequence,
        device_id,
        module_id,
        generation_id: identity.generation_id,
        ack,
        enqueued_time: enqueued,
        expires_time: expires,
      }
      const sealed = this.#sealer.sealBytes(content, commandPlace(row))
      await transaction.executeQuery(CompiledQuery.raw(INSERT, [...Object.values(row), 0, sealed, this.#sealer.epoch]))
      record(completed(because, { sequenceNumber: sequence }))
      return { kind: 'enqueued', sequence, generationId: identity.generation_id }
    })
  }

  async readCommandQueue(
    key: IdentityKey,
  ): Promise<{ readonly generationId: string; readonly entries: readonly QueueEntry[] } | undefined> {
    const { device_id, module_id } = columnsOf(key)
    const identity = await this.#db
      .selectFrom('identity')
      .select('generation_id as generationId')
      .where('device_id', '=', device_id)
      .where('module_id', '=', module_id)
      .executeTakeFirst()
    if (identity === undefined) return undefined
    const entries = await this.#db
      .selectFrom('command')
      .select(['sequence', 'expires_time as expires', 'delivery_count as deliveryCount'])
      .where('device_id', '=', device_id)
      .where('module_id', '=', module_id)
      .orderBy('sequence')
      .execute()
    return { generationId: identity.generationId, entries }
  }

  async readCommand(key: IdentityKey, sequence: number): Promise<StoredCommand | undefined> {
    const row = await find(this.#db, key, sequence)
    if (row === undefined) return undefined
    return {
      key,
      sequence,
      generationId: row.generation_id,
      ack: row.ack,
      enqueued: row.enqueued_time,
      expires: row.expires_time,
      deliveryCount: row.delivery_count,
      content: this.#open(row),
    }
  }

  async changeCommands(changes: readonly CommandChange[], at: Timestamp): Promise<readonly ChangeOutcome[]> {
    if (changes.length > COMMAND_CHANGES_MAX) throw new TypeError(`at most ${COMMAND_CHANGES_MAX} changes at once`)
    return this.#writes.run(async (transaction) => {
      const outcomes: ChangeOutcome[] = []
      for (const change of changes) outcomes.push(await this.#change(transaction, change, at))
      return outcomes
    })
  }

  async purgeCommands(
    key: IdentityKey,
    at: Timestamp,
    because?: Because,
  ): Promise<{ readonly sequences: readonly number[]; readonly hasFeedback: boolean }> {
    return this.#writes.run(async (transaction, record) => {
      const { device_id, module_id } = columnsOf(key)
      const rows = await transaction
        .selectFrom('command')
        .selectAll()
        .where('device_id', '=', device_id)
        .where('module_id', '=', module_id)
        .orderBy('sequence')
        .execute()
      let hasFeedback = false
      for (const row of rows) {
        const outcome = await this.#end(transaction, row, { end: 'purged', at })
        if (outcome.kind === 'ended' && outcome.hasFeedback) hasFeedback = true
      }
      record(completed(because, { messages: rows.length }))
      return { sequences: rows.map(({ sequence }) => sequence), hasFeedback }
    })
  }

  async listExpiredCommands({
    at,
    after,
    limit,
  }: {
    readonly at: Timestamp
    readonly after?: ExpiryMark
    readonly limit: number
  }): Promise<readonly (ExpiryMark & { readonly key: IdentityKey })[]> {
    const query = this.#db
      .selectFrom('command')
      .select(['device_id', 'module_id', 'expires_time', 'sequence'])
      .where('expires_time', '<=', at)
      .orderBy('expires_time')
      .orderBy('sequence')
      .limit(pageLimit(limit))
    const rows = await (after === undefined
      ? query
      : query.where(({ and, eb, or }) =>
          and([
            eb('expires_time', '>=', after.expires),
            or([eb('expires_time', '>', after.expires), eb('sequence', '>', after.sequence)]),
          ]),
        )
    ).execute()
    return rows.map((row) => ({ key: keyOf(row), expires: row.expires_time, sequence: row.sequence }))
  }

  async countCommands(keys: readonly IdentityKey[], at: Timestamp): Promise<readonly number[]> {
    if (keys.length > PAGE_RECORDS_MAX) throw new TypeError(`at most ${PAGE_RECORDS_MAX} keys are asked for at once`)
    const counts: number[] = []
    for (const key of keys) counts.push(await depthOf(this.#db, columnsOf(key), at))
    return counts
  }

  async batchFeedback(batch: FeedbackBatch): Promise<FeedbackBatched> {
    return this.#writes.run(async (transaction) => this.#feedback.batch(transaction, batch, this.#services))
  }

  async #change(transaction: StateTransaction, change: CommandChange, at: Timestamp): Promise<ChangeOutcome> {
    if (change.change.kind === 'end') {
      const { device_id, module_id } = columnsOf(change.key)
      const { rows } = await transaction.executeQuery<Selectable<CommandTable>>(
        CompiledQuery.raw(TAKE_OUT, [change.sequence, device_id, module_id]),
      )
      const [gone] = rows
      return gone === undefined ? { kind: 'missing' } : this.#tell(transaction, gone, { end: change.change.end, at })
    }
    const row = await find(transaction, change.key, change.sequence)
    if (row === undefined) return { kind: 'missing' }
    const deliveryCount = row.delivery_count + 1
    if (deliveryCount >= change.change.deliveriesMax) {
      return this.#end(transaction, row, { end: 'delivery-count-exceeded', at })
    }
    await transaction
      .updateTable('command')
      .set({ delivery_count: deliveryCount })
      .where('sequence', '=', change.sequence)
      .execute()
    return { kind: 'kept', deliveryCount }
  }

  async #end(
    transaction: StateTransaction,
    row: Selectable<CommandTable>,
    { end, at }: { readonly end: CommandEnd; readonly at: Timestamp },
  ): Promise<ChangeOutcome> {
    await transaction.deleteFrom('command').where('sequence', '=', row.sequence).execute()
    return this.#tell(transaction, row, { end, at })
  }

  /** Writes the record of feedback on what is gone, where it was asked for. */
  async #tell(
    transaction: StateTransaction,
    row: Selectable<CommandTable>,
    { end, at }: { readonly end: CommandEnd; readonly at: Timestamp },
  ): Promise<ChangeOutcome> {
    const hasFeedback = asksFor(row.ack, end)
    if (hasFeedback) {
      const ended = { ...keyOf(row), messageId: this.#messageIdOf(row), generationId: row.generation_id }
      await this.#feedback.insert(transaction, feedbackRecord(ended, end, at), at)
    }
    return { kind: 'ended', hasFeedback }
  }

  /** '' where the content does not open: what is damaged must end all the same, and be told of. */
  #messageIdOf(row: Selectable<CommandTable>): string {
    try {
      return decodeCommandContent(this.#open(row)).messageId ?? ''
    } catch (error) {
      if (error instanceof StoreDamagedError) return ''
      throw error
    }
  }

  #open(row: Selectable<CommandTable>): Uint8Array {
    return this.#sealer.openBytes(row.content, row.seal_epoch, commandPlace(row))
  }
}

/** The content does not open for another device, nor with another end than its sender gave it. */
export function commandPlace(row: Omit<Selectable<CommandTable>, 'content' | 'seal_epoch' | 'delivery_count'>): Place {
  return {
    table: 'command',
    row: [
      String(row.sequence),
      row.device_id,
      row.module_id,
      row.generation_id,
      row.ack,
      String(row.enqueued_time),
      String(row.expires_time),
    ],
    column: 'content',
  }
}

async function find(
  db: Kysely<StateSchema>,
  key: IdentityKey,
  sequence: number,
): Promise<Selectable<CommandTable> | undefined> {
  const { device_id, module_id } = columnsOf(key)
  return db
    .selectFrom('command')
    .selectAll()
    .where('sequence', '=', sequence)
    .where('device_id', '=', device_id)
    .where('module_id', '=', module_id)
    .executeTakeFirst()
}

/** What waits for it and expires after `at`; from the index alone where nothing waits. */
async function depthOf(
  db: Kysely<StateSchema>,
  { device_id, module_id }: ReturnType<typeof columnsOf>,
  at: Timestamp,
): Promise<number> {
  const { waiting } = await db
    .selectFrom('command')
    .select(({ fn }) => fn.countAll<number>().as('waiting'))
    .where('device_id', '=', device_id)
    .where('module_id', '=', module_id)
    .where('expires_time', '>', at)
    .executeTakeFirstOrThrow()
  return waiting
}

function columnsOf(key: IdentityKey): { readonly device_id: string; readonly module_id: string } {
  return { device_id: key.deviceId, module_id: key.moduleId ?? '' }
}

function keyOf(row: { readonly device_id: string; readonly module_id: string }): IdentityKey {
  return row.module_id === '' ? { deviceId: row.device_id } : { deviceId: row.device_id, moduleId: row.module_id }
}
