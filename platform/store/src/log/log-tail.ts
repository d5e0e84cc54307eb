/** Reads `log.db` through a connection of its own while the log thread writes it. Short reads only: a long one keeps
 * the WAL from being folded in. */

import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { type Timestamp, timestampOf } from '@holdfast/base'
import type { StoredBatch } from '@holdfast/messaging'
import { StoreDamagedError } from '../damaged.ts'
import { findDamage, openDatabase } from '../sqlite/database.ts'
import { bytesOf, integerOf, type Row } from '../sqlite/row.ts'
import { LOG_CACHE_KIB, LOG_PAGE_BYTES } from './limits.ts'
import { type PartitionEnds, readPartitionEnds } from './partition-ends.ts'
import { LOG_FILE } from './schema.ts'

/** A batch's row without its sealed bytes. */
export interface TailBatch {
  readonly partition: number
  readonly firstSequence: number
  readonly count: number
  readonly firstOffset: number
  readonly plainBytes: number
  readonly earliest: Timestamp
  readonly latest: Timestamp
  readonly epoch: number
  /** Its data key was dropped and its bytes with it. */
  readonly isEmptied: boolean
}

/** What has gathered of a partition from a sequence number on. */
export interface Backlog {
  readonly messages: number
  readonly plainBytes: number
  readonly earliest: Timestamp | undefined
  readonly nextSequence: number
  readonly nextOffset: number
}

const COLUMNS = `partition, first_sequence, count, first_offset, plain_bytes, earliest, latest, epoch,
  length(sealed) = 0 AS emptied`

export class LogTail {
  readonly file: string
  readonly #database: DatabaseSync
  readonly #at: StatementSync
  readonly #afterOffset: StatementSync
  readonly #afterTime: StatementSync
  readonly #sealed: StatementSync

  /**
   * @param file path of a `log.db` that its owner has opened already
   * @throws StoreDamagedError, StoreUnavailableError as `SqliteTelemetryLog`
   */
  constructor(file: string) {
    this.file = file
    const { database } = openDatabase(file, LOG_FILE, {
      readOnly: true,
      pageBytes: LOG_PAGE_BYTES,
      cacheKib: LOG_CACHE_KIB,
    })
    this.#database = database
    // The last batch that begins at or below the sequence number holds it, if any does.
    this.#at = database.prepare(
      `SELECT ${COLUMNS} FROM batch WHERE partition = ?1 AND first_sequence >= coalesce(
         (SELECT max(first_sequence) FROM batch WHERE partition = ?1 AND first_sequence <= ?2), ?2)
       ORDER BY first_sequence LIMIT ?3`,
    )
    this.#afterOffset = database.prepare(
      `SELECT ${COLUMNS} FROM batch WHERE partition = ? AND first_sequence >= ? AND first_offset + plain_bytes > ?
       ORDER BY first_sequence LIMIT 1`,
    )
    this.#afterTime = database.prepare(
      `SELECT ${COLUMNS} FROM batch WHERE partition = ? AND first_sequence >= ? AND latest > ?
       ORDER BY first_sequence LIMIT 1`,
    )
    this.#sealed = database.prepare('SELECT sealed FROM batch WHERE partition = ? AND first_sequence = ?')
  }

  /**
   * Where the partitions begin and end, with every row checked.
   * @throws StoreDamagedError when rows are missing or wrong.
   */
  readEnds(): readonly PartitionEnds[] {
    const ends = readPartitionEnds(this.#database)
    if (typeof ends === 'string') throw this.damaged(ends)
    return ends
  }

  /** At most `rowsMax` batches of a partition in order, the first holding `sequence` or the next after it. */
  batchesFrom(partition: number, sequence: number, rowsMax: number): readonly TailBatch[] {
    const rows = this.#at.all(partition, sequence, rowsMax).map(batchOf)
    const [first] = rows
    return first !== undefined && first.firstSequence + first.count <= sequence ? rows.slice(1) : rows
  }

  /** The first batch from `sequence` on that reaches beyond an offset. */
  batchAfterOffset(partition: number, sequence: number, offset: number): TailBatch | undefined {
    const row = this.#afterOffset.get(partition, sequence, offset)
    return row === undefined ? undefined : batchOf(row)
  }

  /** The first batch from `sequence` on with a message later than a time. */
  batchAfterTime(partition: number, sequence: number, after: Timestamp): TailBatch | undefined {
    const row = this.#afterTime.get(partition, sequence, after)
    return row === undefined ? undefined : batchOf(row)
  }

  /** The last batch of a partition. */
  lastBatch(partition: number): TailBatch | undefined {
    const row = this.#at.get(partition, Number.MAX_SAFE_INTEGER, 1)
    return row === undefined ? undefined : batchOf(row)
  }

  /** The whole batch; undefined when it was trimmed meanwhile. */
  read(batch: TailBatch): StoredBatch | undefined {
    const row = this.#sealed.get(batch.partition, batch.firstSequence)
    if (row === undefined) return undefined
    const { partition, count, plainBytes, earliest, latest, epoch, firstSequence, firstOffset } = batch
    const sealed = bytesOf(row, 'sealed')
    return { partition, count, plainBytes, earliest, latest, epoch, firstSequence, firstOffset, sealed }
  }

  /**
   * What the batches of a partition from `sequence` on hold together. Sequences and offsets follow each other without
   * gaps, so the first and the last of them say it all, however many lie between.
   */
  backlog(partition: number, sequence: number): Backlog {
    const [first] = this.batchesFrom(partition, sequence, 2)
    const last = this.lastBatch(partition)
    const nextSequence = last === undefined ? sequence : last.firstSequence + last.count
    const nextOffset = last === undefined ? 0 : last.firstOffset + last.plainBytes
    return {
      messages: first === undefined ? 0 : nextSequence - first.firstSequence,
      plainBytes: first === undefined ? 0 : nextOffset - first.firstOffset,
      earliest: first?.earliest,
      nextSequence,
      nextOffset,
    }
  }

  /** Messages of an epoch in batches that begin at or after `sequence` and still have their bytes. */
  messagesOfEpoch(partition: number, sequence: number, epoch: number): number {
    const row = this.#database
      .prepare(
        `SELECT coalesce(sum(count), 0) AS messages FROM batch
         WHERE partition = ? AND first_sequence >= ? AND epoch = ? AND length(sealed) > 0`,
      )
      .get(partition, sequence, epoch)
    return integerOf(row, 'messages')
  }

  /** Epochs of the batches that still have their bytes. */
  epochs(): readonly number[] {
    return this.#database
      .prepare('SELECT DISTINCT epoch FROM batch WHERE length(sealed) > 0')
      .all()
      .map((row) => integerOf(row, 'epoch'))
  }

  /** Checks the whole file (see `findDamage`). */
  findDamage(): string | undefined {
    return findDamage(this.#database)
  }

  damaged(what: string, cause?: unknown): StoreDamagedError {
    const remedy = 'restore the data folder from a backup; `holdfast doctor` lists everything that is damaged'
    return new StoreDamagedError({ file: this.file, what, remedy }, cause)
  }

  close(): void {
    if (this.#database.isOpen) this.#database.close()
  }
}

function batchOf(row: Row): TailBatch {
  return {
    partition: integerOf(row, 'partition'),
    firstSequence: integerOf(row, 'first_sequence'),
    count: integerOf(row, 'count'),
    firstOffset: integerOf(row, 'first_offset'),
    plainBytes: integerOf(row, 'plain_bytes'),
    earliest: timestampOf(integerOf(row, 'earliest')),
    latest: timestampOf(integerOf(row, 'latest')),
    epoch: integerOf(row, 'epoch'),
    isEmptied: integerOf(row, 'emptied') === 1,
  }
}
