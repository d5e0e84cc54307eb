/** A clock that stands still until told, randomness that can be told apart from none, and a list of events. */

import type { SecurityEvent } from '@holdfast/audit'
import { type Clock, type Instant, instantOf, type Timestamp, timestampOf } from '@holdfast/base'
import type { RandomBytes } from '../random.ts'

/** 2026-11-02T12:00:00Z, when tests begin. */
export const TEST_START = Date.UTC(2026, 10, 2, 12)

export class ManualClock implements Clock {
  #passedMs = 0

  monotonic(): Instant {
    return instantOf(this.#passedMs)
  }

  wall(): Timestamp {
    return timestampOf(TEST_START + this.#passedMs)
  }

  advance(milliseconds: number): void {
    this.#passedMs += milliseconds
  }
}

/** The same bytes for the same seed; no two calls give the same. */
export function countingRandom(seed = 0): RandomBytes {
  let calls = seed * 1_000_000
  return (count) => {
    calls += 1
    const bytes = new Uint8Array(count)
    let state = calls
    for (let at = 0; at < count; at += 1) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
      bytes[at] = state >>> 24
    }
    return bytes
  }
}

/** A sink and what went into it. */
export function recordedEvents(): { readonly events: SecurityEvent[]; readonly sink: (event: SecurityEvent) => void } {
  const events: SecurityEvent[] = []
  return { events, sink: (event) => events.push(event) }
}
