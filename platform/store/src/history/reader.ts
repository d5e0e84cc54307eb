/** Reading telemetry across both levels. Implements `TelemetryReader`. */

import { type Timestamp, timestampOf } from '@holdfast/base'
import {
  type PartitionState,
  type Position,
  partitionOf,
  type TelemetryMessage,
  type TelemetryReader,
} from '@holdfast/messaging'
import { answerBytesOf, boundedMessages, sequenceOfCursor } from './answer.ts'
import { type Block, findInBlock } from './block.ts'
import { breathe } from './block-source.ts'
import { DeviceRead } from './device-read.ts'
import { HistoryError } from './errors.ts'
import { ANSWER_BYTES_MAX, SLICE_MS } from './limits.ts'
import type { ReaderContext } from './reader-context.ts'

export class HistoryReader implements TelemetryReader {
  readonly #context: ReaderContext

  constructor(context: ReaderContext) {
    this.#context = context
  }

  async readPartition(request: {
    readonly partition: number
    readonly position: Position
    readonly messagesMax: number
  }): Promise<{
    readonly messages: readonly TelemetryMessage[]
    readonly next: Position
    readonly atEnd: boolean
    readonly unreadable?: number
  }> {
    const { partition, position } = request
    this.#check(partition)
    const messagesMax = boundedMessages(request.messagesMax)
    const messages: TelemetryMessage[] = []
    let bytes = 0
    let unreadable = 0
    let sequence = await this.#start(partition, position)
    if (sequence === undefined) return { messages, next: position, atEnd: true }
    let until = performance.now() + SLICE_MS
    for (;;) {
      const block = await this.#blockAt(partition, sequence)
      if (block === undefined) {
        return this.#answer(messages, sequence, unreadable, true)
      }
      if (block.nextSequence <= sequence) throw new TypeError('a block holds the sequence number it was asked for')
      sequence = Math.max(sequence, block.firstSequence)
      for (; sequence < block.nextSequence; sequence++) {
        if (messages.length >= messagesMax || bytes >= ANSWER_BYTES_MAX) {
          return this.#answer(messages, sequence, unreadable, false)
        }
        const message = block.messageAt(sequence)
        if (message === undefined) unreadable += 1
        else {
          messages.push(message)
          bytes += answerBytesOf(message)
        }
      }
      if (performance.now() > until) {
        await breathe()
        until = performance.now() + SLICE_MS
      }
    }
  }

  async readDevice(request: {
    readonly deviceId: string
    readonly from: Timestamp
    readonly to: Timestamp
    readonly messagesMax: number
    readonly cursor?: string
  }): Promise<{
    readonly messages: readonly TelemetryMessage[]
    readonly cursor?: string
    readonly unreadable?: number
  }> {
    this.#check(0)
    const read = new DeviceRead(this.#context, {
      partition: partitionOf(request.deviceId, this.#context.catalog.partitionCount),
      deviceId: request.deviceId,
      from: request.from,
      to: request.to,
      messagesMax: boundedMessages(request.messagesMax),
      sequence: request.cursor === undefined ? 0 : sequenceOfCursor(request.cursor),
    })
    return read.run()
  }

  async partitions(): Promise<readonly PartitionState[]> {
    const { catalog } = this.#context
    return Array.from({ length: catalog.partitionCount }, (_, partition) => this.#stateOf(partition))
  }

  #stateOf(partition: number): PartitionState {
    const { catalog, tail, source } = this.#context
    const ends = catalog.ends(partition)
    const backlog = tail.backlog(partition, ends.nextSequence)
    const last = tail.lastBatch(partition)
    if (last === undefined || last.firstSequence < ends.nextSequence) {
      const { firstSequence, nextSequence, lastOffset, latest } = ends
      return { partition, firstSequence, nextSequence, lastOffset, lastEnqueued: latest }
    }
    // Where the key is gone or a batch is damaged, its beginning is the best that can be said.
    let lastOffset = last.firstOffset
    try {
      lastOffset = source.batch(last)?.lastOffset ?? lastOffset
    } catch (error) {
      if (!(error instanceof HistoryError)) throw error
    }
    const lastEnqueued = ends.latest === undefined || last.latest > ends.latest ? last.latest : ends.latest
    return {
      partition,
      firstSequence: ends.firstSequence,
      nextSequence: backlog.nextSequence,
      lastOffset,
      lastEnqueued,
    }
  }

  #check(partition: number): void {
    const { catalog, ring } = this.#context
    if (!(Number.isInteger(partition) && partition >= 0 && partition < catalog.partitionCount)) {
      throw new HistoryError('no-partition', `there is no partition ${partition}`)
    }
    if (!ring.isFilled) throw new HistoryError('no-keys', 'the data keys are not here yet')
  }

  #answer(messages: readonly TelemetryMessage[], sequence: number, unreadable: number, atEnd: boolean) {
    this.#context.source.counters.unreadable += unreadable
    const next: Position = { kind: 'sequence', from: sequence }
    return { messages, next, atEnd, ...(unreadable === 0 ? {} : { unreadable }) }
  }

  /** The block that holds a sequence number, or the first after it where retention has passed; undefined at the end. */
  async #blockAt(partition: number, sequence: number): Promise<Block | undefined> {
    const { catalog, tail, ring, source } = this.#context
    // Each turn asks anew: while a segment is opened, regrouping, merging and retention go on.
    for (let attempt = 0; attempt < 8; attempt++) {
      const ends = catalog.ends(partition)
      const from = Math.max(sequence, ends.firstSequence)
      if (from < ends.nextSequence) {
        const segment = catalog.segmentAt(partition, from)
        if (segment === undefined) throw catalog.damaged(`no segment holds sequence ${from} of partition ${partition}`)
        const block = await source.segment(segment)
        // Deleted while it was being opened: its pages may be missing without having been dropped.
        if (catalog.segmentAt(partition, from)?.id !== segment.id) continue
        return block
      }
      const [batch] = tail.batchesFrom(partition, from, 1)
      if (batch === undefined) return undefined
      // Sealed with a key that is on its way from the core: for readers it has not arrived yet.
      if (!batch.isEmptied && ring.verdictOn(batch.epoch) === 'awaited') return undefined
      const block = source.batch(batch)
      if (block !== undefined) return block
    }
    throw new HistoryError('closed', 'the history changes faster than it can be read; try again')
  }

  async #start(partition: number, position: Position): Promise<number | undefined> {
    const { catalog, tail } = this.#context
    if (position.kind === 'sequence') {
      if (!(Number.isSafeInteger(position.from) && position.from >= 0)) throw new TypeError('from is a sequence number')
      return position.from
    }
    const ends = catalog.ends(partition)
    const { after } = position
    if (!Number.isFinite(after)) throw new TypeError('after is a number')
    const segment =
      position.kind === 'offset'
        ? catalog.segmentAfterOffset(partition, after)
        : catalog.segmentInTime(partition, { sequence: 0, from: after + 1, to: Number.MAX_SAFE_INTEGER })
    const batch =
      segment !== undefined
        ? undefined
        : position.kind === 'offset'
          ? tail.batchAfterOffset(partition, ends.nextSequence, after)
          : tail.batchAfterTime(partition, ends.nextSequence, timestampOf(Math.trunc(after)))
    let sequence = segment?.firstSequence ?? batch?.firstSequence
    if (sequence === undefined) return undefined
    for (;;) {
      const block = await this.#blockAt(partition, sequence)
      if (block === undefined) return sequence
      const found = findInBlock(block, sequence, (span) =>
        position.kind === 'offset' ? span.offset > after : span.enqueuedTime > after,
      )
      if (found !== undefined) return found
      sequence = block.nextSequence
      await breathe()
    }
  }
}
