/** Makes batches of feedback: of 64 records as soon as so many wait, of fewer after 15 seconds (azure-iot.md §5.5). */

import { type Clock, type Instant, instantOf, later, timestampOf } from '@holdfast/base'
import { FEEDBACK_LIFE_MS, FEEDBACK_RECORDS_MAX } from '@holdfast/iothub'
import type { FeedbackQueue } from './feedback-queue.ts'
import { FAULT_RETRY_MS, FEEDBACK_BATCH_MS, SERVICE_QUEUE_MESSAGES_MAX, SWEEP_MS } from './limits.ts'
import type { CommandStore } from './store.ts'

export interface FeedbackBatcherParts {
  readonly store: CommandStore
  readonly queue: FeedbackQueue
  readonly clock: Clock
  /** Told of what is tried again. MUST NOT throw. */
  readonly fault: (error: unknown) => void
}

export class FeedbackBatcher {
  readonly #parts: FeedbackBatcherParts
  /** True at the start: of what was written before, nobody has said anything. */
  #isWaiting = true
  #isBusy = false
  #at: Instant = instantOf(0)

  constructor(parts: FeedbackBatcherParts) {
    this.#parts = parts
  }

  /** A record was written. */
  written(): void {
    this.#isWaiting = true
  }

  /** To be called some times a second. */
  tick(): void {
    const now = this.#parts.clock.monotonic()
    if (!this.#isWaiting || this.#isBusy || now < this.#at) return
    this.#at = later(now, SWEEP_MS)
    void this.batch()
  }

  /** Makes what batches are due; resolves when that is done, and never rejects. */
  async batch(): Promise<void> {
    if (this.#isBusy) return
    const { store, queue, clock, fault } = this.#parts
    this.#isBusy = true
    try {
      for (;;) {
        // Before the question: what is written while it is answered sets it again.
        this.#isWaiting = false
        const now = clock.wall()
        const { made, waiting } = await store.batchFeedback({
          recordsMax: FEEDBACK_RECORDS_MAX,
          olderThan: timestampOf(now - FEEDBACK_BATCH_MS),
          enqueued: now,
          expires: timestampOf(now + FEEDBACK_LIFE_MS),
          messagesMax: SERVICE_QUEUE_MESSAGES_MAX,
        })
        if (made !== undefined) queue.arrived(made)
        if (waiting > 0) this.#isWaiting = true
        if (made === undefined || waiting === 0) return
      }
    } catch (error) {
      this.#isWaiting = true
      this.#at = later(clock.monotonic(), FAULT_RETRY_MS)
      fault(error)
    } finally {
      this.#isBusy = false
    }
  }
}
