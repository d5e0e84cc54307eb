/** Deadlines of many things at little cost: coarse buckets, and a heap of the buckets alone. */

import { type Instant, instantOf } from '@holdfast/base'

/** Width of a bucket in milliseconds: how late a deadline may be noticed. */
const BUCKET_MS = 250
/** Buckets ahead, an hour: later deadlines are looked at again then. Bounds the heap. */
const BUCKETS_MAX = 14_400

/** What can be put on the wheel. The wheel owns `bucket`; -1 when off it. */
export interface Timed {
  bucket: number
}

/**
 * Setting and clearing is O(1), except for the first thing of a bucket: O(log buckets). Deadlines may only be noticed
 * late (by a bucket) or early (beyond the horizon), so who is given by `due` looks at the clock itself.
 */
export class DeadlineWheel<T extends Timed> {
  readonly #buckets = new Map<number, Set<T>>()
  /** Numbers of the buckets, as a binary min-heap. Emptied buckets stay until their time. */
  readonly #heap: number[] = []

  /** When `due` has something to give, at the earliest. */
  get deadline(): Instant | undefined {
    const first = this.#heap[0]
    return first === undefined ? undefined : instantOf(first * BUCKET_MS)
  }

  /** Has `item` given by `due` once `at` has come, but not at `now` again; an earlier setting is replaced. */
  set(item: T, at: Instant, now: Instant): void {
    // A bucket that is not due yet, whatever is asked: a loop over `due` ends.
    const next = Math.floor(now / BUCKET_MS) + 1
    const bucket = Math.min(Math.max(Math.ceil(at / BUCKET_MS), next), next + BUCKETS_MAX)
    if (bucket === item.bucket) return
    this.clear(item)
    item.bucket = bucket
    const items = this.#buckets.get(bucket)
    if (items !== undefined) {
      items.add(item)
      return
    }
    this.#buckets.set(bucket, new Set([item]))
    this.#push(bucket)
  }

  clear(item: T): void {
    if (item.bucket < 0) return
    this.#buckets.get(item.bucket)?.delete(item)
    item.bucket = -1
  }

  /** Takes one thing whose time has come off the wheel; undefined when there is none (left). */
  due(now: Instant): T | undefined {
    for (;;) {
      const first = this.#heap[0]
      if (first === undefined || first * BUCKET_MS > now) return undefined
      const items = this.#buckets.get(first)
      for (const item of items ?? []) {
        this.clear(item)
        return item
      }
      this.#buckets.delete(first)
      this.#pop()
    }
  }

  #push(bucket: number): void {
    const heap = this.#heap
    let at = heap.push(bucket) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      const above = heap[parent] ?? 0
      if (above <= bucket) break
      heap[at] = above
      at = parent
    }
    heap[at] = bucket
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && (heap[child + 1] ?? 0) < (heap[child] ?? 0)) child += 1
      const below = heap[child] ?? 0
      if (below >= last) break
      heap[at] = below
      at = child
    }
    heap[at] = last
  }
}
