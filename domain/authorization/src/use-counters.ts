/** How often who was allowed what, by day: what nobody uses need not be given. */

import type { Timestamp } from '@holdfast/base'
import { USE_COUNTERS_MAX, USE_KEPT_DAYS } from './limits.ts'
import type { AccessStore, Use } from './store.ts'

const DAY_MS = 86_400_000

interface Counter {
  allowed: number
  refused: number
}

/** Days since 1970-01-01 UTC. */
export function dayOf(time: Timestamp): number {
  return Math.floor(time / DAY_MS)
}

export class UseCounters {
  readonly #store: Pick<AccessStore, 'countUse'>
  #counters = new Map<string, Counter>()
  /** The last write; one at a time, in order. */
  #writing: Promise<void> = Promise.resolve()

  constructor(store: Pick<AccessStore, 'countUse'>) {
    this.#store = store
  }

  /** Whether so much is counted that it should be written now. */
  get isFull(): boolean {
    return this.#counters.size >= USE_COUNTERS_MAX
  }

  count(principal: string, action: string, isAllowed: boolean, now: Timestamp): void {
    const key = `${dayOf(now)}\n${principal}\n${action}`
    let counter = this.#counters.get(key)
    if (counter === undefined) {
      // Nothing is lost but counts of what is new, while the disk takes nothing.
      if (this.#counters.size >= 2 * USE_COUNTERS_MAX) return
      counter = { allowed: 0, refused: 0 }
      this.#counters.set(key, counter)
    }
    if (isAllowed) counter.allowed += 1
    else counter.refused += 1
  }

  /** Writes what was counted. Rejects with what the store throws; then it is counted still. */
  async write(now: Timestamp): Promise<void> {
    const turn = this.#writing.then(() => this.#writeNow(now))
    this.#writing = turn.catch(() => undefined)
    return turn
  }

  async #writeNow(now: Timestamp): Promise<void> {
    const taken = this.#counters
    if (taken.size === 0) return
    this.#counters = new Map()
    try {
      await this.#store.countUse([...taken].map(useOf), dayOf(now) - USE_KEPT_DAYS)
    } catch (error) {
      for (const [key, counter] of taken) {
        const since = this.#counters.get(key)
        if (since === undefined) this.#counters.set(key, counter)
        else {
          since.allowed += counter.allowed
          since.refused += counter.refused
        }
      }
      throw error
    }
  }
}

function useOf([key, { allowed, refused }]: readonly [string, Counter]): Use {
  const [day = '', principal = '', action = ''] = key.split('\n')
  return { day: Number(day), principal, action, allowed, refused }
}
