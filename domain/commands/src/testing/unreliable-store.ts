/** A store whose calls may be refused, or done and their answers lost, and whose answers come when they like. */

import type { MemoryCommandStore } from './memory-store.ts'

export interface Unreliability {
  /** From 0 to 1, below 1; the next of a seeded series. */
  readonly random: () => number
  /** Parts of calls that fail; set to 0 to heal. */
  failing: number
}

/** The same store behind a bad line: what it has done it has done. */
export function unreliable(store: MemoryCommandStore, line: Unreliability): MemoryCommandStore {
  return new Proxy(store, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name)
      if (typeof value !== 'function') return value
      return async (...parameters: readonly unknown[]): Promise<unknown> => {
        for (let turns = Math.floor(line.random() * 6); turns > 0; turns -= 1) await Promise.resolve()
        if (line.random() < line.failing / 2) throw new Error('the disk refuses')
        const answer: unknown = await Reflect.apply(value, target, parameters)
        for (let turns = Math.floor(line.random() * 6); turns > 0; turns -= 1) await Promise.resolve()
        if (line.random() < line.failing / 2) throw new Error('the answer is lost')
        return answer
      }
    },
  })
}
