/** What findings weigh. Data, so that an operator can read, and change, why somebody was suspected. */

import type { FindingKind } from './finding.ts'

export interface Weight {
  /** Points of one finding when it is made. */
  readonly points: number
  /** Points that all findings of the kind have together at most. */
  readonly most: number
  /** In so many milliseconds a finding comes to half its points. */
  readonly halfLifeMs: number
  /**
   * Whether only somebody with a credential of the identity can cause it. What anybody on the network can cause must
   * never be enough to have a device suspected, or a stranger could have it cut off.
   */
  readonly isProven: boolean
}

export type Weights = Readonly<Record<FindingKind, Weight>>

export interface Scale {
  readonly weights: Weights
  /** Points from which an identity is suspected. */
  readonly suspectedPoints: number
  /** Points of proven kinds alone from which a copy counts as proven. */
  readonly provenPoints: number
  /** Points that all kinds which are not proven have together at most; below `suspectedPoints`. */
  readonly unprovenMost: number
}

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

/**
 * Why so: a hundred points are a proof, fifty are worth an operator's look. A nonce alone is a proof, for no honest
 * device can show a replaced one. Alternating clients are none without networks beside, for a technician's tool with the
 * device's key looks the same. What one honest device does now and then (roaming, an update, a reset, a broken client)
 * stays below fifty each.
 */
export const DEFAULT_SCALE: Scale = {
  suspectedPoints: 50,
  provenPoints: 100,
  unprovenMost: 40,
  weights: {
    'nonce-outdated': { points: 100, most: 100, halfLifeMs: 365 * DAY_MS, isProven: true },
    'nonce-silent': { points: 30, most: 30, halfLifeMs: DAY_MS, isProven: true },
    'alternating-clients': { points: 30, most: 60, halfLifeMs: 6 * HOUR_MS, isProven: true },
    'alternating-networks': { points: 12, most: 48, halfLifeMs: HOUR_MS, isProven: true },
    'takeover-storm': { points: 20, most: 20, halfLifeMs: HOUR_MS, isProven: true },
    'two-networks': { points: 10, most: 20, halfLifeMs: HOUR_MS, isProven: true },
    'changed-client': { points: 8, most: 24, halfLifeMs: DAY_MS, isProven: true },
    'counter-backwards': { points: 45, most: 90, halfLifeMs: DAY_MS, isProven: true },
    'counter-repeated': { points: 15, most: 45, halfLifeMs: DAY_MS, isProven: true },
    'replaced-certificate-while-connected': { points: 60, most: 90, halfLifeMs: DAY_MS, isProven: true },
    'expired-certificate-while-connected': { points: 30, most: 40, halfLifeMs: DAY_MS, isProven: false },
    'wrong-certificate-while-connected': { points: 15, most: 40, halfLifeMs: HOUR_MS, isProven: false },
    'wrong-certificate': { points: 3, most: 9, halfLifeMs: HOUR_MS, isProven: false },
    'wrong-key-while-connected': { points: 4, most: 20, halfLifeMs: HOUR_MS, isProven: false },
  },
}

/**
 * @param scale as an operator wrote it, each part checked to be a number in its range.
 * @returns what makes it unsafe, or undefined.
 */
export function faultOfScale(scale: Scale): string | undefined {
  const { suspectedPoints, provenPoints, unprovenMost } = scale
  if (suspectedPoints > provenPoints) return 'who is proven to be copied is suspected too: suspectedPoints is the lower'
  if (unprovenMost >= suspectedPoints)
    return 'unprovenMost is below suspectedPoints, or strangers could have a device cut off'
  return undefined
}
