/** A histogram of plain numbers, cheap enough for a hot path. */

import { HISTOGRAM_BUCKETS_MAX } from './limits.ts'

/** What has been counted so far; may be posted to another thread and added up there. */
export interface HistogramCounts {
  /** One more than there are boundaries: the last bucket has no upper bound. Not cumulative. */
  readonly counts: readonly number[]
  readonly sum: number
}

/** Seconds, from a tenth of a millisecond to ten seconds: for waits and durations. */
export const DURATION_BOUNDARIES: readonly number[] = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
]

export class Histogram {
  readonly boundaries: readonly number[]
  readonly #counts: number[]
  #sum = 0

  /** @param boundaries inclusive upper bounds, ascending, 1 to 64. */
  constructor(boundaries: readonly number[] = DURATION_BOUNDARIES) {
    checkBoundaries(boundaries)
    this.boundaries = boundaries
    this.#counts = Array.from({ length: boundaries.length + 1 }, () => 0)
  }

  record(value: number): void {
    let bucket = 0
    for (const boundary of this.boundaries) {
      if (value <= boundary) break
      bucket += 1
    }
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1
    this.#sum += value
  }

  /** Adds what another thread counted since it last told; both have the same boundaries. */
  add(other: HistogramCounts): void {
    if (other.counts.length !== this.#counts.length) throw new TypeError('histograms of different boundaries')
    for (const [bucket, count] of other.counts.entries()) this.#counts[bucket] = (this.#counts[bucket] ?? 0) + count
    this.#sum += other.sum
  }

  counts(): HistogramCounts {
    return { counts: [...this.#counts], sum: this.#sum }
  }
}

/** @throws TypeError unless they are 1 to 64, finite and ascending. */
export function checkBoundaries(boundaries: readonly number[]): void {
  const isAscending = boundaries.every(
    (bound, at) => Number.isFinite(bound) && bound > (boundaries[at - 1] ?? -Infinity),
  )
  if (boundaries.length === 0 || boundaries.length > HISTOGRAM_BUCKETS_MAX || !isAscending) {
    throw new TypeError(`boundaries are 1 to ${HISTOGRAM_BUCKETS_MAX} ascending numbers`)
  }
}
