/**
 * What repeated failures cost whoever makes them.
 *
 * Two counts, and neither may shut out somebody who has the right credential:
 * - Failures as an identity that exists count for the pair of address and identity. So a guesser is slowed, the other
 *   devices behind the same address (NAT) are not, and nobody far away can lock a device out by failing in its name.
 * - Failures as identities that do not exist count for the address, and only requests for such identities feel it.
 *
 * One hole would be left: who shares the device's address could lock the device out by failing in its name. So a pair
 * that once came in is familiar and is always verified. That gives a guesser at the same address as many guesses as
 * TLS handshakes, against keys of at least 128 bits; being locked out by a neighbour would be the worse thing.
 */

import { addressBlock, type Instant, LruMap, TokenBucket } from '@holdfast/base'
import { identityText } from './identity-key.ts'
import type { IdentityKey } from './identity.ts'
import { ADDRESS_FAILURES, ADDRESSES_MAX, FAMILIAR_MAX, PAIR_FAILURES, PAIRS_MAX } from './limits.ts'

/** A bucket of failures; `spent` from the first that found it empty until it holds one again. */
class Failures {
  readonly #bucket: TokenBucket
  readonly #refillMs: number
  #spentUntil: Instant | undefined

  constructor(now: Instant, limits: { readonly perSecond: number; readonly burst: number }) {
    this.#bucket = new TokenBucket(now, limits)
    this.#refillMs = 1000 / limits.perSecond
  }

  isSpent(now: Instant): boolean {
    return this.#spentUntil !== undefined && now < this.#spentUntil
  }

  count(now: Instant): void {
    if (this.#bucket.take(now)) return
    this.#spentUntil = (now + this.#refillMs) as Instant
  }
}

export class FailureThrottle {
  readonly #pairs = new LruMap<string, Failures>(PAIRS_MAX)
  readonly #addresses = new LruMap<string, Failures>(ADDRESSES_MAX)
  readonly #familiar = new LruMap<string, true>(FAMILIAR_MAX)

  /** Whether a request as an identity that exists is to be refused unseen. */
  isPairSpent(address: string, key: IdentityKey, now: Instant): boolean {
    const pair = pairOf(address, key)
    return this.#familiar.get(pair) === undefined && (this.#pairs.get(pair)?.isSpent(now) ?? false)
  }

  /** Whether a request as an identity that does not exist is to be refused unseen. */
  isAddressSpent(address: string, now: Instant): boolean {
    return this.#addresses.get(addressBlock(address))?.isSpent(now) ?? false
  }

  succeeded(address: string, key: IdentityKey): void {
    const pair = pairOf(address, key)
    this.#familiar.set(pair, true)
    this.#pairs.delete(pair)
  }

  failedAsKnown(address: string, key: IdentityKey, now: Instant): void {
    count(this.#pairs, pairOf(address, key), now, PAIR_FAILURES)
  }

  failedAsUnknown(address: string, now: Instant): void {
    count(this.#addresses, addressBlock(address), now, ADDRESS_FAILURES)
  }
}

function pairOf(address: string, key: IdentityKey): string {
  return `${addressBlock(address)} ${identityText(key)}`
}

function count(
  map: LruMap<string, Failures>,
  name: string,
  now: Instant,
  limits: { readonly perSecond: number; readonly burst: number },
): void {
  let failures = map.get(name)
  if (failures === undefined) {
    failures = new Failures(now, limits)
    map.set(name, failures)
  }
  failures.count(now)
}
