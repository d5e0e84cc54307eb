/**
 * The writer of `log.db`: sealed batches in, one transaction and one fsync a call. Implements `TelemetryLog`.
 * The file belongs to this object; other connections only read.
 */

import { statSync } from 'node:fs'
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { AppendOutcome, SealedBatch, TelemetryLog } from '@holdfast/messaging'
import { StoreDamagedError, StoreUnavailableError } from '../damaged.ts'
import { shortageOfRoom } from '../disk-room.ts'
import { faultOf, findDamage, inTransaction, openDatabase, pragma, storeErrorOf } from '../sqlite/database.ts'
import { OnlineCopy } from '../sqlite/online-copy.ts'
import { integerOf } from '../sqlite/row.ts'
import { findWalDamage } from '../sqlite/wal.ts'
import {
  CHECK_ALWAYS_BYTES,
  CHECKPOINT_BYTES,
  CHECKPOINT_RETRY_BYTES,
  LOG_CACHE_KIB,
  LOG_PAGE_BYTES,
  PARTITIONS_DEFAULT,
  TRIM_BYTES_MAX,
  TRIM_ROWS_MAX,
  VACUUM_BYTES_MIN,
  VACUUM_PAGES,
  VACUUM_SHARE,
} from './limits.ts'
import { type PartitionEnds, readPartitionEnds } from './partition-ends.ts'
import { LOG_FILE, logSchema } from './schema.ts'

const NONE: readonly PartitionEnds[] = []

const MARK_RUNNING = 'UPDATE stop SET clean = 0'

export interface TelemetryLogOptions {
  /** Path of `log.db`. */
  readonly file: string
  /** Fixed when the log is made (1 to 32); later it must be the same or absent. Default 4. */
  readonly partitions?: number
  /** Most that the file may grow to (its -wal apart); beyond, appends answer `disk-full`. Default: no bound. */
  readonly bytesMax?: number
}

export interface LogStatistics {
  /** By partition. */
  readonly partitions: readonly {
    readonly partition: number
    readonly firstSequence: number
    readonly nextSequence: number
    readonly nextOffset: number
  }[]
  /** Messages and plain bytes committed since the log was opened. */
  readonly messages: number
  readonly plainBytes: number
  readonly commits: number
  /** Size of the file, what of it is in use, and of its -wal. */
  readonly fileBytes: number
  readonly usedBytes: number
  readonly walBytes: number
}

interface Statements {
  readonly begin: StatementSync
  readonly commit: StatementSync
  readonly insert: StatementSync
}

export class SqliteTelemetryLog implements TelemetryLog {
  readonly file: string
  readonly #bytesMax: number | undefined
  readonly #copy = new OnlineCopy()
  #database: DatabaseSync
  #statements: Statements
  #partitions: readonly PartitionEnds[]
  #messages = 0
  #plainBytes = 0
  #commits = 0
  #bytesSinceCheckpoint = 0
  #checkpointAtBytes = CHECKPOINT_BYTES
  #isStopped = false
  /** The file says that it was closed properly, which the first write takes back. */
  #isClean = false

  /**
   * Opens or makes the log, and checks it: format, partitions, the WAL, the order of every partition; the whole file
   * when it is small or was not closed.
   * @throws StoreDamagedError naming the file, what is wrong and what to do; the file is as it was.
   * @throws StoreUnavailableError when the disk does not let it be opened.
   * @throws TypeError when `partitions` is out of range.
   */
  constructor(options: TelemetryLogOptions) {
    const { partitions } = options
    if (partitions !== undefined && !(Number.isInteger(partitions) && partitions >= 1 && partitions <= 32)) {
      throw new TypeError('a log has 1 to 32 partitions')
    }
    this.file = options.file
    this.#bytesMax = options.bytesMax
    try {
      const walDamage = findWalDamage(`${this.file}-wal`)
      if (walDamage !== undefined) throw this.#damaged(walDamage)
      const opened = this.#open(partitions)
      this.#database = opened.database
      this.#partitions = opened.partitions
      this.#isClean = opened.isClean
      this.#statements = prepare(opened.database)
    } catch (error) {
      throw storeErrorOf(error, this.file, LOG_FILE.remedy)
    }
  }

  get partitionCount(): number {
    return this.#partitions.length
  }

  /** Next sequence number of each partition. */
  get nextSequences(): readonly number[] {
    return this.#partitions.map((ends) => ends.nextSequence)
  }

  /** Committed since the log was opened. */
  get totals(): { readonly messages: number; readonly plainBytes: number; readonly commits: number } {
    return { messages: this.#messages, plainBytes: this.#plainBytes, commits: this.#commits }
  }

  /** See `OnlineCopy`. A connection that was opened anew after a fault ends a copy that is under way. */
  copyTo(file: string): Promise<void> {
    return this.#copy.run(this.#database, file)
  }

  /** To be awaited before `close`. */
  endCopy(): Promise<void> {
    return this.#copy.end()
  }

  append(batches: readonly SealedBatch[]): AppendOutcome {
    if (this.#isStopped) throw new TypeError('the log is closed')
    if (batches.length === 0) return { kind: 'committed', nextSequences: this.nextSequences }
    const places = this.#place(batches)
    try {
      // Once in the WAL, and once more when it is copied into the file.
      const bytes = 2 * batches.reduce((sum, { sealed }) => sum + sealed.length, 0)
      const shortage = shortageOfRoom(this.file, bytes)
      if (shortage !== undefined) return { kind: 'unavailable', reason: 'disk-full', detail: shortage }
      this.#reopenIfLost()
      this.#write(batches, places)
    } catch (error) {
      return this.#failed(error)
    }
    this.#committed(batches)
    this.#checkpointWhenDue()
    return { kind: 'committed', nextSequences: this.nextSequences }
  }

  /**
   * Removes batches that lie wholly below `belowSequence`, at most a slice of them (see limits), and remembers where
   * the partition now begins. Calling again with the same argument goes on; when nothing is left it does nothing.
   * @returns true when more is left to remove.
   * @throws StoreUnavailableError when the disk refuses; nothing of the slice was removed.
   */
  trim(partition: number, belowSequence: number): boolean {
    const ends = this.#partitions[partition]
    if (ends === undefined) throw new TypeError(`there is no partition ${partition}`)
    return this.#writing(() => {
      const rows = this.#database
        .prepare(
          `SELECT first_sequence, count, first_offset, plain_bytes FROM batch
           WHERE partition = ? AND first_sequence < ? ORDER BY first_sequence LIMIT ?`,
        )
        .all(partition, belowSequence, TRIM_ROWS_MAX + 1)
      let sequence = ends.floorSequence
      let offset = ends.floorOffset
      let removed = 0
      for (const row of rows) {
        const end = integerOf(row, 'first_sequence') + integerOf(row, 'count')
        const endOffset = integerOf(row, 'first_offset') + integerOf(row, 'plain_bytes')
        const isEnough = removed === TRIM_ROWS_MAX || (removed > 0 && endOffset - ends.floorOffset > TRIM_BYTES_MAX)
        if (end > belowSequence || isEnough) break
        sequence = end
        offset = endOffset
        removed += 1
      }
      if (removed === 0) return false
      this.#inTransaction(() => {
        this.#database.prepare('DELETE FROM batch WHERE partition = ? AND first_sequence < ?').run(partition, sequence)
        this.#database
          .prepare('UPDATE partition SET floor_sequence = ?, floor_offset = ?, floor_latest = ? WHERE id = ?')
          .run(sequence, offset, ends.latest ?? null, partition)
      })
      this.#bytesSinceCheckpoint += (offset - ends.floorOffset) / 16 // Freed pages are not written, only listed.
      ends.floorSequence = sequence
      ends.floorOffset = offset
      this.#checkpointWhenDue()
      return removed < rows.length
    })
  }

  /**
   * Empties batches of a data key's epoch, a slice at a time; their rows stay, so that the sequence goes on.
   * @returns messages emptied by this call and whether there are more.
   * @throws StoreUnavailableError when the disk refuses; nothing of the slice was emptied.
   */
  dropEpoch(epoch: number): { readonly messages: number; readonly hasMore: boolean } {
    return this.#writing(() => {
      const rows = this.#database
        .prepare('SELECT id, count FROM batch WHERE epoch = ? AND length(sealed) > 0 LIMIT ?')
        .all(epoch, TRIM_ROWS_MAX)
      if (rows.length === 0) return { messages: 0, hasMore: false }
      const empty = this.#database.prepare("UPDATE batch SET sealed = x'' WHERE id = ?")
      this.#inTransaction(() => {
        for (const row of rows) empty.run(integerOf(row, 'id'))
      })
      const messages = rows.reduce((sum, row) => sum + integerOf(row, 'count'), 0)
      return { messages, hasMore: rows.length === TRIM_ROWS_MAX }
    })
  }

  /** Gives free pages back to the file system, a slice at a time. @returns true when more should be given back. */
  shrink(): boolean {
    return this.#writing(() => {
      const free = pragma(this.#database, 'freelist_count')
      const pages = pragma(this.#database, 'page_count')
      if (free * LOG_PAGE_BYTES < VACUUM_BYTES_MIN || free < pages * VACUUM_SHARE) return false
      this.#database.exec(`PRAGMA incremental_vacuum(${VACUUM_PAGES})`)
      this.#bytesSinceCheckpoint += VACUUM_PAGES * LOG_PAGE_BYTES
      this.#checkpointWhenDue()
      return true
    })
  }

  statistics(): LogStatistics {
    return this.#writing(() => {
      const pages = pragma(this.#database, 'page_count')
      const free = pragma(this.#database, 'freelist_count')
      return {
        partitions: this.#partitions.map((ends, partition) => ({
          partition,
          firstSequence: ends.floorSequence,
          nextSequence: ends.nextSequence,
          nextOffset: ends.nextOffset,
        })),
        ...this.totals,
        fileBytes: pages * LOG_PAGE_BYTES,
        usedBytes: (pages - free) * LOG_PAGE_BYTES,
        walBytes: fileBytes(`${this.file}-wal`),
      }
    })
  }

  /** Folds the WAL in, notes the clean stop and closes. What was committed is on disk whether or not this is called. */
  close(): void {
    if (this.#isStopped) return
    this.#isStopped = true
    if (!this.#database.isOpen) return
    try {
      if (!this.#isClean) inTransaction(this.#database, () => this.#database.exec('UPDATE stop SET clean = 1'))
      this.#database.exec('PRAGMA wal_checkpoint(TRUNCATE)')
    } catch (error) {
      // A full or failing disk: the next start finds an unclean stop and checks.
      if (faultOf(error) === undefined) throw error
    } finally {
      if (this.#database.isOpen) this.#database.close()
    }
  }

  #open(partitions: number | undefined): {
    readonly database: DatabaseSync
    readonly partitions: readonly PartitionEnds[]
    readonly isClean: boolean
  } {
    const found = { partitions: NONE, isClean: false }
    const { database, isNew } = openDatabase(this.file, LOG_FILE, {
      readOnly: false,
      pageBytes: LOG_PAGE_BYTES,
      cacheKib: LOG_CACHE_KIB,
      inspect: (connection) => {
        found.isClean = integerOf(connection.prepare('SELECT clean FROM stop').get(), 'clean') === 1
        found.partitions = this.#inspect(connection, partitions, found.isClean)
      },
    })
    try {
      if (isNew) {
        inTransaction(database, () => database.exec(logSchema(partitions ?? PARTITIONS_DEFAULT)))
        const ends = readPartitionEnds(database)
        if (typeof ends === 'string') throw this.#damaged(ends)
        found.partitions = ends
      }
      if (this.#bytesMax !== undefined) {
        database.exec(`PRAGMA max_page_count = ${Math.max(1, Math.floor(this.#bytesMax / LOG_PAGE_BYTES))}`)
      }
      return { database, ...found }
    } catch (error) {
      if (database.isOpen) database.close()
      throw error
    }
  }

  /** Checks a log that was there, through a connection that cannot change it. */
  #inspect(database: DatabaseSync, partitions: number | undefined, isClean: boolean): readonly PartitionEnds[] {
    if (!isClean || fileBytes(this.file) <= CHECK_ALWAYS_BYTES) {
      const damage = findDamage(database)
      if (damage !== undefined) throw this.#damaged(damage)
    }
    const ends = readPartitionEnds(database)
    if (typeof ends === 'string') throw this.#damaged(ends)
    if (partitions !== undefined && ends.length !== partitions) {
      throw new StoreDamagedError({
        file: this.file,
        what: `it has ${ends.length} partitions, and ${partitions} were asked for`,
        remedy: `the number is fixed when the log is made: set it to ${ends.length}, or start in a new data folder`,
      })
    }
    return ends
  }

  #place(batches: readonly SealedBatch[]): readonly { readonly sequence: number; readonly offset: number }[] {
    const next = this.#partitions.map((ends) => ({ sequence: ends.nextSequence, offset: ends.nextOffset }))
    return batches.map((batch) => {
      const at = next[batch.partition]
      if (at === undefined) throw new TypeError(`there is no partition ${batch.partition}`)
      if (!(batch.count >= 1 && batch.plainBytes >= 1 && batch.sealed.length > batch.plainBytes)) {
        throw new TypeError('a batch holds at least one message, sealed')
      }
      const place = { ...at }
      at.sequence += batch.count
      at.offset += batch.plainBytes
      return place
    })
  }

  #write(
    batches: readonly SealedBatch[],
    places: readonly { readonly sequence: number; readonly offset: number }[],
  ): void {
    const { begin, insert, commit } = this.#statements
    begin.run()
    if (this.#isClean) this.#database.exec(MARK_RUNNING)
    for (const [index, batch] of batches.entries()) {
      const place = places[index]
      if (place === undefined) throw new TypeError('every batch has a place')
      insert.run(
        batch.partition,
        place.sequence,
        batch.count,
        place.offset,
        batch.plainBytes,
        batch.earliest,
        batch.latest,
        batch.epoch,
        batch.sealed,
      )
    }
    commit.run()
  }

  #inTransaction(work: () => void): void {
    inTransaction(this.#database, () => {
      if (this.#isClean) this.#database.exec(MARK_RUNNING)
      work()
    })
    this.#isClean = false
  }

  #committed(batches: readonly SealedBatch[]): void {
    this.#isClean = false
    for (const batch of batches) {
      const ends = this.#partitions[batch.partition]
      if (ends === undefined) continue
      ends.nextSequence += batch.count
      ends.nextOffset += batch.plainBytes
      if (ends.latest === undefined || batch.latest > ends.latest) ends.latest = batch.latest
      this.#messages += batch.count
      this.#plainBytes += batch.plainBytes
      // Row, index entry and the rest of a page, roughly; what counts is that small batches count, too.
      this.#bytesSinceCheckpoint += batch.sealed.length + LOG_PAGE_BYTES
    }
    this.#commits += 1
  }

  #failed(error: unknown): AppendOutcome {
    const fault = faultOf(error)
    if (fault === undefined && !(error instanceof StoreUnavailableError) && !(error instanceof StoreDamagedError)) {
      this.#rollBack()
      throw error
    }
    this.#rollBack()
    // After an I/O error nothing this connection has cached is to be believed: the next call opens a new one.
    if (fault !== 'disk-full' && this.#database.isOpen) this.#database.close()
    const isFull = fault === 'disk-full' || (error instanceof StoreUnavailableError && error.reason === 'disk-full')
    return {
      kind: 'unavailable',
      reason: isFull ? 'disk-full' : 'io-error',
      detail: error instanceof Error ? error.message : 'unknown',
    }
  }

  #rollBack(): void {
    try {
      if (this.#database.isOpen && this.#database.isTransaction) this.#database.exec('ROLLBACK')
    } catch {
      this.#database.close()
    }
  }

  /** After an I/O error: a new connection, checked as at the start, that must not have lost what was acknowledged. */
  #reopenIfLost(): void {
    if (this.#database.isOpen) return
    const { database, partitions } = this.#open(this.#partitions.length)
    try {
      for (const [partition, ends] of partitions.entries()) {
        const acknowledged = this.#partitions[partition]?.nextSequence ?? 0
        if (ends.nextSequence < acknowledged) {
          throw this.#damaged(
            `partition ${partition} ends at sequence ${ends.nextSequence} after an I/O error, ${acknowledged} was written`,
          )
        }
        // A commit whose fsync failed may have reached the disk all the same; its caller was told that it had not.
        if (ends.nextSequence > acknowledged) {
          database.prepare('DELETE FROM batch WHERE partition = ? AND first_sequence >= ?').run(partition, acknowledged)
        }
      }
    } catch (error) {
      if (database.isOpen) database.close()
      throw error
    }
    this.#database = database
    this.#isClean = false
    this.#statements = prepare(database)
  }

  #writing<T>(work: () => T): T {
    if (this.#isStopped) throw new TypeError('the log is closed')
    try {
      this.#reopenIfLost()
      return work()
    } catch (error) {
      if (faultOf(error) === 'io-error' && this.#database.isOpen) this.#database.close()
      throw storeErrorOf(error, this.file, LOG_FILE.remedy)
    }
  }

  /**
   * PASSIVE copies what it can and waits for nobody. What was committed is safe without it, so a fault here is no
   * failure of the append: the WAL grows until the disk has room again.
   */
  #checkpointWhenDue(): void {
    if (this.#bytesSinceCheckpoint < this.#checkpointAtBytes) return
    try {
      const row = this.#database.prepare('PRAGMA wal_checkpoint(PASSIVE)').get()
      const isWhole = row !== undefined && row['busy'] === 0 && row['log'] === row['checkpointed']
      this.#bytesSinceCheckpoint = 0
      this.#checkpointAtBytes = isWhole ? CHECKPOINT_BYTES : CHECKPOINT_BYTES / 4
    } catch (error) {
      if (faultOf(error) === undefined) throw error
      this.#bytesSinceCheckpoint = 0
      this.#checkpointAtBytes = CHECKPOINT_RETRY_BYTES
    }
  }

  #damaged(what: string): StoreDamagedError {
    return new StoreDamagedError({ file: this.file, what, remedy: LOG_FILE.remedy })
  }
}

function prepare(database: DatabaseSync): Statements {
  return {
    begin: database.prepare('BEGIN IMMEDIATE'),
    commit: database.prepare('COMMIT'),
    insert: database.prepare(
      `INSERT INTO batch (partition, first_sequence, count, first_offset, plain_bytes, earliest, latest, epoch, sealed)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
  }
}

function fileBytes(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0
}
