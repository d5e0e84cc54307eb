/**
 * A sealed batch: telemetry of one partition, in the order it was received by one front thread,
 * encrypted before it leaves that thread. This is what crosses to the store and lies on disk.
 */

import type { Timestamp } from '@holdfast/base'

export interface SealedBatch {
  readonly partition: number
  /** Number of messages inside, at least 1. */
  readonly count: number
  /** Bytes of the records before sealing; offsets of a partition advance by this. */
  readonly plainBytes: number
  readonly earliest: Timestamp
  readonly latest: Timestamp
  /** Which data key sealed it (key ring epoch). */
  readonly epoch: number
  /** Header (authenticated), ciphertext, tag. Owns its whole buffer, so that it can be transferred. */
  readonly sealed: Uint8Array<ArrayBuffer>
}

/** A batch as the store keeps it: where in its partition it stands. */
export interface StoredBatch extends SealedBatch {
  readonly firstSequence: number
  readonly firstOffset: number
}
