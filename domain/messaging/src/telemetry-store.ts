/** What telemetry needs from a disk: appending, reading, forgetting. */

import type { Timestamp } from '@holdfast/base'
import type { SealedBatch } from './sealed-batch.ts'
import type { TelemetryMessage } from './telemetry-message.ts'

/** The writer. Implementers MUST have everything of the call on disk (fsync) before they answer `committed`. */
export interface TelemetryLog {
  /** All or nothing. `unavailable` keeps nothing of the call; the caller tries again. Throws only on a bug. */
  append(batches: readonly SealedBatch[]): AppendOutcome
}

export type AppendOutcome =
  /** Next sequence number of each partition after the commit, by partition. */
  | { readonly kind: 'committed'; readonly nextSequences: readonly number[] }
  | { readonly kind: 'unavailable'; readonly reason: 'disk-full' | 'io-error'; readonly detail: string }

/** Where a partition reader starts; `after*` are exclusive. */
export type Position =
  | { readonly kind: 'sequence'; readonly from: number }
  | { readonly kind: 'offset'; readonly after: number }
  | { readonly kind: 'enqueued'; readonly after: Timestamp }

export interface PartitionState {
  readonly partition: number
  /** First sequence number still kept; equals `nextSequence` when empty. */
  readonly firstSequence: number
  readonly nextSequence: number
  readonly lastOffset: number
  readonly lastEnqueued: Timestamp | undefined
}

/** The reader. Messages come in pages of bounded bytes; nothing is removed by reading. */
export interface TelemetryReader {
  /** In sequence order. `next` is where to go on (also when the page is empty: the end was reached). */
  readPartition(request: {
    readonly partition: number
    readonly position: Position
    readonly messagesMax: number
  }): Promise<{
    readonly messages: readonly TelemetryMessage[]
    readonly next: Position
    readonly atEnd: boolean
    /** Sequence numbers passed over because their data key is gone; absent when there were none. */
    readonly unreadable?: number
  }>
  /** One device's messages with from <= enqueued < to, in order of sequence; `cursor` goes on where a page ended. */
  readDevice(request: {
    readonly deviceId: string
    readonly from: Timestamp
    readonly to: Timestamp
    readonly messagesMax: number
    readonly cursor?: string
  }): Promise<{
    readonly messages: readonly TelemetryMessage[]
    readonly cursor?: string
    /** Messages passed over because their data key is gone, among which there may be the device's. */
    readonly unreadable?: number
  }>
  partitions(): Promise<readonly PartitionState[]>
}
