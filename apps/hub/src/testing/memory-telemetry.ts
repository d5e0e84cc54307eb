/** Stored messages in memory, with pages small enough that tests meet their ends. */

import { timestampOf } from '@holdfast/base'
import { type Position, partitionOf, type TelemetryMessage, type TelemetryReader } from '@holdfast/messaging'

const PAGE_MESSAGES_MAX = 3

export class MemoryTelemetry implements TelemetryReader {
  readonly #partitions: TelemetryMessage[][]
  readonly #listeners = new Set<() => void>()
  /** Pages read so far. */
  reads = 0

  constructor(partitions: number) {
    this.#partitions = Array.from({ length: partitions }, () => [])
  }

  readonly follow = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  get followers(): number {
    return this.#listeners.size
  }

  commit(deviceId: string, enqueued: number, changes: Partial<TelemetryMessage> = {}): TelemetryMessage {
    const partition = partitionOf(deviceId, this.#partitions.length)
    const messages = this.#partitions[partition] ?? []
    const message: TelemetryMessage = {
      partition,
      sequenceNumber: messages.length,
      offset: messages.length * 100,
      enqueuedTime: timestampOf(enqueued),
      deviceId,
      generationId: '1',
      authMethod: '{"scope":"device"}',
      bag: '',
      isWill: false,
      isRetained: false,
      body: new TextEncoder().encode(`${deviceId}@${enqueued}`),
      ...changes,
    }
    messages.push(message)
    for (const listener of this.#listeners) listener()
    return message
  }

  async readPartition(request: { partition: number; position: Position; messagesMax: number }) {
    this.reads += 1
    const all = this.#partitions[request.partition] ?? []
    const { position } = request
    const first = all.findIndex((message) => {
      switch (position.kind) {
        case 'sequence':
          return message.sequenceNumber >= position.from
        case 'offset':
          return message.offset > position.after
        case 'enqueued':
          return message.enqueuedTime > position.after
      }
    })
    const start = first < 0 ? all.length : first
    const messages = all.slice(start, start + Math.min(request.messagesMax, PAGE_MESSAGES_MAX))
    const next = start + messages.length
    return { messages, next: { kind: 'sequence' as const, from: next }, atEnd: next === all.length }
  }

  async readDevice(request: { deviceId: string; from: number; to: number; messagesMax: number; cursor?: string }) {
    this.reads += 1
    const all = this.#partitions
      .flat()
      .filter((one) => one.deviceId === request.deviceId)
      .filter((one) => one.enqueuedTime >= request.from && one.enqueuedTime < request.to)
    const start = Number(request.cursor ?? 0)
    const messages = all.slice(start, start + PAGE_MESSAGES_MAX)
    const next = start + messages.length
    return next < all.length ? { messages, cursor: String(next) } : { messages }
  }

  async partitions() {
    return this.#partitions.map((messages, partition) => ({
      partition,
      firstSequence: 0,
      nextSequence: messages.length,
      lastOffset: (messages.length - 1) * 100,
      lastEnqueued: messages.at(-1)?.enqueuedTime,
    }))
  }
}
