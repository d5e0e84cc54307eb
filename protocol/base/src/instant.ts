/** Time as values: pure code is handed the time, it never asks for it. */

declare const instant: unique symbol
declare const timestamp: unique symbol

/** A point on the monotonic clock, in milliseconds from an arbitrary origin. For deadlines. */
export type Instant = number & { readonly [instant]: true }

/** A point in civil time, in whole milliseconds since 1970-01-01T00:00:00Z. For records. */
export type Timestamp = number & { readonly [timestamp]: true }

/** The two clocks, as pure code receives them. */
export interface Clock {
  monotonic(): Instant
  wall(): Timestamp
}

export function instantOf(milliseconds: number): Instant {
  return milliseconds as Instant
}

/** @throws TypeError if `milliseconds` is no safe integer: a bug in the caller. */
export function timestampOf(milliseconds: number): Timestamp {
  if (!Number.isSafeInteger(milliseconds)) throw new TypeError('a timestamp is a whole number of milliseconds')
  return milliseconds as Timestamp
}

export function later(from: Instant, milliseconds: number): Instant {
  return (from + milliseconds) as Instant
}

/** RFC 3339 text in UTC with milliseconds, as all our documents show it. */
export function formatTimestamp(at: Timestamp): string {
  return new Date(at).toISOString()
}
