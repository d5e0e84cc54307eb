/** Events for which there was no room: their number and their types, kept in place of them. */

import type { SecurityEvent } from '@holdfast/audit'

/** Types named; the catalogue has not many more, and a name is 40 characters. */
const TYPES_MAX = 64

export interface Losses {
  readonly count: number
  /** E.g. `session.closed 12, session.opened 3`. */
  readonly types: string
  readonly byType: ReadonlyMap<string, number>
}

export class LostEvents {
  #count = 0
  #byType = new Map<string, number>()

  get count(): number {
    return this.#count
  }

  add({ type, detail }: SecurityEvent): void {
    const repeated = typeof detail['repeated'] === 'number' ? detail['repeated'] : 1
    this.#add(type, repeated)
  }

  /** All of it, which is another's to keep from now on. */
  take(): Losses {
    const byType = this.#byType
    const types = [...byType].map(([type, count]) => `${type} ${count}`).join(', ')
    const losses = { count: this.#count, types, byType }
    this.#count = 0
    this.#byType = new Map()
    return losses
  }

  /** They were not kept after all. */
  putBack({ byType }: Losses): void {
    for (const [type, count] of byType) this.#add(type, count)
  }

  #add(type: string, count: number): void {
    this.#count += count
    const name = this.#byType.has(type) || this.#byType.size < TYPES_MAX ? type : 'others'
    this.#byType.set(name, (this.#byType.get(name) ?? 0) + count)
  }
}
