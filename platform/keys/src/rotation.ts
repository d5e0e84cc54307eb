/** When a key has served long enough. */

import type { Timestamp } from '@holdfast/base'
import { KEY_PURPOSES, type KeyPurpose } from './data-key.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

/**
 * How long a key seals before the next takes over, in milliseconds. Telemetry's is the grain of crypto-shredding: what
 * is dropped with one key is a day. State is small and re-sealed at each rotation, so that it rotates seldom.
 */
export const KEY_AGES_MS: Readonly<Record<KeyPurpose, number>> = {
  telemetry: DAY_MS,
  state: 90 * DAY_MS,
  // What it seals, the hub's own private keys, is replaced on a schedule of its own; nothing is gained by rotating it.
  authority: Number.POSITIVE_INFINITY,
}

/**
 * A key from further in the future than this was made under a wrong clock. Left alone it would never come due, so it
 * is replaced.
 */
const CLOCK_ERROR_MS = HOUR_MS

export function isRotationDue(createdTime: Timestamp, now: Timestamp, ageMs: number): boolean {
  const age = now - createdTime
  return age >= ageMs || age < -CLOCK_ERROR_MS
}

/** The purposes whose current key has come of age, or that have none. */
export function decideRotations(
  current: (purpose: KeyPurpose) => { readonly createdTime: Timestamp } | undefined,
  now: Timestamp,
  agesMs: Readonly<Record<KeyPurpose, number>> = KEY_AGES_MS,
): readonly KeyPurpose[] {
  return KEY_PURPOSES.filter((purpose) => {
    const key = current(purpose)
    return key === undefined || isRotationDue(key.createdTime, now, agesMs[purpose])
  })
}
