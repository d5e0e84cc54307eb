/** One read of a device's messages in a time range: segments first, then what the log still holds alone. */

import type { Timestamp } from '@holdfast/base'
import { RECORD_HEAD_BYTES, type RecordSpan, recordSpans, type TelemetryMessage } from '@holdfast/messaging'
import type { TailBatch } from '../log/log-tail.ts'
import { answerBytesOf, cursorOf } from './answer.ts'
import { messageOf } from './block.ts'
import { breathe } from './block-source.ts'
import { ANSWER_BYTES_MAX, SLICE_MS } from './limits.ts'
import type { OpenedPage } from './page.ts'
import type { ReaderContext } from './reader-context.ts'
import { compareDevices, type Segment } from './segment.ts'

export interface DeviceReadRequest {
  readonly partition: number
  readonly deviceId: string
  readonly from: Timestamp
  readonly to: Timestamp
  readonly messagesMax: number
  /** Messages below were in an earlier answer. */
  readonly sequence: number
}

interface Found {
  readonly plain: Uint8Array
  readonly span: RecordSpan
}

export class DeviceRead {
  readonly #context: ReaderContext
  readonly #request: DeviceReadRequest
  /** The device id as it stands in a record: its length, then its bytes. */
  readonly #prefix: Uint8Array
  readonly #messages: TelemetryMessage[] = []
  #sequence: number
  #bytes = 0
  #unreadable = 0
  #until = 0

  constructor(context: ReaderContext, request: DeviceReadRequest) {
    this.#context = context
    this.#request = request
    this.#sequence = request.sequence
    const id = new TextEncoder().encode(request.deviceId)
    this.#prefix = Uint8Array.of(id.length, ...id)
  }

  async run(): Promise<{
    readonly messages: readonly TelemetryMessage[]
    readonly cursor?: string
    readonly unreadable?: number
  }> {
    this.#until = performance.now() + SLICE_MS
    if (this.#prefix.length <= 256) {
      const { catalog } = this.#context
      const { partition } = this.#request
      // Asked anew each turn: batches may have become a segment while others had theirs.
      while (!this.#isFull) {
        const { nextSequence } = catalog.ends(partition)
        if (this.#sequence >= nextSequence) {
          if (!this.#readBatches()) break
        } else if (!(await this.#readSegment())) {
          this.#sequence = nextSequence
        }
        await this.#breathe()
      }
    }
    this.#context.source.counters.unreadable += this.#unreadable
    return {
      messages: this.#messages,
      ...(this.#isFull ? { cursor: cursorOf(this.#sequence) } : {}),
      ...(this.#unreadable === 0 ? {} : { unreadable: this.#unreadable }),
    }
  }

  get #isFull(): boolean {
    return this.#messages.length >= this.#request.messagesMax || this.#bytes >= ANSWER_BYTES_MAX
  }

  async #breathe(): Promise<void> {
    if (performance.now() < this.#until) return
    await breathe()
    this.#until = performance.now() + SLICE_MS
  }

  /** Reads the next segment in question. @returns false when there is none left. */
  async #readSegment(): Promise<boolean> {
    const { catalog } = this.#context
    const { partition, from, to } = this.#request
    const segment = catalog.segmentInTime(partition, { sequence: this.#sequence, from, to })
    if (segment === undefined) return false
    const found: Found[] = []
    let end = segment.nextSequence
    for (const epoch of catalog.epochsOf(segment.id)) {
      const part = await this.#findInSegment(segment, epoch)
      found.push(...part.found)
      end = Math.min(end, part.end)
    }
    // Merged or dropped by retention meanwhile: what was found may lack pages, so it is looked up again.
    if (catalog.segmentAt(partition, segment.firstSequence)?.id !== segment.id) return true
    // Within an epoch the order is right; a connection that changed its front may mix two epochs for a moment.
    found.sort((a, b) => a.span.sequenceNumber - b.span.sequenceNumber)
    for (const { plain, span } of found) {
      if (span.sequenceNumber >= end) break
      this.#take(plain, span)
      if (this.#isFull) return true
    }
    this.#sequence = end
    return true
  }

  /** The device's records of one epoch until the answer is full; complete below the sequence number `end`. */
  async #findInSegment(
    segment: Segment,
    epoch: number,
  ): Promise<{ readonly found: readonly Found[]; readonly end: number }> {
    const { catalog, source } = this.#context
    const { deviceId, from, to, messagesMax } = this.#request
    const found: Found[] = []
    const room = messagesMax - this.#messages.length
    let bytes = this.#bytes
    for (const row of catalog.pagesOfDevice(segment.id, { epoch, deviceId, sequence: this.#sequence })) {
      if (compareDevices(row.firstDevice, deviceId) > 0) break
      if (row.latest < from || row.earliest >= to) continue
      const page = source.page(segment, row)
      if (page === undefined) {
        this.#unreadable += row.messages
        continue
      }
      for (const span of this.#spansIn(page)) {
        found.push({ plain: page.plain, span })
        bytes += span.end - span.at
      }
      const last = found.at(-1)
      if (last !== undefined && (found.length >= room || bytes >= ANSWER_BYTES_MAX)) {
        return { found, end: last.span.sequenceNumber + 1 }
      }
      await this.#breathe()
    }
    return { found, end: segment.nextSequence }
  }

  /** Reads some batches of the log. @returns false when the end is reached. */
  #readBatches(): boolean {
    const batches = this.#context.tail.batchesFrom(this.#request.partition, this.#sequence, 64)
    for (const batch of batches) {
      this.#readBatch(batch)
      if (this.#isFull) return true
      this.#sequence = batch.firstSequence + batch.count
      if (performance.now() > this.#until) return true
    }
    return batches.length > 0
  }

  #readBatch(batch: TailBatch): void {
    const { ring, source } = this.#context
    const { from, to } = this.#request
    if (batch.latest < from || batch.earliest >= to) return
    const verdict = batch.isEmptied ? 'dropped' : ring.verdictOn(batch.epoch)
    if (verdict !== 'here') {
      this.#unreadable += batch.count
      return
    }
    const plain = source.plainOf(batch)
    // Most batches hold nothing of one device: a search of the bytes tells without walking them.
    if (plain === undefined || !Buffer.from(plain.buffer, plain.byteOffset, plain.length).includes(this.#prefix)) return
    for (const span of this.#spansIn({ plain, spans: recordSpans(plain, { ...batch, sealed: NOTHING }) })) {
      if (this.#isFull) return
      this.#take(plain, span)
    }
  }

  #take(plain: Uint8Array, span: RecordSpan): void {
    const message = messageOf(this.#request.partition, plain, span)
    this.#messages.push(message)
    this.#bytes += answerBytesOf(message)
    this.#sequence = span.sequenceNumber + 1
  }

  *#spansIn(page: OpenedPage): Generator<RecordSpan, void> {
    const { from, to } = this.#request
    const prefix = this.#prefix
    for (const span of page.spans) {
      if (span.sequenceNumber < this.#sequence || span.enqueuedTime < from || span.enqueuedTime >= to) continue
      const at = span.at + RECORD_HEAD_BYTES
      if (Buffer.compare(page.plain.subarray(at, at + prefix.length), prefix) === 0) yield span
    }
  }
}

const NOTHING = new Uint8Array(0)
