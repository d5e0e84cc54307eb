/** The limits of this hub at work: what each interface asks before it does something for somebody. */

import type { EventSink } from '@holdfast/audit'
import type { Clock } from '@holdfast/base'
import { type Limits, type Operation, type Standing, Throttle, type Verdict } from '@holdfast/throttling'

export interface ThrottlingParts {
  readonly clock: Clock
  /** Bounds their rate: a refusal costs whoever is refused nothing. */
  readonly events: EventSink
  readonly limits: Limits
}

export class Throttling {
  readonly #parts: ThrottlingParts
  readonly #throttle: Throttle

  constructor(parts: ThrottlingParts) {
    this.#parts = parts
    this.#throttle = new Throttle(parts.clock.monotonic(), parts.limits)
  }

  /**
   * Whether `principal` may do it now; a refusal is told as an event.
   * @param principal a name that was proved, as events name actors: `device/pump-1`, `policy/service`.
   * @param cost in single operations, for those that stand for several.
   */
  take(operation: Operation, principal: string, cost = 1): Verdict {
    const { clock, events } = this.#parts
    const verdict = this.#throttle.take(operation, principal, clock.monotonic(), cost)
    if (verdict.kind === 'refused') {
      events({
        type: 'request.throttled',
        at: clock.wall(),
        subject: 'hub',
        actor: principal,
        detail: { operation, limit: verdict.by, count: 1 },
      })
    }
    return verdict
  }

  /** What is left to `principal`. */
  standing(operation: Operation, principal: string): Standing {
    return this.#throttle.standing(operation, principal, this.#parts.clock.monotonic())
  }

  /** Refusals since the start, by operation; those without are left out. */
  get refused(): ReadonlyMap<Operation, number> {
    return this.#throttle.refused
  }

  get refusedInAll(): number {
    return this.#throttle.refusedInAll
  }
}
