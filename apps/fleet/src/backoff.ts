/** Waiting times between attempts: exponential with full jitter, so that a fleet does not come back in one instant. */

import { BACKOFF_MS_MAX, BACKOFF_MS_MIN } from './limits.ts'

/**
 * @param attempt counts failures in a row, from 1.
 * @param chance from 0 to 1.
 * @returns milliseconds, at least `BACKOFF_MS_MIN` and at most `BACKOFF_MS_MAX`.
 */
export function backoffMs(attempt: number, chance: number): number {
  const ceiling = Math.min(BACKOFF_MS_MAX, BACKOFF_MS_MIN * 2 ** Math.min(attempt, 16))
  return Math.round(BACKOFF_MS_MIN + chance * (ceiling - BACKOFF_MS_MIN))
}
