/** Batches of telemetry: records of one partition gathered, sealed, and opened again. */

import { type Timestamp, timestampOf } from '@holdfast/base'
import { MessagingError } from './errors.ts'
import { BATCH_BYTES_INITIAL, BATCH_BYTES_MAX, BATCH_MESSAGES_MAX, RECORD_BYTES_MAX } from './limits.ts'
import { decodeRecord, recordBytes, recordEnd, recordTime, writeRecord } from './record.ts'
import type { SealedBatch, StoredBatch } from './sealed-batch.ts'
import { type KeyForEpoch, openBytes, type SealingKey, sealedBytes } from './sealing.ts'
import type { TelemetryMessage } from './telemetry-message.ts'

/** u16 partition, u32 count, u32 plain bytes, u48 earliest, u48 latest. */
const HEADER_BYTES = 22

interface BatchRecord {
  readonly prefix: Uint8Array
  readonly enqueued: Timestamp
  readonly flags: number
  readonly bag: Uint8Array
  readonly body: Uint8Array
}

/** The open batch of one partition. Its buffer grows to the largest batch it has seen and is used again. */
export class BatchBuilder {
  readonly partition: number
  #buffer = new Uint8Array(BATCH_BYTES_INITIAL)
  #bytes = 0
  #count = 0
  #earliest = 0
  #latest = 0

  constructor(partition: number) {
    this.partition = partition
  }

  get count(): number {
    return this.#count
  }

  /** Plain bytes so far. */
  get bytes(): number {
    return this.#bytes
  }

  /** True when the next record belongs to another batch. An empty batch takes any record. */
  isFullFor(bytes: number): boolean {
    return this.#count >= BATCH_MESSAGES_MAX || (this.#count > 0 && this.#bytes + bytes > BATCH_BYTES_MAX)
  }

  /**
   * Copies one record in.
   * @returns the bytes it took.
   * @throws TypeError if the record is larger than any legal one, or `isFullFor` was not heeded.
   */
  append(record: BatchRecord): number {
    const bytes = recordBytes(record.prefix, record.bag, record.body)
    if (bytes > RECORD_BYTES_MAX || this.isFullFor(bytes)) throw new TypeError('the record does not fit the batch')
    if (this.#bytes + bytes > this.#buffer.length) this.#grow(this.#bytes + bytes)
    writeRecord(this.#buffer, this.#bytes, record)
    const { enqueued } = record
    // Civil time may step back; the header says what is inside, whatever the order.
    if (this.#count === 0 || enqueued < this.#earliest) this.#earliest = enqueued
    if (this.#count === 0 || enqueued > this.#latest) this.#latest = enqueued
    this.#bytes += bytes
    this.#count += 1
    return bytes
  }

  /**
   * Seals what is gathered and starts anew.
   * @throws TypeError if nothing was gathered.
   */
  seal(key: SealingKey): SealedBatch {
    if (this.#count === 0) throw new TypeError('an empty batch is not sealed')
    const header = new Uint8Array(HEADER_BYTES)
    const view = new DataView(header.buffer)
    view.setUint16(0, this.partition)
    view.setUint32(2, this.#count)
    view.setUint32(6, this.#bytes)
    setTime(view, 10, this.#earliest)
    setTime(view, 16, this.#latest)
    const batch: SealedBatch = {
      partition: this.partition,
      count: this.#count,
      plainBytes: this.#bytes,
      earliest: timestampOf(this.#earliest),
      latest: timestampOf(this.#latest),
      epoch: key.epoch,
      sealed: key.seal(this.#buffer.subarray(0, this.#bytes), header),
    }
    this.#bytes = 0
    this.#count = 0
    return batch
  }

  #grow(atLeast: number): void {
    let size = this.#buffer.length
    while (size < atLeast) size *= 2
    const larger = new Uint8Array(size)
    larger.set(this.#buffer.subarray(0, this.#bytes))
    this.#buffer = larger
  }
}

/**
 * The records of a batch as plain bytes, verified against everything the store says of the batch.
 * @throws MessagingError `unknown-epoch`, `damaged`
 */
export function openBatchBytes(batch: SealedBatch, keyForEpoch: KeyForEpoch): Uint8Array {
  // Checked before anything is allocated: the store's row is not yet to be believed.
  if (batch.sealed.length !== sealedBytes(HEADER_BYTES, batch.plainBytes)) throw mismatch()
  const opened = openBytes(batch.sealed, { headerBytes: HEADER_BYTES, purpose: 'telemetry batch', keyForEpoch })
  const { header } = opened
  const view = new DataView(header.buffer, header.byteOffset)
  const agrees =
    opened.epoch === batch.epoch &&
    view.getUint16(0) === batch.partition &&
    view.getUint32(2) === batch.count &&
    view.getUint32(6) === batch.plainBytes &&
    getTime(view, 10) === batch.earliest &&
    getTime(view, 16) === batch.latest
  if (!agrees) throw mismatch()
  return opened.plain
}

/** Where a record of an opened batch stands: in its bytes (`at`, `end`) and in its partition. */
export interface RecordSpan {
  readonly at: number
  readonly end: number
  readonly sequenceNumber: number
  readonly offset: number
  readonly enqueuedTime: Timestamp
}

/**
 * The records in the plain bytes of `batch`, in order, not decoded.
 * @throws MessagingError `damaged` if bytes and header do not agree.
 */
export function recordSpans(plain: Uint8Array, batch: StoredBatch): readonly RecordSpan[] {
  const spans: RecordSpan[] = []
  let at = 0
  while (at < plain.length) {
    const end = recordEnd(plain, at)
    const enqueuedTime = recordTime(plain, at)
    if (enqueuedTime < batch.earliest || enqueuedTime > batch.latest || spans.length >= batch.count) throw mismatch()
    spans.push({
      at,
      end,
      sequenceNumber: batch.firstSequence + spans.length,
      offset: batch.firstOffset + at,
      enqueuedTime,
    })
    at = end
  }
  if (spans.length !== batch.count) throw mismatch()
  return spans
}

/**
 * Opens a stored batch: its messages in order, with the sequence numbers and offsets that follow from its place.
 * Bodies are views into one buffer of the whole batch; copy what is to outlive it.
 * @throws MessagingError `unknown-epoch` when the key is gone, `damaged` when the bytes are not what was sealed.
 */
export function openBatch(batch: StoredBatch, keyForEpoch: KeyForEpoch): readonly TelemetryMessage[] {
  const plain = openBatchBytes(batch, keyForEpoch)
  return recordSpans(plain, batch).map((span) =>
    decodeRecord(plain, span, {
      partition: batch.partition,
      sequenceNumber: span.sequenceNumber,
      offset: span.offset,
    }),
  )
}

function setTime(view: DataView, at: number, time: number): void {
  view.setUint16(at, Math.floor(time / 0x1_0000_0000))
  view.setUint32(at + 2, time % 0x1_0000_0000)
}

function getTime(view: DataView, at: number): number {
  return view.getUint16(at) * 0x1_0000_0000 + view.getUint32(at + 2)
}

function mismatch(): MessagingError {
  return new MessagingError('damaged', 'the batch is not what its header says')
}
