/**
 * Who is heard with a token. A guess at 256 bits does not hit; what is bounded here is what can be learned and caused by
 * many: from an address with too many guesses, or where a canary was used, only what came in from there before is heard.
 */

import { addressBlock, type Instant, instantOf, LruMap } from '@holdfast/base'
import { FailureThrottle } from '@holdfast/identity'
import { CANARY_REFUSAL_MS, FAMILIAR_MAX, REFUSED_ADDRESSES_MAX } from './limits.ts'

export class Gatekeeper {
  readonly #failures = new FailureThrottle()
  readonly #refusedUntil = new LruMap<string, Instant>(REFUSED_ADDRESSES_MAX)
  readonly #familiar = new LruMap<string, true>(FAMILIAR_MAX)

  /** Whether nothing new is heard from there now. */
  isClosed(address: string, now: Instant): boolean {
    const until = this.#refusedUntil.get(addressBlock(address))
    return (until !== undefined && now < until) || this.#failures.isAddressSpent(address, now)
  }

  isFamiliar(address: string, id: string): boolean {
    return this.#familiar.get(pairOf(address, id)) === true
  }

  cameIn(address: string, id: string): void {
    this.#familiar.set(pairOf(address, id), true)
  }

  failed(address: string, now: Instant): void {
    this.#failures.failedAsUnknown(address, now)
  }

  close(address: string, now: Instant): void {
    this.#refusedUntil.set(addressBlock(address), instantOf(now + CANARY_REFUSAL_MS))
  }
}

function pairOf(address: string, id: string): string {
  return `${addressBlock(address)} ${id}`
}
