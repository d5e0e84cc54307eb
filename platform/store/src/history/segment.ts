/** Rows of `history.db` as values. */

import { type Timestamp, timestampOf } from '@holdfast/base'
import { integerOf, optionalIntegerOf, type Row, textOf } from '../sqlite/row.ts'
import type { PageRow } from './page.ts'

/** A run of consecutive sequence numbers of a partition, whose messages lie in pages sorted by device. */
export interface Segment {
  readonly id: number
  readonly partition: number
  readonly firstSequence: number
  readonly nextSequence: number
  readonly firstOffset: number
  readonly nextOffset: number
  readonly earliest: Timestamp
  readonly latest: Timestamp
  /** Fewer than the sequence numbers where an epoch was dropped. */
  readonly messages: number
  readonly plainBytes: number
  readonly sealedBytes: number
}

/** What of a partition the history holds: [firstSequence, nextSequence). */
export interface HistoryEnds {
  readonly firstSequence: number
  readonly nextSequence: number
  readonly nextOffset: number
  /** Offset of the last message below `nextSequence`; -1 when there was none. */
  readonly lastOffset: number
  readonly latest: Timestamp | undefined
}

export const SEGMENT_COLUMNS = `id, partition, first_sequence, next_sequence, first_offset, next_offset, earliest, latest,
  messages, plain_bytes, sealed_bytes`

export const PAGE_COLUMNS = `id, segment, epoch, first_device, last_device, first_sequence, last_sequence, earliest, latest,
  messages, plain_bytes, sealed_bytes`

export function segmentOf(row: Row): Segment {
  return {
    id: integerOf(row, 'id'),
    partition: integerOf(row, 'partition'),
    firstSequence: integerOf(row, 'first_sequence'),
    nextSequence: integerOf(row, 'next_sequence'),
    firstOffset: integerOf(row, 'first_offset'),
    nextOffset: integerOf(row, 'next_offset'),
    earliest: timestampOf(integerOf(row, 'earliest')),
    latest: timestampOf(integerOf(row, 'latest')),
    messages: integerOf(row, 'messages'),
    plainBytes: integerOf(row, 'plain_bytes'),
    sealedBytes: integerOf(row, 'sealed_bytes'),
  }
}

export function pageRowOf(row: Row): PageRow {
  return {
    id: integerOf(row, 'id'),
    segment: integerOf(row, 'segment'),
    epoch: integerOf(row, 'epoch'),
    firstDevice: textOf(row, 'first_device'),
    lastDevice: textOf(row, 'last_device'),
    firstSequence: integerOf(row, 'first_sequence'),
    lastSequence: integerOf(row, 'last_sequence'),
    earliest: integerOf(row, 'earliest'),
    latest: integerOf(row, 'latest'),
    messages: integerOf(row, 'messages'),
    plainBytes: integerOf(row, 'plain_bytes'),
    sealedBytes: integerOf(row, 'sealed_bytes'),
  }
}

export function endsOf(row: Row): HistoryEnds {
  const latest = optionalIntegerOf(row, 'latest')
  return {
    firstSequence: integerOf(row, 'first_sequence'),
    nextSequence: integerOf(row, 'next_sequence'),
    nextOffset: integerOf(row, 'next_offset'),
    lastOffset: integerOf(row, 'last_offset'),
    latest: latest === undefined ? undefined : timestampOf(latest),
  }
}

/** Order of device ids as SQLite has it: by their UTF-8 bytes. */
export function compareDevices(a: string, b: string): number {
  return a === b ? 0 : Buffer.compare(Buffer.from(a), Buffer.from(b))
}
