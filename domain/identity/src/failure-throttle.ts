/**
 * What repeated failures cost whoever makes them.
 *
 * Four counts, none of which shuts out somebody who has the right credential and comes from where it came from before:
 * - Failures as an identity that exists count for the pair of address and identity. So a guesser is slowed, the other
 *   devices behind the same address (NAT) are not, and nobody far away can lock a device out by failing in its name.
 * - They count for the identity, wherever they come from: many addresses that guess at one identity. While there are too
 *   many, an address that has failed as it waits for minutes, not seconds; while there are far too many, only addresses
 *   from which it came in before are heard.
 * - They count for the address, whatever identity they are for: one address that tries many. While there are too many,
 *   it has one try an identity in minutes. A device with the right credential needs no second one.
 * - Failures as identities that do not exist count for the address, and only requests for such identities feel it.
 *
 * One hole would be left: who shares the device's address could lock the device out by failing in its name. So a pair
 * that once came in is familiar and is always verified. That gives a guesser at the same address as many guesses as
 * TLS handshakes, against keys of at least 128 bits; being locked out by a neighbour would be the worse thing.
 */

import { addressBlock, type Instant, LruMap, TokenBucket } from '@holdfast/base'
import { identityText } from './identity-key.ts'
import type { IdentityKey } from './identity.ts'
import {
  ADDRESS_FAILURES,
  ADDRESSES_MAX,
  FAMILIAR_MAX,
  IDENTITIES_FAILED_MAX,
  IDENTITY_FAILURES,
  IDENTITY_FLOOD,
  KNOWN_FAILURES,
  PAIR_FAILURES,
  PAIRS_MAX,
  STRICT_WAIT_MS,
} from './limits.ts'

/** A bucket of failures; `spent` from the first that found it empty until it holds one again. */
class Failures {
  readonly #bucket: TokenBucket
  readonly #refillMs: number
  #spentUntil: Instant | undefined
  #lastAt: Instant

  constructor(now: Instant, limits: { readonly perSecond: number; readonly burst: number }) {
    this.#bucket = new TokenBucket(now, limits)
    this.#refillMs = 1000 / limits.perSecond
    this.#lastAt = now
  }

  /** The latest failure. */
  get lastAt(): Instant {
    return this.#lastAt
  }

  isSpent(now: Instant): boolean {
    return this.#spentUntil !== undefined && now < this.#spentUntil
  }

  count(now: Instant): void {
    this.#lastAt = now
    if (this.#bucket.take(now)) return
    this.#spentUntil = (now + this.#refillMs) as Instant
  }
}

export class FailureThrottle {
  readonly #pairs = new LruMap<string, Failures>(PAIRS_MAX)
  readonly #addresses = new LruMap<string, Failures>(ADDRESSES_MAX)
  /** Of addresses, as identities that exist. */
  readonly #known = new LruMap<string, Failures>(ADDRESSES_MAX)
  readonly #identities = new LruMap<string, Failures>(IDENTITIES_FAILED_MAX)
  readonly #floods = new LruMap<string, Failures>(IDENTITIES_FAILED_MAX)
  readonly #familiar = new LruMap<string, true>(FAMILIAR_MAX)

  /** Whether a request as an identity that exists is to be refused unseen. */
  isPairSpent(address: string, key: IdentityKey, now: Instant): boolean {
    const pair = pairOf(address, key)
    if (this.#familiar.get(pair) !== undefined) return false
    const identity = identityText(key)
    if (this.#floods.get(identity)?.isSpent(now) === true) return true
    const failures = this.#pairs.get(pair)
    if (failures === undefined) return false
    if (failures.isSpent(now)) return true
    const isStrict =
      this.#identities.get(identity)?.isSpent(now) === true ||
      this.#known.get(addressBlock(address))?.isSpent(now) === true
    return isStrict && now < failures.lastAt + STRICT_WAIT_MS
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
    const identity = identityText(key)
    count(this.#pairs, pairOf(address, key), now, PAIR_FAILURES)
    count(this.#identities, identity, now, IDENTITY_FAILURES)
    count(this.#floods, identity, now, IDENTITY_FLOOD)
    count(this.#known, addressBlock(address), now, KNOWN_FAILURES)
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
