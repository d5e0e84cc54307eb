/**
 * A reader of one partition: what its link has credit for is read from the history, encoded and sent. At the end it
 * waits for a commit; nothing is asked of the disk meanwhile.
 */

import type { OutgoingHandler, OutgoingLink } from '@holdfast/amqp'
import type { Position, TelemetryMessage, TelemetryReader } from '@holdfast/messaging'
import type { Followers } from './followers.ts'
import type { EventEncoder, LastEnqueued } from './event-encoder.ts'

export interface EventReaderParts {
  readonly link: OutgoingLink
  readonly partition: number
  readonly reader: Pick<TelemetryReader, 'readPartition'>
  readonly encoder: EventEncoder
  readonly followers: Followers
  /** Where the partition ends, when the reader wants to be told; undefined while that is not known. */
  readonly lastEnqueued: (() => LastEnqueued | undefined) | undefined
  readonly failed: (error: unknown) => void
  readonly closed: () => void
}

/** Messages of one question to the history; the answer bounds its bytes as well. */
const PAGE_MESSAGES_MAX = 2_000
/** Messages sent in one turn, so that other connections of the thread have theirs. */
const TURN_MESSAGES_MAX = 500
/** After the history could not be read, in milliseconds: the disk, or a reader that came while everything changed. */
const RETRY_MS = 1_000

export class EventReader implements OutgoingHandler {
  readonly #parts: EventReaderParts
  #position: Position | undefined
  #held: readonly TelemetryMessage[] = []
  #at = 0
  #isReading = false
  #isAtEnd = false
  #isOver = false
  #isScheduled = false
  #unfollow: (() => void) | undefined

  constructor(parts: EventReaderParts) {
    this.#parts = parts
  }

  /** Before it nothing is sent. */
  start(position: Position): void {
    if (this.#isOver) return
    this.#position = position
    this.#unfollow = this.#parts.followers.follow(() => {
      this.#isAtEnd = false
      this.ready()
    })
    this.ready()
  }

  ready(): void {
    if (this.#isOver || this.#position === undefined || this.#isScheduled) return
    const { link, encoder, lastEnqueued } = this.#parts
    const last = lastEnqueued?.()
    let sent = 0
    while (this.#at < this.#held.length && sent < TURN_MESSAGES_MAX && link.capacity > 0) {
      const message = this.#held[this.#at]
      if (message === undefined) break
      link.send(encoder.encode(message, last))
      this.#at += 1
      sent += 1
    }
    if (this.#at < this.#held.length) {
      if (sent === TURN_MESSAGES_MAX) this.#schedule()
      return
    }
    this.#held = []
    this.#at = 0
    if (link.capacity > 0) this.#read()
  }

  settled(): void {
    // Everything goes out settled: reading takes nothing away.
  }

  closed(): void {
    this.end()
    this.#parts.closed()
  }

  /** The link is gone, or goes. */
  end(): void {
    this.#isOver = true
    this.#unfollow?.()
    this.#held = []
  }

  #schedule(): void {
    this.#isScheduled = true
    setImmediate(() => {
      this.#isScheduled = false
      this.ready()
    })
  }

  #read(): void {
    if (this.#isReading || this.#isAtEnd || this.#position === undefined) return
    this.#isReading = true
    // A commit that comes while this is read makes it worth looking again.
    this.#isAtEnd = true
    const { reader, partition, failed } = this.#parts
    reader
      .readPartition({ partition, position: this.#position, messagesMax: PAGE_MESSAGES_MAX })
      .then(({ messages, next, atEnd }) => {
        this.#isReading = false
        if (this.#isOver) return
        this.#position = next
        this.#held = messages
        this.#at = 0
        if (!atEnd) this.#isAtEnd = false
        this.ready()
      })
      .catch((error: unknown) => {
        failed(error)
        setTimeout(() => {
          this.#isReading = false
          this.#isAtEnd = false
          this.ready()
        }, RETRY_MS).unref()
      })
  }
}
