/** Several small neighbours of a partition become one segment, so that a quiet fleet's months lie in few pages. */

import { MessagingError, recordDevice } from '@holdfast/messaging'
import type { Catalog } from './catalog.ts'
import { BlockedError, type Job } from './job.ts'
import type { KeyRing } from './key-ring.ts'
import { MERGE_SEARCH_SEGMENTS, MERGE_SEGMENTS } from './limits.ts'
import { type DeviceRecord, type PageRow, readPage } from './page.ts'
import { PageWriter } from './page-writer.ts'
import type { SegmentLimits } from './regroup.ts'
import { compareDevices, type Segment } from './segment.ts'

export interface MergeContext {
  readonly catalog: Catalog
  readonly ring: KeyRing
  readonly limits: SegmentLimits
  readonly building: (segment: number | undefined) => void
}

/**
 * Neighbours worth merging: at least `MERGE_SEGMENTS`, of like size (the largest is at most what the others hold
 * together, so that a message is rewritten a logarithmic number of times), fitting one segment.
 */
export function findNeighbours(
  partition: number,
  fromSequence: number,
  context: Pick<MergeContext, 'catalog' | 'limits'>,
): { readonly sources: readonly Segment[]; readonly nextSequence: number | undefined } {
  const { limits } = context
  const segments = context.catalog.segmentsFrom(partition, fromSequence, MERGE_SEARCH_SEGMENTS)
  for (let from = 0; from + MERGE_SEGMENTS <= segments.length; from++) {
    let bytes = 0
    let messages = 0
    let largest = 0
    let to = from
    for (const segment of segments.slice(from)) {
      if (bytes + segment.plainBytes > limits.plainBytes || messages + segment.messages > limits.messages) break
      bytes += segment.plainBytes
      messages += segment.messages
      largest = Math.max(largest, segment.plainBytes)
      to += 1
    }
    if (to - from >= MERGE_SEGMENTS && largest <= bytes - largest) {
      return { sources: segments.slice(from, to), nextSequence: undefined }
    }
  }
  const isLast = segments.length < MERGE_SEARCH_SEGMENTS
  return { sources: [], nextSequence: isLast ? undefined : segments.at(-MERGE_SEGMENTS)?.nextSequence }
}

/** @throws BlockedError when a page of a source cannot be opened. */
export function* merge(sources: readonly Segment[], context: MergeContext): Job {
  const { catalog, ring } = context
  const first = sources[0]
  const last = sources.at(-1)
  if (first === undefined || last === undefined) return
  const { partition } = first
  const segment = catalog.begin({
    partition,
    firstSequence: first.firstSequence,
    nextSequence: last.nextSequence,
    firstOffset: first.firstOffset,
    nextOffset: last.nextOffset,
    earliest: sources.reduce((least, source) => (source.earliest < least ? source.earliest : least), first.earliest),
    latest: sources.reduce((most, source) => (source.latest > most ? source.latest : most), first.latest),
  })
  context.building(segment)
  const writer = new PageWriter({ catalog, ring, segment, partition })
  const cursors = sources.map((source) => new SegmentCursor(source, context))
  for (;;) {
    const least = leastOf(cursors)
    if (least === undefined) break
    const { epoch, deviceId } = least
    // Sources are in sequence order, so a device's records of one source stand wholly before those of the next.
    let at: Head | undefined = least
    while (at !== undefined && at.epoch === epoch && at.deviceId === deviceId) {
      if (writer.add(epoch, at.record)) yield
      at = at.cursor.next()
    }
  }
  writer.finish()
  catalog.publishMerged(segment, sources)
  context.building(undefined)
}

interface Head {
  readonly epoch: number
  readonly deviceId: string
  readonly record: DeviceRecord
  readonly cursor: SegmentCursor
}

function leastOf(cursors: readonly SegmentCursor[]): Head | undefined {
  let least: Head | undefined
  for (const { head } of cursors) {
    if (head === undefined) continue
    if (
      least === undefined ||
      head.epoch < least.epoch ||
      (head.epoch === least.epoch && compareDevices(head.deviceId, least.deviceId) < 0)
    ) {
      least = head
    }
  }
  return least
}

/** Walks a segment's records in page order, one page opened at a time. */
class SegmentCursor {
  head: Head | undefined
  readonly #segment: Segment
  readonly #context: MergeContext
  #rows: readonly PageRow[] = []
  #row = 0
  #records: readonly DeviceRecord[] = []
  #record = 0
  #lastRow: PageRow | undefined

  constructor(segment: Segment, context: MergeContext) {
    this.#segment = segment
    this.#context = context
    this.next()
  }

  next(): Head | undefined {
    while (this.#record >= this.#records.length) {
      const row = this.#nextRow()
      if (row === undefined) {
        this.head = undefined
        return undefined
      }
      this.#records = this.#open(row)
      this.#record = 0
    }
    const record = this.#records[this.#record]
    this.#record += 1
    const epoch = this.#lastRow?.epoch
    this.head =
      record === undefined || epoch === undefined
        ? undefined
        : { epoch, deviceId: record.deviceId, record, cursor: this }
    return this.head
  }

  #nextRow(): PageRow | undefined {
    if (this.#row >= this.#rows.length) {
      this.#rows = this.#context.catalog.pagesOf(this.#segment.id, this.#lastRow, 64)
      this.#row = 0
    }
    const row = this.#rows[this.#row]
    this.#row += 1
    if (row !== undefined) this.#lastRow = row
    return row
  }

  #open(row: PageRow): readonly DeviceRecord[] {
    const { catalog, ring } = this.#context
    const { partition } = this.#segment
    if (ring.isDropped(row.epoch)) return []
    const sealed = catalog.sealedOf(row)
    if (sealed === undefined) return [] // Dropped with its epoch a moment ago.
    try {
      const { plain, spans } = readPage(partition, row, sealed, ring.keyOf)
      return spans.map(({ at, end, sequenceNumber, offset }) => ({
        deviceId: recordDevice(plain, at, end),
        sequenceNumber,
        offset,
        record: plain.subarray(at, end),
      }))
    } catch (error) {
      if (!(error instanceof MessagingError)) throw error
      const reason = error.code === 'unknown-epoch' ? 'missing-key' : 'damaged'
      const detail = `${catalog.file}: page ${row.id} of segment ${this.#segment.id} (partition ${partition}): ${error.message}`
      throw new BlockedError({ work: 'merging', partition, reason, detail }, error)
    }
  }
}
