/** What keeps the hub from doing all of its work just now: told once when it begins and once when it is over. */

import type { EventSink } from '@holdfast/audit'
import type { Clock } from '@holdfast/base'

export interface Condition {
  readonly code: string
  readonly detail: string
}

export class Conditions {
  readonly #clock: Clock
  readonly #events: EventSink
  readonly #details = new Map<string, string>()

  constructor(clock: Clock, events: EventSink) {
    this.#clock = clock
    this.#events = events
  }

  /** @param detail undefined: all is well again. */
  set(code: string, detail: string | undefined): void {
    const isNew = detail === undefined ? this.#details.delete(code) : this.#details.get(code) !== detail
    if (!isNew) return
    if (detail !== undefined) this.#details.set(code, detail)
    this.#events({
      type: detail === undefined ? 'store.available' : 'store.unavailable',
      at: this.#clock.wall(),
      subject: `store/${code}`,
      actor: 'hub',
      detail: detail === undefined ? {} : { detail },
    })
  }

  list(): readonly Condition[] {
    return [...this.#details].map(([code, detail]) => ({ code, detail }))
  }
}
