/** Opened telemetry in sequence order: a batch of the log, or a whole segment whose pages are sorted by device. */

import type { Timestamp } from '@holdfast/base'
import { decodeRecord, type RecordSpan, type TelemetryMessage } from '@holdfast/messaging'

/** Consecutive sequence numbers of one partition; some may hold nothing (their epoch was dropped). */
export interface Block {
  readonly partition: number
  readonly firstSequence: number
  readonly nextSequence: number
  /** Plain bytes in memory. */
  readonly bytes: number
  /** Where a record stands; undefined where there is none. */
  spanAt(sequence: number): RecordSpan | undefined
  /** The record's message, in memory of its own. */
  messageAt(sequence: number): TelemetryMessage | undefined
}

/** A record as a message that does not keep the whole block alive, nor drag it through a port. */
export function messageOf(partition: number, plain: Uint8Array, span: RecordSpan): TelemetryMessage {
  const { sequenceNumber, offset } = span
  const message = decodeRecord(plain, span, { partition, sequenceNumber, offset })
  return { ...message, body: Uint8Array.from(message.body) }
}

export class BatchBlock implements Block {
  readonly partition: number
  readonly firstSequence: number
  readonly nextSequence: number
  readonly bytes: number
  readonly #plain: Uint8Array
  readonly #spans: readonly RecordSpan[]

  /** @param spans all records of a batch in order; or none when its epoch was dropped */
  constructor(options: {
    readonly partition: number
    readonly firstSequence: number
    readonly count: number
    readonly plain: Uint8Array
    readonly spans: readonly RecordSpan[]
  }) {
    this.partition = options.partition
    this.firstSequence = options.firstSequence
    this.nextSequence = options.firstSequence + options.count
    this.bytes = options.plain.length
    this.#plain = options.plain
    this.#spans = options.spans
  }

  spanAt(sequence: number): RecordSpan | undefined {
    return this.#spans[sequence - this.firstSequence]
  }

  messageAt(sequence: number): TelemetryMessage | undefined {
    const span = this.spanAt(sequence)
    return span === undefined ? undefined : messageOf(this.partition, this.#plain, span)
  }

  /** Offset of the last record. */
  get lastOffset(): number | undefined {
    return this.#spans.at(-1)?.offset
  }
}

export class SegmentBlock implements Block {
  readonly partition: number
  readonly firstSequence: number
  readonly nextSequence: number
  bytes = 0
  readonly #plains: Uint8Array[] = []
  readonly #spans: (RecordSpan | undefined)[]
  readonly #pageOf: Uint32Array

  constructor(segment: { readonly partition: number; readonly firstSequence: number; readonly nextSequence: number }) {
    this.partition = segment.partition
    this.firstSequence = segment.firstSequence
    this.nextSequence = segment.nextSequence
    const count = segment.nextSequence - segment.firstSequence
    this.#spans = Array.from({ length: count })
    this.#pageOf = new Uint32Array(count)
  }

  /** Adds an opened page. @returns false when it holds a sequence number that is not the segment's or is taken. */
  add(plain: Uint8Array, spans: readonly RecordSpan[]): boolean {
    const page = this.#plains.push(plain) - 1
    this.bytes += plain.length
    for (const span of spans) {
      const index = span.sequenceNumber - this.firstSequence
      if (index < 0 || index >= this.#spans.length || this.#spans[index] !== undefined) return false
      this.#spans[index] = span
      this.#pageOf[index] = page
    }
    return true
  }

  spanAt(sequence: number): RecordSpan | undefined {
    return this.#spans[sequence - this.firstSequence]
  }

  messageAt(sequence: number): TelemetryMessage | undefined {
    const span = this.spanAt(sequence)
    const plain = this.#plains[this.#pageOf[sequence - this.firstSequence] ?? 0]
    return span === undefined || plain === undefined ? undefined : messageOf(this.partition, plain, span)
  }
}

/** First sequence number from `from` on, within the block, whose record satisfies `claim`. */
export function findInBlock(
  block: Block,
  from: number,
  claim: (span: { readonly offset: number; readonly enqueuedTime: Timestamp }) => boolean,
): number | undefined {
  for (let sequence = Math.max(from, block.firstSequence); sequence < block.nextSequence; sequence++) {
    const span = block.spanAt(sequence)
    if (span !== undefined && claim(span)) return sequence
  }
  return undefined
}
