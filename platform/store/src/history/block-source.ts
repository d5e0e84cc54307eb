/** Opens blocks for readers, keeps the last ones, and counts what was opened. */

import { LruMap } from '@holdfast/base'
import { MessagingError, openBatchBytes, recordSpans } from '@holdfast/messaging'
import type { LogTail, TailBatch } from '../log/log-tail.ts'
import { BatchBlock, type Block, SegmentBlock } from './block.ts'
import type { Catalog } from './catalog.ts'
import { HistoryError } from './errors.ts'
import type { KeyRing } from './key-ring.ts'
import { OPEN_BATCHES_MAX, SLICE_MS, VIEWS_BYTES_MAX } from './limits.ts'
import { type OpenedPage, type PageRow, readPage } from './page.ts'
import type { Segment } from './segment.ts'

/** What reading has cost since the start. */
export interface ReadCounters {
  pagesOpened: number
  batchesOpened: number
  /** Sequence numbers or messages passed over because their epoch's key is gone. */
  unreadable: number
}

const EMPTY = new Uint8Array(0)

export class BlockSource {
  readonly counters: ReadCounters = { pagesOpened: 0, batchesOpened: 0, unreadable: 0 }
  readonly #catalog: Catalog
  readonly #tail: LogTail
  readonly #ring: KeyRing
  readonly #batches = new LruMap<string, BatchBlock>(OPEN_BATCHES_MAX)
  /** By segment id, least recently used first. Promises, so that two readers open a segment once. */
  readonly #segments = new Map<number, { readonly block: Promise<SegmentBlock>; readonly bytes: number }>()

  constructor(options: { readonly catalog: Catalog; readonly tail: LogTail; readonly ring: KeyRing }) {
    this.#catalog = options.catalog
    this.#tail = options.tail
    this.#ring = options.ring
  }

  /** Forgets everything opened: a key is gone. */
  clear(): void {
    this.#batches.clear()
    this.#segments.clear()
  }

  /**
   * A batch of the log; a block without records when its epoch is gone; undefined when it was trimmed meanwhile.
   * @throws HistoryError `damaged` naming the batch
   */
  batch(batch: TailBatch): BatchBlock | undefined {
    const { partition, firstSequence, count } = batch
    // Not by the row's id: SQLite gives it again when the log was trimmed empty.
    const place = `${partition} ${firstSequence}`
    const kept = this.#batches.get(place)
    if (kept !== undefined) return kept
    const isReadable = !batch.isEmptied && this.#ring.keyOf(batch.epoch) !== undefined
    if (!isReadable) return new BatchBlock({ partition, firstSequence, count, plain: EMPTY, spans: [] })
    const stored = this.#tail.read(batch)
    if (stored === undefined) return undefined
    if (stored.sealed.length === 0) return new BatchBlock({ partition, firstSequence, count, plain: EMPTY, spans: [] })
    this.counters.batchesOpened += 1
    try {
      const plain = openBatchBytes(stored, this.#ring.keyOf)
      const block = new BatchBlock({ partition, firstSequence, count, plain, spans: recordSpans(plain, stored) })
      this.#batches.set(place, block)
      return block
    } catch (error) {
      if (!(error instanceof MessagingError)) throw error
      throw new HistoryError(
        'damaged',
        `${this.#tail.file}: the batch at sequence ${firstSequence} (${count} messages) of partition ${partition} is damaged: ${error.message}`,
        { cause: error },
      )
    }
  }

  /** A batch's plain bytes alone, for looking through; undefined when it is gone. */
  plainOf(batch: TailBatch): Uint8Array | undefined {
    if (batch.isEmptied || this.#ring.keyOf(batch.epoch) === undefined) return undefined
    const stored = this.#tail.read(batch)
    if (stored === undefined || stored.sealed.length === 0) return undefined
    this.counters.batchesOpened += 1
    try {
      return openBatchBytes(stored, this.#ring.keyOf)
    } catch (error) {
      if (!(error instanceof MessagingError)) throw error
      throw new HistoryError(
        'damaged',
        `${this.#tail.file}: the batch at sequence ${batch.firstSequence} of partition ${batch.partition} is damaged: ${error.message}`,
        { cause: error },
      )
    }
  }

  /**
   * A page; undefined when its epoch or segment is gone.
   * @throws HistoryError `damaged` naming page and segment
   */
  page(segment: Segment, row: PageRow): OpenedPage | undefined {
    if (this.#ring.keyOf(row.epoch) === undefined) return undefined
    const sealed = this.#catalog.sealedOf(row)
    if (sealed === undefined) return undefined
    this.counters.pagesOpened += 1
    try {
      return readPage(segment.partition, row, sealed, this.#ring.keyOf)
    } catch (error) {
      if (!(error instanceof MessagingError)) throw error
      throw damagedSegment(this.#catalog.file, segment, `page ${row.id}: ${error.message}`, error)
    }
  }

  /**
   * A whole segment in sequence order. Takes a few hundred milliseconds for a full one, in slices.
   * @throws HistoryError `damaged` naming the segment
   */
  async segment(segment: Segment): Promise<Block> {
    const kept = this.#segments.get(segment.id)
    if (kept !== undefined) {
      this.#segments.delete(segment.id)
      this.#segments.set(segment.id, kept)
      return kept.block
    }
    const block = this.#open(segment)
    this.#segments.set(segment.id, { block, bytes: segment.plainBytes })
    // A failure is not kept: the next reader is told afresh.
    block.catch(() => this.#segments.delete(segment.id))
    let bytes = 0
    for (const entry of this.#segments.values()) bytes += entry.bytes
    for (const [id, entry] of this.#segments) {
      if (bytes <= VIEWS_BYTES_MAX || id === segment.id) break
      this.#segments.delete(id)
      bytes -= entry.bytes
    }
    return block
  }

  async #open(segment: Segment): Promise<SegmentBlock> {
    const block = new SegmentBlock(segment)
    let row: PageRow | undefined
    let until = performance.now() + SLICE_MS
    for (;;) {
      const rows = this.#catalog.pagesOf(segment.id, row, 16)
      if (rows.length === 0) break
      for (row of rows) {
        const page = this.page(segment, row)
        if (page !== undefined && !block.add(page.plain, page.spans)) {
          throw damagedSegment(this.#catalog.file, segment, `page ${row.id} holds a sequence number twice`)
        }
        if (performance.now() > until) {
          await breathe()
          until = performance.now() + SLICE_MS
        }
      }
    }
    return block
  }
}

/** Lets everything else that waits have its turn. */
export function breathe(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}

function damagedSegment(file: string, segment: Segment, what: string, cause?: unknown): HistoryError {
  return new HistoryError(
    'damaged',
    `${file}: segment ${segment.id} (partition ${segment.partition}, sequences ${segment.firstSequence} to ${segment.nextSequence - 1}) is damaged: ${what}`,
    cause === undefined ? undefined : { cause },
  )
}
