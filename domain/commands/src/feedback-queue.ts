/** The queue of feedback: each message is a batch of records, a JSON array as the wire has it (azure-iot.md §5.5). */

import { ServiceQueue, type ServiceQueueOptions } from './service-queue.ts'

export type FeedbackQueue = ServiceQueue<Uint8Array>

/**
 * Its values are the bytes of the JSON text, as they go out with `FEEDBACK_CONTENT_TYPE`: the store makes them when it
 * batches, and nobody in the hub reads them.
 */
export function feedbackQueue(
  parts: Omit<ServiceQueueOptions<Uint8Array>, 'name' | 'encode' | 'decode' | 'lifeMs'>,
): FeedbackQueue {
  const same = (bytes: Uint8Array): Uint8Array => bytes
  return new ServiceQueue({ ...parts, name: 'feedback', encode: same, decode: same })
}
