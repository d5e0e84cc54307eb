/** A telemetry log in memory, with the troubles of a disk: it can refuse, and it can lose what was not synced. */

import type { SealedBatch, StoredBatch } from '../sealed-batch.ts'
import type { AppendOutcome, TelemetryLog } from '../telemetry-store.ts'

/** Thrown by `append` where the machine is said to stop. */
export class SimulatedCrash extends Error {
  override readonly name = 'SimulatedCrash'
}

export type LogTrouble =
  | { readonly kind: 'refuse'; readonly reason: 'disk-full' | 'io-error' }
  /** Stops after writing and before the sync: nothing of the append survives. */
  | { readonly kind: 'crash-before-sync' }
  /** Stops after the sync and before the answer: all of it survives, nobody was told. */
  | { readonly kind: 'crash-after-sync' }

/** Batches kept at most; a test that needs more is no test for this. */
const BATCHES_MAX = 1_000_000

export class MemoryTelemetryLog implements TelemetryLog {
  /** What the next appends meet: asked at each append; undefined means none. */
  trouble: (() => LogTrouble | undefined) | undefined
  readonly #stored: StoredBatch[] = []
  readonly #nextSequences: number[]
  readonly #nextOffsets: number[]

  constructor(partitions: number) {
    this.#nextSequences = Array.from({ length: partitions }, () => 0)
    this.#nextOffsets = Array.from({ length: partitions }, () => 0)
  }

  /** Everything committed, in order. */
  get stored(): readonly StoredBatch[] {
    return this.#stored
  }

  append(batches: readonly SealedBatch[]): AppendOutcome {
    const trouble = this.trouble?.()
    if (trouble?.kind === 'refuse') return { kind: 'unavailable', reason: trouble.reason, detail: 'as the test wants' }
    if (trouble?.kind === 'crash-before-sync') throw new SimulatedCrash('stopped before the sync')
    if (this.#stored.length + batches.length > BATCHES_MAX) {
      return { kind: 'unavailable', reason: 'disk-full', detail: 'the memory of the test is full' }
    }
    for (const batch of batches) {
      const firstSequence = this.#nextSequences[batch.partition]
      const firstOffset = this.#nextOffsets[batch.partition]
      if (firstSequence === undefined || firstOffset === undefined) throw new TypeError('there is no such partition')
      this.#nextSequences[batch.partition] = firstSequence + batch.count
      this.#nextOffsets[batch.partition] = firstOffset + batch.plainBytes
      this.#stored.push({ ...batch, firstSequence, firstOffset })
    }
    if (trouble?.kind === 'crash-after-sync') throw new SimulatedCrash('stopped after the sync')
    return { kind: 'committed', nextSequences: [...this.#nextSequences] }
  }
}
