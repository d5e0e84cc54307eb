/** The events of one PCR beside those of reference values, each difference told by its event. */

import type { ReferenceEvent } from './reference-values.ts'

/** An event by its place in the log and what it measured, hexadecimal in lower case. */
export interface FoundEvent {
  readonly index: number
  readonly digest: string
}

export type EventDifference =
  /** Nothing like it is expected here. */
  | { readonly kind: 'unexpected'; readonly found: FoundEvent }
  /** Something else is expected at its place. */
  | { readonly kind: 'different'; readonly found: FoundEvent; readonly expected: ReferenceEvent }
  /** What is expected does not come. */
  | { readonly kind: 'missing'; readonly expected: ReferenceEvent }

/**
 * Walks both lists in order. Nothing comes back when, and only when, every event is expected at its place and nothing
 * that is not optional is missing. An optional event takes what fits it, even where an equal one that is not follows.
 * @param digestsOf the digests that a reference event allows in the bank.
 */
export function compareEvents(
  found: readonly FoundEvent[],
  expected: readonly ReferenceEvent[],
  digestsOf: (event: ReferenceEvent) => ReadonlySet<string>,
): readonly EventDifference[] {
  const differences: EventDifference[] = []
  const places = placesOf(expected, digestsOf)
  const lastFound = new Map(found.map(({ digest }, at) => [digest, at]))
  let [i, j] = [0, 0]
  while (i < expected.length || j < found.length) {
    const [reference, event] = [expected[i], found[j]]
    if (event === undefined) {
      if (reference?.isOptional === false) differences.push({ kind: 'missing', expected: reference })
      i += 1
      continue
    }
    if (reference === undefined) {
      differences.push({ kind: 'unexpected', found: event })
      j += 1
      continue
    }
    if (digestsOf(reference).has(event.digest)) {
      i += 1
      j += 1
      continue
    }
    // To go on where both agree again, so that one difference is told as one.
    const next = places.get(event.digest)?.find((at) => at > i)
    if (next !== undefined) {
      for (const skipped of expected.slice(i, next)) {
        if (!skipped.isOptional) differences.push({ kind: 'missing', expected: skipped })
      }
      i = next
    } else if (isAhead(digestsOf(reference), lastFound, j)) {
      differences.push({ kind: 'unexpected', found: event })
      j += 1
    } else if (reference.isOptional) {
      i += 1
    } else {
      differences.push({ kind: 'different', found: event, expected: reference })
      i += 1
      j += 1
    }
  }
  return differences
}

function placesOf(
  expected: readonly ReferenceEvent[],
  digestsOf: (event: ReferenceEvent) => ReadonlySet<string>,
): ReadonlyMap<string, readonly number[]> {
  const places = new Map<string, number[]>()
  for (const [at, event] of expected.entries()) {
    for (const digest of digestsOf(event)) {
      const before = places.get(digest)
      if (before === undefined) places.set(digest, [at])
      else before.push(at)
    }
  }
  return places
}

function isAhead(digests: ReadonlySet<string>, last: ReadonlyMap<string, number>, at: number): boolean {
  for (const digest of digests) if ((last.get(digest) ?? -1) > at) return true
  return false
}
