/**
 * Stored messages in pages, as a request asks for them: one device's, one partition's or all, from somewhere, up to
 * somewhere, and on with what comes. Nothing is read before it is asked for, and at most a page a partition is held.
 */

import { type Timestamp, timestampOf } from '@holdfast/base'
import { partitionOf, type Position, type TelemetryMessage, type TelemetryReader } from '@holdfast/messaging'

/** What to read; `device` goes with neither `partition` nor `sequence`. */
export interface MessageRequest {
  readonly device?: string
  readonly partition?: number
  /** Messages enqueued at or after. */
  readonly from?: Timestamp
  /** Messages enqueued before. */
  readonly to?: Timestamp
  /** The first sequence number wanted; with `partition` alone. */
  readonly sequence?: number
  readonly limit?: number
  /** Goes on with what is committed. Without `from` and `sequence`, with nothing else. */
  readonly follow: boolean
}

export interface MessageSource {
  readonly reader: TelemetryReader
  readonly partitions: number
  readonly follow: (listener: () => void) => () => void
}

type Messages = readonly TelemetryMessage[]

/** Messages of one page; the reader bounds its bytes as well. */
const PAGE_MESSAGES = 200

/**
 * How much later than its neighbours a message may have been enqueued, in milliseconds: messages of two fronts reach a
 * partition in the order of their commits, and a front keeps what the log cannot take for a while. Past the end of the
 * time asked for, reading goes on for that long.
 */
const DISORDER_MS = 600_000

const LAST_TIME = timestampOf(8_640_000_000_000_000)

export async function* readMessages(
  source: MessageSource,
  request: MessageRequest,
  signal: AbortSignal,
): AsyncGenerator<Messages> {
  // Listening begins before anything is read, so that no commit falls between.
  const news = new News(source.follow, request.follow)
  const woken = (): void => news.tell()
  signal.addEventListener('abort', woken)
  try {
    let left = request.limit ?? Number.POSITIVE_INFINITY
    for await (const page of select(source, request, news, signal)) {
      if (signal.aborted) return
      yield page.length > left ? page.slice(0, left) : page
      left -= page.length
      if (left <= 0) return
    }
  } finally {
    signal.removeEventListener('abort', woken)
    news.end()
  }
}

/** Commits since last asked for: one that came is as good as many. */
class News {
  readonly #end: () => void
  #has = false
  #waiter: (() => void) | undefined

  constructor(follow: (listener: () => void) => () => void, isWanted: boolean) {
    this.#end = isWanted ? follow(() => this.tell()) : () => undefined
  }

  tell(): void {
    this.#has = true
    this.#waiter?.()
    this.#waiter = undefined
  }

  async wait(): Promise<void> {
    if (!this.#has) await new Promise<void>((resolve) => (this.#waiter = resolve))
    this.#has = false
  }

  end(): void {
    this.#end()
  }
}

async function* select(
  source: MessageSource,
  request: MessageRequest,
  news: News,
  signal: AbortSignal,
): AsyncGenerator<Messages> {
  if (request.device !== undefined) yield* ofDevice(source, { ...request, device: request.device }, news, signal)
  else yield* ofPartitions(source, request, news, signal)
}

async function* ofDevice(
  { reader, partitions }: MessageSource,
  request: MessageRequest & { readonly device: string },
  news: News,
  signal: AbortSignal,
): AsyncGenerator<Messages> {
  const partition = partitionOf(request.device, partitions)
  // What has a lower number is history and read by device; the rest is followed in the partition. Neither has both.
  const next = request.follow ? await nextSequence(reader, partition) : Number.POSITIVE_INFINITY
  if (!request.follow || request.from !== undefined) {
    const span = { deviceId: request.device, from: request.from ?? timestampOf(0), to: request.to ?? LAST_TIME }
    let cursor: string | undefined
    do {
      const page = await reader.readDevice({
        ...span,
        messagesMax: PAGE_MESSAGES,
        ...(cursor === undefined ? {} : { cursor }),
      })
      yield page.messages.filter((message) => message.sequenceNumber < next)
      cursor = page.cursor
    } while (cursor !== undefined && !signal.aborted)
  }
  if (!request.follow) return
  const tail = new PartitionCursor(reader, partition, { kind: 'sequence', from: next })
  while (!signal.aborted) {
    await tail.fill()
    if (tail.isEmpty && tail.isAtEnd) {
      await news.wait()
      tail.reopen()
    } else yield tail.takeAll().filter((message) => message.deviceId === request.device && isWithin(message, request))
  }
}

async function* ofPartitions(
  { reader, partitions }: MessageSource,
  request: MessageRequest,
  news: News,
  signal: AbortSignal,
): AsyncGenerator<Messages> {
  const wanted = request.partition === undefined ? [...Array(partitions).keys()] : [request.partition]
  const states = request.follow ? await reader.partitions() : []
  const cursors = wanted.map((partition) => {
    const end = states.find((state) => state.partition === partition)?.nextSequence ?? 0
    return new PartitionCursor(reader, partition, startOf(request, end))
  })
  const last = request.to === undefined ? Number.POSITIVE_INFINITY : request.to + DISORDER_MS
  while (!signal.aborted) {
    for (const cursor of cursors) await cursor.fill()
    const page = merge(cursors)
    if (page.length > 0) yield page.filter((message) => isWithin(message, request))
    const [newest] = page.slice(-1)
    if (newest !== undefined && newest.enqueuedTime >= last) return
    if (page.length > 0 || !cursors.every((cursor) => cursor.isEmpty && cursor.isAtEnd)) continue
    if (!request.follow) return
    await news.wait()
    for (const cursor of cursors) cursor.reopen()
  }
}

/** One partition's messages, from where they were read to where they were taken. */
class PartitionCursor {
  readonly #reader: TelemetryReader
  readonly #partition: number
  #position: Position
  #held: Messages = []
  #isAtEnd = false

  constructor(reader: TelemetryReader, partition: number, position: Position) {
    this.#reader = reader
    this.#partition = partition
    this.#position = position
  }

  get isEmpty(): boolean {
    return this.#held.length === 0
  }

  /** Whether nothing lay behind what was read last. */
  get isAtEnd(): boolean {
    return this.#isAtEnd
  }

  get held(): Messages {
    return this.#held
  }

  /** Reads on when nothing is held and the end was not met. */
  async fill(): Promise<void> {
    if (this.#held.length > 0 || this.#isAtEnd) return
    const page = await this.#reader.readPartition({
      partition: this.#partition,
      position: this.#position,
      messagesMax: PAGE_MESSAGES,
    })
    this.#held = page.messages
    this.#position = page.next
    this.#isAtEnd = page.atEnd
  }

  /** There may be more behind the end now. */
  reopen(): void {
    this.#isAtEnd = false
  }

  take(count: number): void {
    this.#held = this.#held.slice(count)
  }

  takeAll(): Messages {
    const all = this.#held
    this.#held = []
    return all
  }
}

/**
 * The next messages of all partitions by enqueued time, each partition's in its own order: until one of them has no
 * more in memory though it has on disk.
 */
function merge(cursors: readonly PartitionCursor[]): Messages {
  const [only] = cursors
  if (only !== undefined && cursors.length === 1) return only.takeAll()
  const taken = cursors.map(() => 0)
  const page: TelemetryMessage[] = []
  while (page.length < PAGE_MESSAGES) {
    let best: { readonly index: number; readonly message: TelemetryMessage } | undefined
    for (const [index, cursor] of cursors.entries()) {
      const message = cursor.held[taken[index] ?? 0]
      if (message === undefined) {
        if (cursor.isAtEnd) continue
        // Its next message may be the oldest; read on first.
        best = undefined
        break
      }
      if (best === undefined || message.enqueuedTime < best.message.enqueuedTime) best = { index, message }
    }
    if (best === undefined) break
    page.push(best.message)
    taken[best.index] = (taken[best.index] ?? 0) + 1
  }
  for (const [index, cursor] of cursors.entries()) cursor.take(taken[index] ?? 0)
  return page
}

function startOf(request: MessageRequest, end: number): Position {
  if (request.sequence !== undefined) return { kind: 'sequence', from: request.sequence }
  // `after` leaves its own moment out, and times are whole milliseconds.
  if (request.from !== undefined) return { kind: 'enqueued', after: timestampOf(request.from - 1) }
  return { kind: 'sequence', from: request.follow ? end : 0 }
}

function isWithin(message: TelemetryMessage, { from, to }: MessageRequest): boolean {
  return (from === undefined || message.enqueuedTime >= from) && (to === undefined || message.enqueuedTime < to)
}

async function nextSequence(reader: TelemetryReader, partition: number): Promise<number> {
  const states = await reader.partitions()
  return states.find((state) => state.partition === partition)?.nextSequence ?? 0
}
