/** Every operation with its limits: who may do what now. Sans-IO; time is handed in. */

import { type Instant, LruMap, TokenBucket } from '@holdfast/base'
import { FairShare } from './fair-share.ts'
import { type Limits, type Operation, type OperationLimits, OPERATIONS } from './operations.ts'

/** Principals of one operation that are remembered: one more makes the one forgotten that was quiet longest. */
export const PRINCIPALS_MAX = 65_536

/** Longest wait that is told, in seconds: after it asking again costs little. */
const RETRY_SECONDS_MAX = 60

export type Verdict =
  | { readonly kind: 'allowed' }
  /** `by` tells whose limit it is; `retryAfterSeconds` is at least 1. */
  | { readonly kind: 'refused'; readonly by: 'principal' | 'hub'; readonly retryAfterSeconds: number }

/** As RateLimit headers tell it: so many at once, all of which are back after the window. */
export interface Standing {
  readonly quota: number
  readonly windowSeconds: number
  readonly uses: number
  /** Until all are back. */
  readonly seconds: number
}

const ALLOWED: Verdict = { kind: 'allowed' }

interface Gate {
  readonly limits: OperationLimits
  readonly shares: FairShare
  readonly own: LruMap<string, TokenBucket>
  refused: number
}

export class Throttle {
  readonly #gates: ReadonlyMap<Operation, Gate>

  /** @throws TypeError for limits that are none. */
  constructor(now: Instant, limits: Limits) {
    this.#gates = new Map(
      OPERATIONS.map((operation) => {
        const of = limits[operation]
        const shares = new FairShare(now, of.hub, PRINCIPALS_MAX)
        return [operation, { limits: of, shares, own: new LruMap(PRINCIPALS_MAX), refused: 0 }]
      }),
    )
  }

  /**
   * Whether `principal` may do it now. A refusal takes nothing.
   * @param principal a name that its bearer has proved, e.g. `device/pump-1`, `policy/service`.
   * @param cost in single operations, for those that stand for several; at least 1.
   */
  take(operation: Operation, principal: string, now: Instant, cost = 1): Verdict {
    const gate = this.#gates.get(operation)
    if (gate === undefined) throw new TypeError(`there is no operation ${operation}`)
    let own = gate.own.get(principal)
    if (own === undefined) {
      own = new TokenBucket(now, gate.limits.principal)
      gate.own.set(principal, own)
    }
    if (!own.take(now)) {
      gate.refused += 1
      return refused('principal', 1000 / gate.limits.principal.perSecond)
    }
    if (!gate.shares.take(principal, cost, now)) {
      gate.refused += 1
      return refused('hub', gate.shares.waitMs(principal, now))
    }
    return ALLOWED
  }

  /** What `principal` may still do of it, of its own share; takes nothing. */
  standing(operation: Operation, principal: string, now: Instant): Standing {
    const gate = this.#gates.get(operation)
    if (gate === undefined) throw new TypeError(`there is no operation ${operation}`)
    const { burst, perSecond } = gate.limits.principal
    const left = gate.own.get(principal)?.left(now) ?? { uses: burst, seconds: 0 }
    return { quota: burst, windowSeconds: Math.ceil(burst / perSecond), ...left }
  }

  /** How often each operation was refused; those that never were are left out. */
  get refused(): ReadonlyMap<Operation, number> {
    return new Map([...this.#gates].filter(([, gate]) => gate.refused > 0).map(([name, gate]) => [name, gate.refused]))
  }

  get refusedInAll(): number {
    let sum = 0
    for (const { refused: count } of this.#gates.values()) sum += count
    return sum
  }
}

function refused(by: 'principal' | 'hub', waitMs: number): Verdict {
  const retryAfterSeconds = Math.min(RETRY_SECONDS_MAX, Math.max(1, Math.ceil(waitMs / 1000)))
  return { kind: 'refused', by, retryAfterSeconds }
}
