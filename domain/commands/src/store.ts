/** What messages to devices and the hub's queues need of a disk. Every write MUST be durable when it resolves. */

import type { Because } from '@holdfast/audit'
import type { Timestamp } from '@holdfast/base'
import type { IdentityKey } from '@holdfast/identity'
import type { Ack } from './command.ts'
import type { CommandEnd } from './feedback.ts'
import type { QueueEntry } from './peek-lock-queue.ts'

/** A message as it is kept. `content` is `encodeCommandContent`; to be sealed at rest, the rest may stand open. */
export interface NewCommand {
  readonly key: IdentityKey
  readonly ack: Ack
  readonly enqueued: Timestamp
  readonly expires: Timestamp
  readonly content: Uint8Array
}

export interface StoredCommand extends NewCommand, QueueEntry {
  readonly generationId: string
}

export type EnqueueOutcome =
  | { readonly kind: 'enqueued'; readonly sequence: number; readonly generationId: string }
  | { readonly kind: 'full' }
  | { readonly kind: 'missing' }

/** A change of one message. `abandon` ends it when `deliveriesMax` deliveries have been abandoned. */
export interface CommandChange {
  readonly key: IdentityKey
  readonly sequence: number
  readonly change:
    | { readonly kind: 'end'; readonly end: CommandEnd }
    | { readonly kind: 'abandon'; readonly deliveriesMax: number }
}

export type ChangeOutcome =
  /** It is gone now. `hasFeedback`: a record of it waits to be batched. */
  | { readonly kind: 'ended'; readonly hasFeedback: boolean }
  | { readonly kind: 'kept'; readonly deliveryCount: number }
  /** It was not there. */
  | { readonly kind: 'missing' }

/** Where a list goes on: strictly behind this one. */
export interface ExpiryMark {
  readonly expires: Timestamp
  readonly sequence: number
}

/**
 * Messages by device. They go with the identity, in the same step. Sequence numbers are positive, ascending over the
 * whole store, and never used again.
 */
export interface CommandStore {
  /**
   * Checks identity and depth and writes, in one step. What expires at or before `enqueued` does not count.
   * @param because kept with the message in one transaction, its detail completed by `sequenceNumber`.
   */
  enqueueCommand(command: NewCommand, bounds: { readonly depthMax: number }, because?: Because): Promise<EnqueueOutcome>
  /** What waits for it, expired or not, in order; undefined where there is no such identity. */
  readCommandQueue(
    key: IdentityKey,
  ): Promise<{ readonly generationId: string; readonly entries: readonly QueueEntry[] } | undefined>
  /** Rejects with code `STORE_DAMAGED` what can never be read any more. */
  readCommand(key: IdentityKey, sequence: number): Promise<StoredCommand | undefined>
  /**
   * One step for all (at most 256), answers in their order. Whoever ends a message whose `ack` asks for it writes the
   * record of feedback in the same step.
   */
  changeCommands(changes: readonly CommandChange[], at: Timestamp): Promise<readonly ChangeOutcome[]>
  /**
   * Ends everything that waits for it, as `purged`; the sequence numbers of what it was.
   * @param because kept in the same transaction, its detail completed by `messages`: how many it were.
   */
  purgeCommands(
    key: IdentityKey,
    at: Timestamp,
    because?: Because,
  ): Promise<{ readonly sequences: readonly number[]; readonly hasFeedback: boolean }>
  /** Messages that expire at or before `at`, by time and then sequence; at most `limit` (1..1000). */
  listExpiredCommands(page: {
    readonly at: Timestamp
    readonly after?: ExpiryMark
    readonly limit: number
  }): Promise<readonly (ExpiryMark & { readonly key: IdentityKey })[]>
  /** How many wait for each and expire after `at`; at most 1,000 keys. */
  countCommands(keys: readonly IdentityKey[], at: Timestamp): Promise<readonly number[]>
  /**
   * Makes one message of the service queue `feedback` out of the oldest records, in one step: when `recordsMax` wait,
   * or the oldest was written at or before `olderThan`.
   */
  batchFeedback(batch: FeedbackBatch): Promise<FeedbackBatched>
}

export interface FeedbackBatch {
  readonly recordsMax: number
  readonly olderThan: Timestamp
  readonly enqueued: Timestamp
  readonly expires: Timestamp
  readonly messagesMax: number
}

export interface FeedbackBatched {
  readonly made?: ServiceEnqueued
  /** Records that wait still. */
  readonly waiting: number
}

export type ServiceQueueName = 'feedback' | 'file-notifications'

export interface ServiceEnqueued {
  readonly entry: QueueEntry
  /** Older messages that were dropped to make room. */
  readonly dropped: number
}

export interface StoredServiceMessage extends QueueEntry {
  readonly enqueued: Timestamp
  readonly content: Uint8Array
}

/** The hub-wide queues. Contents are sealed at rest. Sequence numbers are as those of commands. */
export interface ServiceQueueStore {
  enqueueServiceMessage(
    queue: ServiceQueueName,
    message: { readonly enqueued: Timestamp; readonly expires: Timestamp; readonly content: Uint8Array },
    bounds: { readonly messagesMax: number },
  ): Promise<ServiceEnqueued>
  /** In order, strictly after `after`; at most `limit` (1..1000). */
  readServiceQueue(
    queue: ServiceQueueName,
    page: { readonly after: number; readonly limit: number },
  ): Promise<readonly QueueEntry[]>
  readServiceMessage(queue: ServiceQueueName, sequence: number): Promise<StoredServiceMessage | undefined>
  /** Removes it; false when it was not there. */
  removeServiceMessage(queue: ServiceQueueName, sequence: number): Promise<boolean>
  /** Counts a delivery that was abandoned, and removes it at `deliveriesMax` of them. */
  abandonServiceMessage(queue: ServiceQueueName, sequence: number, deliveriesMax: number): Promise<ChangeOutcome>
  /** Removes what expires at or before `at`, at most `limit` (1..1000); how many it were. */
  expireServiceMessages(at: Timestamp, limit: number): Promise<number>
}

export type { QueueEntry }
