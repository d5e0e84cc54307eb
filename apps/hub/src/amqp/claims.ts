/** What one connection has proved, by the part of the hub it is for; each claim until its token ends. */

import type { KeySlot } from '@holdfast/identity'
import { covers } from './address.ts'
import type { Judgement } from './contract.ts'

export type Claim = Extract<Judgement, { kind: 'allowed' }>

/** Claims of one connection: one for each partition, some more. */
const CLAIMS_MAX = 256

export class Claims {
  readonly #byPath = new Map<string, Claim>()

  get size(): number {
    return this.#byPath.size
  }

  /** Adds a claim, in the place of an earlier one for the same. False when there are too many. */
  put(claim: Claim): boolean {
    const name = claim.path.join('/').toLowerCase()
    if (!this.#byPath.has(name) && this.#byPath.size >= CLAIMS_MAX) return false
    this.#byPath.set(name, claim)
    return true
  }

  /** The claim that covers `path` and lasts longest. */
  covering(path: readonly string[]): Claim | undefined {
    let best: Claim | undefined
    for (const claim of this.#byPath.values()) {
      if (covers(claim.path, path) && (best === undefined || claim.expires > best.expires)) best = claim
    }
    return best
  }

  /** Any of them: whose the connection is, in events. */
  get first(): Claim | undefined {
    return this.#byPath.values().next().value
  }

  restsOn(policy: string, slot: KeySlot): boolean {
    for (const claim of this.#byPath.values()) if (claim.policy === policy && claim.slot === slot) return true
    return false
  }

  /** Forgets what has ended by `now` (milliseconds since 1970). */
  expire(now: number): void {
    for (const [name, claim] of this.#byPath) if (claim.expires <= now) this.#byPath.delete(name)
  }
}
