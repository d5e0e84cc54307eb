/** Queues and their clockwork over a store in memory, under a clock that stands still until told. */

import type { SecurityEvent } from '@holdfast/audit'
import { countingRandom, ManualClock } from '@holdfast/identity/testing'
import { Commands, FeedbackBatcher, feedbackQueue, type FeedbackRecord } from '../index.ts'
import { MemoryCommandStore } from './memory-store.ts'

export type CommandStage = ReturnType<typeof commandStage>

export function commandStage(
  store: MemoryCommandStore = new MemoryCommandStore(),
  clock: ManualClock = new ManualClock(),
) {
  const events: SecurityEvent[] = []
  const faults: unknown[] = []
  const fault = (error: unknown): void => void faults.push(error)
  const random = countingRandom(store.commands.length + 1)
  const sink = (event: SecurityEvent): void => void events.push(event)
  store.sink = sink
  const feedback = feedbackQueue({ store, clock, random, events: sink })
  const batcher = new FeedbackBatcher({ store, queue: feedback, clock, fault })
  const commands = new Commands({ store, clock, random, fault, feedbackWritten: () => batcher.written() })
  return {
    store,
    clock,
    events,
    faults,
    feedback,
    batcher,
    commands,
    /** Lets everything that needs no time happen. */
    settle: async (): Promise<void> => {
      for (let turn = 0; turn < 400; turn += 1) await Promise.resolve()
    },
    /** All records that are to be had now, each batch completed. */
    records: async (): Promise<readonly FeedbackRecord[]> => {
      const records: FeedbackRecord[] = []
      for (;;) {
        const delivery = await feedback.receive()
        if (delivery === undefined) return records
        records.push(...(JSON.parse(Buffer.from(delivery.value).toString('utf8')) as FeedbackRecord[]))
        await feedback.settle(delivery.lockToken, 'complete')
      }
    },
  }
}
