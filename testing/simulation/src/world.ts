/** Virtual time and what happens in it. */

import { type Clock, type Instant, instantOf, type Timestamp, timestampOf } from '@holdfast/base'
import { Random } from './random.ts'

interface Happening {
  readonly at: number
  readonly order: number
  readonly run: () => void
}

/** Civil time at the start of every simulation. */
const EPOCH = 1_795_000_000_000

/** Happenings of one instant run in the order they were planned. */
export class World implements Clock {
  readonly random: Random
  readonly #heap: Happening[] = []
  #now = 0
  #planned = 0
  #happened = 0

  constructor(seed: number) {
    this.random = new Random(seed)
  }

  get now(): Instant {
    return instantOf(this.#now)
  }

  get happened(): number {
    return this.#happened
  }

  monotonic(): Instant {
    return this.now
  }

  wall(): Timestamp {
    return timestampOf(EPOCH + Math.floor(this.#now))
  }

  /** Plans `run` in so many milliseconds. */
  after(milliseconds: number, run: () => void): void {
    this.at(this.#now + milliseconds, run)
  }

  /** Plans `run` for a time. What must not overtake is planned by this: sums of differences are not exact. */
  at(time: number, run: () => void): void {
    const heap = this.#heap
    const happening = { at: Math.max(this.#now, time), order: this.#planned++, run }
    let at = heap.push(happening) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      const above = heap[parent]
      if (above === undefined || isBefore(above, happening)) break
      heap[at] = above
      at = parent
    }
    heap[at] = happening
  }

  /** Lets time pass until `until`, or until `isDone`. @returns whether `isDone` came true. */
  run(until: number, isDone: () => boolean = () => false): boolean {
    for (;;) {
      const next = this.#heap[0]
      if (next === undefined || next.at > until) break
      this.#pop()
      this.#now = next.at
      this.#happened += 1
      next.run()
      if (isDone()) return true
    }
    this.#now = until
    return isDone()
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      const left = heap[child]
      if (left === undefined) break
      const right = heap[child + 1]
      let below = left
      if (right !== undefined && isBefore(right, left)) {
        child += 1
        below = right
      }
      if (isBefore(last, below)) break
      heap[at] = below
      at = child
    }
    heap[at] = last
  }
}

function isBefore(a: Happening, b: Happening): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}
