/**
 * History pages: records regrouped by device and time, which keep the sequence numbers and offsets they were given.
 * A page is encoded (`encodePage`), perhaps compressed by the store, and sealed (`sealPage`); reading goes back the
 * same way. What it is about is authenticated with it, so that a page cannot stand in for another.
 */

import { type Timestamp, timestampOf } from '@holdfast/base'
import type { RecordSpan } from './batch.ts'
import { MessagingError } from './errors.ts'
import { PAGE_BYTES_MAX, PAGE_MESSAGES_MAX } from './limits.ts'
import { decodeRecord, recordEnd, recordTime } from './record.ts'
import { type KeyForEpoch, openBytes, type SealingKey } from './sealing.ts'
import type { TelemetryMessage } from './telemetry-message.ts'

/** u48 sequence number, u48 offset before each record. */
const PLACE_BYTES = 12
/** u16 partition, u32 count, u32 plain bytes, u48 earliest, u48 latest, u8 encoding. */
const HEADER_BYTES = 23

/** One record on its way into a page; `record` is the encoded record, e.g. the span of an opened batch. */
export interface PageRecord {
  readonly sequenceNumber: number
  readonly offset: number
  readonly record: Uint8Array
}

/** What a page's header says; all of it is authenticated. */
export interface PageHeader {
  readonly partition: number
  readonly count: number
  /** Bytes of the encoded page before compression: the most that decompressing may yield. */
  readonly plainBytes: number
  readonly earliest: Timestamp
  readonly latest: Timestamp
  /** How the store wrote the page: 0 as encoded, other numbers are the store's own. */
  readonly encoding: number
}

/** What a record takes in a page. */
export function pageRecordBytes(record: Uint8Array): number {
  return PLACE_BYTES + record.length
}

/**
 * Encodes records into one page, in the order given.
 * @throws TypeError if there are none or more than a page may hold.
 */
export function encodePage(
  partition: number,
  records: readonly PageRecord[],
): { readonly header: PageHeader; readonly plain: Uint8Array<ArrayBuffer> } {
  const plainBytes = records.reduce((sum, { record }) => sum + pageRecordBytes(record), 0)
  if (records.length === 0 || records.length > PAGE_MESSAGES_MAX || plainBytes > PAGE_BYTES_MAX) {
    throw new TypeError(`a page holds 1 to ${PAGE_MESSAGES_MAX} records in at most ${PAGE_BYTES_MAX} bytes`)
  }
  const plain = new Uint8Array(plainBytes)
  const view = new DataView(plain.buffer)
  let at = 0
  let earliest = Number.MAX_SAFE_INTEGER
  let latest = 0
  for (const { sequenceNumber, offset, record } of records) {
    set48(view, at, sequenceNumber)
    set48(view, at + 6, offset)
    plain.set(record, at + PLACE_BYTES)
    const time = recordTime(record, 0)
    earliest = Math.min(earliest, time)
    latest = Math.max(latest, time)
    at += pageRecordBytes(record)
  }
  return {
    header: {
      partition,
      count: records.length,
      plainBytes,
      earliest: timestampOf(earliest),
      latest: timestampOf(latest),
      encoding: 0,
    },
    plain,
  }
}

/** Seals a page's bytes as the store wrote them (`header.encoding`). The key's purpose is `history page`. */
export function sealPage(key: SealingKey, header: PageHeader, bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const encoded = new Uint8Array(HEADER_BYTES)
  const view = new DataView(encoded.buffer)
  view.setUint16(0, header.partition)
  view.setUint32(2, header.count)
  view.setUint32(6, header.plainBytes)
  set48(view, 10, header.earliest)
  set48(view, 16, header.latest)
  view.setUint8(22, header.encoding)
  return key.seal(bytes, encoded)
}

/**
 * Opens a sealed page: its header and its bytes as the store wrote them.
 * @throws MessagingError `unknown-epoch`, `damaged`
 */
export function openPage(
  sealed: Uint8Array,
  keyForEpoch: KeyForEpoch,
): { readonly epoch: number; readonly header: PageHeader; readonly bytes: Uint8Array } {
  const opened = openBytes(sealed, { headerBytes: HEADER_BYTES, purpose: 'history page', keyForEpoch })
  const view = new DataView(opened.header.buffer, opened.header.byteOffset)
  const header: PageHeader = {
    partition: view.getUint16(0),
    count: view.getUint32(2),
    plainBytes: view.getUint32(6),
    earliest: timestampOf(get48(view, 10)),
    latest: timestampOf(get48(view, 16)),
    encoding: view.getUint8(22),
  }
  if (header.plainBytes > PAGE_BYTES_MAX || header.count > PAGE_MESSAGES_MAX) throw mismatch()
  return { epoch: opened.epoch, header, bytes: opened.plain }
}

/**
 * The records of an encoded (decompressed) page in their order, not decoded.
 * @throws MessagingError `damaged` if bytes and header do not agree.
 */
export function pageSpans(header: PageHeader, plain: Uint8Array): readonly RecordSpan[] {
  if (plain.length !== header.plainBytes) throw mismatch()
  const view = new DataView(plain.buffer, plain.byteOffset, plain.byteLength)
  const spans: RecordSpan[] = []
  let place = 0
  while (place < plain.length) {
    const at = place + PLACE_BYTES
    if (at > plain.length || spans.length >= header.count) throw mismatch()
    const end = recordEnd(plain, at)
    const enqueuedTime = recordTime(plain, at)
    if (enqueuedTime < header.earliest || enqueuedTime > header.latest) throw mismatch()
    spans.push({ at, end, sequenceNumber: get48(view, place), offset: get48(view, place + 6), enqueuedTime })
    place = end
  }
  if (spans.length !== header.count) throw mismatch()
  return spans
}

/**
 * The messages of an encoded (decompressed) page. Bodies are views into `plain`.
 * @throws MessagingError `damaged` if bytes and header do not agree.
 */
export function decodePage(header: PageHeader, plain: Uint8Array): readonly TelemetryMessage[] {
  return pageSpans(header, plain).map((span) =>
    decodeRecord(plain, span, {
      partition: header.partition,
      sequenceNumber: span.sequenceNumber,
      offset: span.offset,
    }),
  )
}

function set48(view: DataView, at: number, value: number): void {
  if (!(value >= 0 && value < 2 ** 48)) throw new TypeError('a number of a page has 48 bits')
  view.setUint16(at, Math.floor(value / 0x1_0000_0000))
  view.setUint32(at + 2, value % 0x1_0000_0000)
}

function get48(view: DataView, at: number): number {
  return view.getUint16(at) * 0x1_0000_0000 + view.getUint32(at + 2)
}

function mismatch(): MessagingError {
  return new MessagingError('damaged', 'the page is not what its header says')
}
