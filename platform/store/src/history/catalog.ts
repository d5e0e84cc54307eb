/** `history.db`: which segments and pages there are. All its SQL is here; nothing here knows of keys or content. */

import { statSync } from 'node:fs'
import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import { StoreDamagedError } from '../damaged.ts'
import { OnlineCopy } from '../sqlite/online-copy.ts'
import { faultOf, findDamage, inTransaction, openDatabase, pragma, storeErrorOf } from '../sqlite/database.ts'
import { bytesOf, integerOf } from '../sqlite/row.ts'
import { DIGEST_TABLES, type Telling } from './digest-tables.ts'
import { Digests } from './digests.ts'
import {
  CHECK_ALWAYS_BYTES,
  CHECK_BYTES_MAX,
  CHECKPOINT_BYTES,
  DELETE_PAGES,
  HISTORY_CACHE_KIB,
  HISTORY_PAGE_BYTES,
  VACUUM_BYTES_MIN,
  VACUUM_PAGES,
  VACUUM_SHARE,
} from './limits.ts'
import type { PageRow, SealedPage } from './page.ts'
import { HISTORY_FILE, historySchema, STATE_BUILDING, STATE_DELETED, STATE_IN_USE } from './schema.ts'
import {
  endsOf,
  type HistoryEnds,
  PAGE_COLUMNS,
  pageRowOf,
  SEGMENT_COLUMNS,
  type Segment,
  segmentOf,
} from './segment.ts'

/** Everything of a segment but its number and what its pages add up to. */
export type SegmentPlace = Omit<Segment, 'id' | 'messages' | 'plainBytes' | 'sealedBytes'>

export class Catalog {
  readonly file: string
  readonly #database: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()
  readonly #copy = new OnlineCopy()
  /** Digests of pages and segments, and what the audit log has to hear. */
  readonly digests = new Digests({
    prepare: (sql) => this.#prepare(sql),
    write: (synchronous, bytes, work) => this.#write(synchronous, bytes, work),
  })
  readonly #ends: HistoryEnds[]
  #isClean: boolean
  #bytesSinceCheckpoint = 0

  /**
   * Opens or makes the file.
   * @param partitions of the log; must be what the file was made for
   * @throws StoreDamagedError, StoreUnavailableError
   */
  constructor(file: string, partitions: number) {
    this.file = file
    const found = { ends: NONE, isClean: false }
    try {
      const { database, isNew } = openDatabase(file, HISTORY_FILE, {
        readOnly: false,
        pageBytes: HISTORY_PAGE_BYTES,
        cacheKib: HISTORY_CACHE_KIB,
        inspect: (connection) => {
          found.isClean = integerOf(connection.prepare('SELECT clean FROM stop').get(), 'clean') === 1
          found.ends = this.#inspect(connection, partitions, found.isClean)
        },
      })
      this.#database = database
      if (isNew) {
        inTransaction(database, () => database.exec(historySchema(partitions)))
        found.ends = readEnds(database)
      }
      database.exec(DIGEST_TABLES)
    } catch (error) {
      throw storeErrorOf(error, file, HISTORY_FILE.remedy)
    }
    this.#ends = [...found.ends]
    this.#isClean = found.isClean
  }

  /** Checks a history that was there, through a connection that cannot change it. */
  #inspect(database: DatabaseSync, partitions: number, isClean: boolean): readonly HistoryEnds[] {
    if (statSync(this.file).size <= (isClean ? CHECK_ALWAYS_BYTES : CHECK_BYTES_MAX)) {
      const damage = findDamage(database)
      if (damage !== undefined) throw this.damaged(damage)
    }
    const ends = readEnds(database)
    if (ends.length !== partitions) {
      throw this.damaged(`it has ${ends.length} partitions, the log has ${partitions}`)
    }
    this.#checkOrder(database, ends)
    return ends
  }

  get partitionCount(): number {
    return this.#ends.length
  }

  ends(partition: number): HistoryEnds {
    const ends = this.#ends[partition]
    if (ends === undefined) throw new TypeError(`there is no partition ${partition}`)
    return ends
  }

  /** The segment in use that holds a sequence number. */
  segmentAt(partition: number, sequence: number): Segment | undefined {
    const row = this.#prepare(
      `SELECT ${SEGMENT_COLUMNS} FROM segment
       WHERE state = ${STATE_IN_USE} AND partition = ? AND first_sequence <= ? ORDER BY first_sequence DESC LIMIT 1`,
    ).get(partition, sequence)
    const segment = row === undefined ? undefined : segmentOf(row)
    return segment !== undefined && sequence < segment.nextSequence ? segment : undefined
  }

  /** Segments in use from the one that holds `sequence` on, in order. */
  segmentsFrom(partition: number, sequence: number, segmentsMax: number): readonly Segment[] {
    return this.#prepare(
      `SELECT ${SEGMENT_COLUMNS} FROM segment
       WHERE state = ${STATE_IN_USE} AND partition = ? AND next_sequence > ? ORDER BY first_sequence LIMIT ?`,
    )
      .all(partition, sequence, segmentsMax)
      .map(segmentOf)
  }

  /** The first segment in use that reaches beyond an offset. */
  segmentAfterOffset(partition: number, offset: number): Segment | undefined {
    const row = this.#prepare(
      `SELECT ${SEGMENT_COLUMNS} FROM segment WHERE state = ${STATE_IN_USE} AND partition = ?1
       AND first_offset >= coalesce((SELECT max(first_offset) FROM segment
         WHERE state = ${STATE_IN_USE} AND partition = ?1 AND first_offset <= ?2), 0)
       AND next_offset > ?2 ORDER BY first_offset LIMIT 1`,
    ).get(partition, offset)
    return row === undefined ? undefined : segmentOf(row)
  }

  /** The first segment in use from `sequence` on with messages in `from <= enqueued < to`. */
  segmentInTime(
    partition: number,
    range: { readonly sequence: number; readonly from: number; readonly to: number },
  ): Segment | undefined {
    const row = this.#prepare(
      `SELECT ${SEGMENT_COLUMNS} FROM segment WHERE state = ${STATE_IN_USE} AND partition = ?
       AND next_sequence > ? AND latest >= ? AND earliest < ? ORDER BY first_sequence LIMIT 1`,
    ).get(partition, range.sequence, range.from, range.to)
    return row === undefined ? undefined : segmentOf(row)
  }

  /** Epochs of a segment's pages, ascending. */
  epochsOf(segment: number): readonly number[] {
    const next = this.#prepare('SELECT min(epoch) AS epoch FROM page WHERE segment = ? AND epoch > ?')
    const epochs: number[] = []
    for (let after = -1; ; ) {
      const epoch = next.get(segment, after)?.['epoch']
      if (typeof epoch !== 'number') return epochs
      epochs.push(epoch)
      after = epoch
    }
  }

  /** Pages of a segment in their order, after `after`. */
  pagesOf(segment: number, after: PageRow | undefined, pagesMax: number): readonly PageRow[] {
    const { epoch, lastDevice, lastSequence } = after ?? { epoch: -1, lastDevice: '', lastSequence: -1 }
    return this.#prepare(
      `SELECT ${PAGE_COLUMNS} FROM page
       WHERE segment = ? AND (epoch, last_device, last_sequence) > (?, ?, ?)
       ORDER BY epoch, last_device, last_sequence LIMIT ?`,
    )
      .all(segment, epoch, lastDevice, lastSequence, pagesMax)
      .map(pageRowOf)
  }

  /** Pages of one epoch from the first that can hold a device's message from `sequence` on, in their order. */
  *pagesOfDevice(
    segment: number,
    place: { readonly epoch: number; readonly deviceId: string; readonly sequence: number },
  ): Generator<PageRow, void> {
    let [device, sequence]: [string, number] = [place.deviceId, place.sequence]
    const next = this.#prepare(
      `SELECT ${PAGE_COLUMNS} FROM page
       WHERE segment = ? AND epoch = ? AND (last_device, last_sequence) >= (?, ?)
       ORDER BY last_device, last_sequence LIMIT 1`,
    )
    for (;;) {
      const row = next.get(segment, place.epoch, device, sequence)
      if (row === undefined) return
      const page = pageRowOf(row)
      yield page
      device = page.lastDevice
      sequence = page.lastSequence + 1
    }
  }

  /** A page's sealed bytes; undefined when it was deleted meanwhile. */
  sealedOf(page: PageRow): Uint8Array | undefined {
    const row = this.#prepare('SELECT sealed FROM page WHERE id = ?').get(page.id)
    return row === undefined ? undefined : bytesOf(row, 'sealed')
  }

  /** Begins a segment that nobody sees yet. */
  begin(place: SegmentPlace): number {
    return this.#write('NORMAL', 0, () => {
      const result = this.#prepare(
        `INSERT INTO segment (state, partition, first_sequence, next_sequence, first_offset, next_offset, earliest, latest,
           messages, plain_bytes, sealed_bytes) VALUES (${STATE_BUILDING}, ?, ?, ?, ?, ?, ?, ?, 0, 0, 0)`,
      ).run(
        place.partition,
        place.firstSequence,
        place.nextSequence,
        place.firstOffset,
        place.nextOffset,
        place.earliest,
        place.latest,
      )
      return Number(result.lastInsertRowid)
    })
  }

  /** Adds pages to a segment that is being written. */
  addPages(segment: number, pages: readonly SealedPage[]): void {
    const bytes = pages.reduce((sum, page) => sum + page.sealed.length, 0)
    const insert = this.#prepare(
      `INSERT INTO page (segment, epoch, first_device, last_device, first_sequence, last_sequence, earliest, latest,
         messages, plain_bytes, sealed_bytes, sealed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    )
    const add = this.#prepare(
      `UPDATE segment SET messages = messages + ?, plain_bytes = plain_bytes + ?, sealed_bytes = sealed_bytes + ?
       WHERE id = ?`,
    )
    this.#write('NORMAL', bytes, () => {
      for (const { row, sealed } of pages) {
        const { lastInsertRowid } = insert.run(
          segment,
          row.epoch,
          row.firstDevice,
          row.lastDevice,
          row.firstSequence,
          row.lastSequence,
          row.earliest,
          row.latest,
          row.messages,
          row.plainBytes,
          row.sealedBytes,
          sealed,
        )
        this.digests.keep({ page: Number(lastInsertRowid), segment, row, sealed })
        add.run(row.messages, row.plainBytes, row.sealedBytes, segment)
      }
    })
  }

  /** From now on the segment is what readers see of its sequence numbers; on disk when this returns. */
  publishRegrouped(segment: number, partition: number, ends: HistoryEnds, batches: string): void {
    this.#write('FULL', 0, () => {
      this.#setState(segment, STATE_IN_USE)
      this.#writeEnds(partition, ends)
      this.digests.tellPaged(segment, { batches })
    })
    this.#ends[partition] = ends
  }

  /** Puts one segment in the place of its neighbours; on disk when this returns. */
  publishMerged(segment: number, sources: readonly Segment[]): void {
    this.#write('FULL', 0, () => {
      for (const source of sources) this.#setState(source.id, STATE_DELETED)
      this.#setState(segment, STATE_IN_USE)
      this.digests.tellPaged(segment, { merged: sources.length })
    })
  }

  /** Takes a partition's oldest segment, or what of the log lies below `ends.firstSequence`, out of use. */
  forget(partition: number, segment: Segment | undefined, ends: HistoryEnds, telling: Telling): void {
    this.#write('FULL', 0, () => {
      if (segment !== undefined) this.#setState(segment.id, STATE_DELETED)
      this.#writeEnds(partition, ends)
      this.digests.tell(telling)
    })
    this.#ends[partition] = ends
  }

  /** The segment in use whose newest message is the oldest of all. */
  oldestSegment(): Segment | undefined {
    const row = this.#prepare(
      `SELECT ${SEGMENT_COLUMNS} FROM segment WHERE state = ${STATE_IN_USE} ORDER BY latest, first_sequence LIMIT 1`,
    ).get()
    return row === undefined ? undefined : segmentOf(row)
  }

  /** Deletes pages of segments that are not in use (but `building`). @returns true when there is more to delete. */
  deleteUnused(building: number | undefined): boolean {
    const segment = this.#prepare(
      `SELECT id FROM segment WHERE state <> ${STATE_IN_USE} AND id <> ? ORDER BY id LIMIT 1`,
    ).get(building ?? -1)?.['id']
    if (typeof segment !== 'number') return false
    const pages = this.#prepare('SELECT id FROM page WHERE segment = ? LIMIT ?').all(segment, DELETE_PAGES)
    this.#write('NORMAL', pages.length * HISTORY_PAGE_BYTES, () => {
      for (const page of pages) this.#prepare('DELETE FROM page WHERE id = ?').run(integerOf(page, 'id'))
      if (pages.length < DELETE_PAGES) {
        this.digests.forget(segment)
        this.#prepare('DELETE FROM segment WHERE id = ?').run(segment)
      }
    })
    return true
  }

  /** Notes that an epoch's messages are gone for good; on disk when this returns. */
  noteDropped(epoch: number): void {
    this.#write('FULL', 0, () => this.#prepare('INSERT OR IGNORE INTO dropped_epoch VALUES (?)').run(epoch))
  }

  droppedEpochs(): readonly number[] {
    return this.#prepare('SELECT epoch FROM dropped_epoch ORDER BY epoch')
      .all()
      .map((row) => integerOf(row, 'epoch'))
  }

  /** Messages of an epoch in segments in use. */
  messagesOfEpoch(epoch: number): number {
    const row = this.#prepare(
      `SELECT coalesce(sum(page.messages), 0) AS messages FROM page
       JOIN segment ON segment.id = page.segment AND segment.state = ${STATE_IN_USE} WHERE page.epoch = ?`,
    ).get(epoch)
    return integerOf(row, 'messages')
  }

  /** Deletes some pages of an epoch. @returns true when there are more. */
  deleteEpoch(epoch: number): boolean {
    const pages = this.#prepare(`SELECT ${PAGE_COLUMNS} FROM page WHERE epoch = ? LIMIT ?`)
      .all(epoch, DELETE_PAGES)
      .map(pageRowOf)
    if (pages.length === 0) return false
    const subtract = this.#prepare(
      `UPDATE segment SET messages = messages - ?, plain_bytes = plain_bytes - ?, sealed_bytes = sealed_bytes - ?
       WHERE id = ?`,
    )
    this.#write('NORMAL', pages.length * HISTORY_PAGE_BYTES, () => {
      for (const page of pages) {
        this.#prepare('DELETE FROM page WHERE id = ?').run(page.id)
        subtract.run(page.messages, page.plainBytes, page.sealedBytes, page.segment)
      }
    })
    return pages.length === DELETE_PAGES
  }

  /** Gives free pages back to the file system, a slice at a time. @returns true when there is more to give. */
  shrink(): boolean {
    const free = pragma(this.#database, 'freelist_count')
    const pages = pragma(this.#database, 'page_count')
    if (free * HISTORY_PAGE_BYTES < VACUUM_BYTES_MIN || free < pages * VACUUM_SHARE) return false
    this.#use('NORMAL')
    this.#database.exec(`PRAGMA incremental_vacuum(${VACUUM_PAGES})`)
    this.#written(VACUUM_PAGES * HISTORY_PAGE_BYTES)
    return true
  }

  /** Sizes: of the file, of what is in use of it, and of sealed pages waiting to be deleted. */
  bytes(): { readonly file: number; readonly used: number; readonly unused: number } {
    const pages = pragma(this.#database, 'page_count')
    const free = pragma(this.#database, 'freelist_count')
    const unused = this.#prepare(
      `SELECT coalesce(sum(sealed_bytes), 0) AS bytes FROM segment WHERE state = ${STATE_DELETED}`,
    ).get()
    return {
      file: pages * HISTORY_PAGE_BYTES,
      used: (pages - free) * HISTORY_PAGE_BYTES,
      unused: integerOf(unused, 'bytes'),
    }
  }

  /** Sums over the segments in use. */
  totals(): { readonly segments: number; readonly messages: number; readonly sealedBytes: number } {
    const row = this.#prepare(
      `SELECT count(*) AS segments, coalesce(sum(messages), 0) AS messages, coalesce(sum(sealed_bytes), 0) AS bytes
       FROM segment WHERE state = ${STATE_IN_USE}`,
    ).get()
    return {
      segments: integerOf(row, 'segments'),
      messages: integerOf(row, 'messages'),
      sealedBytes: integerOf(row, 'bytes'),
    }
  }

  /** See `OnlineCopy`. */
  copyTo(file: string): Promise<void> {
    return this.#copy.run(this.#database, file)
  }

  /** To be awaited before `close`. */
  endCopy(): Promise<void> {
    return this.#copy.end()
  }

  findDamage(): string | undefined {
    return findDamage(this.#database)
  }

  damaged(what: string, cause?: unknown): StoreDamagedError {
    return new StoreDamagedError({ file: this.file, what, remedy: HISTORY_FILE.remedy }, cause)
  }

  /** Notes the clean stop, folds the WAL in and closes. */
  close(): void {
    if (!this.#database.isOpen) return
    try {
      if (!this.#isClean) this.#write('FULL', 0, () => this.#database.exec('UPDATE stop SET clean = 1'))
      this.#database.exec('PRAGMA wal_checkpoint(TRUNCATE)')
    } catch (error) {
      if (faultOf(error) === undefined) throw error // A full disk: the next start checks.
    } finally {
      this.#database.close()
    }
  }

  /** Segments in use follow each other without a gap from a partition's first sequence number to its next. */
  #checkOrder(database: DatabaseSync, ends: readonly HistoryEnds[]): void {
    const due = ends.map(({ firstSequence }) => firstSequence)
    const rows = database.prepare(
      `SELECT ${SEGMENT_COLUMNS} FROM segment WHERE state = ${STATE_IN_USE} ORDER BY partition, first_sequence`,
    )
    for (const row of rows.iterate()) {
      const { id, partition, firstSequence, nextSequence } = segmentOf(row)
      if (firstSequence !== due[partition] || nextSequence <= firstSequence) {
        throw this.damaged(
          `segment ${id} of partition ${partition} begins at sequence ${firstSequence} where ${due[partition]} was due`,
        )
      }
      due[partition] = nextSequence
    }
    for (const [partition, { nextSequence }] of ends.entries()) {
      if (due[partition] !== nextSequence) {
        throw this.damaged(
          `the segments of partition ${partition} end at sequence ${due[partition]} where ${nextSequence} was due`,
        )
      }
    }
  }

  #setState(segment: number, state: number): void {
    this.#prepare('UPDATE segment SET state = ? WHERE id = ?').run(state, segment)
  }

  #writeEnds(partition: number, ends: HistoryEnds): void {
    const values: SQLInputValue[] = [ends.firstSequence, ends.nextSequence, ends.nextOffset, ends.lastOffset]
    this.#prepare(
      `UPDATE partition SET first_sequence = ?, next_sequence = ?, next_offset = ?, last_offset = ?, latest = ?
       WHERE id = ?`,
    ).run(...values, ends.latest ?? null, partition)
  }

  /**
   * One transaction. NORMAL leaves the fsync to the next FULL one or to a checkpoint: after a power cut a segment that
   * was being written, or a deletion, may be undone, which costs nothing but doing it again.
   */
  #write<T>(synchronous: 'FULL' | 'NORMAL', bytes: number, work: () => T): T {
    this.#use(synchronous)
    const result = inTransaction(this.#database, () => {
      if (this.#isClean) this.#database.exec('UPDATE stop SET clean = 0')
      return work()
    })
    this.#isClean = false
    this.#written(bytes)
    return result
  }

  #use(synchronous: 'FULL' | 'NORMAL'): void {
    this.#database.exec(`PRAGMA synchronous = ${synchronous}`)
  }

  #written(bytes: number): void {
    this.#bytesSinceCheckpoint += bytes + 2 * HISTORY_PAGE_BYTES
    if (this.#bytesSinceCheckpoint < CHECKPOINT_BYTES) return
    this.#bytesSinceCheckpoint = 0
    try {
      this.#database.exec('PRAGMA wal_checkpoint(PASSIVE)')
    } catch (error) {
      if (faultOf(error) === undefined) throw error // The WAL grows until there is room; nothing is lost.
    }
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql)
    if (statement === undefined) {
      statement = this.#database.prepare(sql)
      this.#statements.set(sql, statement)
    }
    return statement
  }
}

const NONE: readonly HistoryEnds[] = []

function readEnds(database: DatabaseSync): readonly HistoryEnds[] {
  return database.prepare('SELECT * FROM partition ORDER BY id').all().map(endsOf)
}
