/** How long to wait before the next attempt. */

import { RETRY_AFTER_MS_MAX, RETRY_MS_MAX, RETRY_MS_MIN } from './limits.ts'

/**
 * Milliseconds: doubled with each failure, and half of it left to chance, so that what failed together does not come
 * back together. A receiver's own wish holds where it is longer.
 * @param failures in a row, from 1. @param chance from 0 to 1.
 */
export function backOffMs(failures: number, chance: number, retryAfterMs = 0): number {
  const longest = Math.min(RETRY_MS_MAX, RETRY_MS_MIN * 2 ** Math.min(failures - 1, 30))
  const own = longest / 2 + (longest / 2) * chance
  return Math.round(Math.max(own, Math.min(retryAfterMs, RETRY_AFTER_MS_MAX)))
}

/** Milliseconds from `Retry-After` (RFC 9110 §10.2.3): seconds or a date. Zero for what is neither. */
export function retryAfterMs(header: string | undefined, wallMs: number): number {
  if (header === undefined) return 0
  if (/^\d{1,9}$/.test(header)) return Math.min(Number(header) * 1_000, RETRY_AFTER_MS_MAX)
  // The form of RFC 5322 only: the parser of dates takes much else.
  const date = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/.test(header)
    ? Date.parse(header)
    : Number.NaN
  return Number.isNaN(date) ? 0 : Math.min(Math.max(0, date - wallMs), RETRY_AFTER_MS_MAX)
}
