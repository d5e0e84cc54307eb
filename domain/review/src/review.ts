/** Views, plans, reviews, findings: what they are, and the rules of signing. Documents as they are kept. */

import type { Timestamp } from '@holdfast/base'
import type { EventFilter } from './event-filter.ts'
import { ESCALATION_MS } from './limits.ts'
import { digestOf } from './sample.ts'
import type { Cadence } from './schedule.ts'

export interface View {
  readonly name: string
  readonly filter: EventFilter
  readonly etag: string
  readonly updatedTime: Timestamp
}

/** Who has to see to a review: this role, and the next where it is overdue for long. */
export interface Duty {
  readonly role: string
  readonly escalatesTo: string
}

export interface Plan extends Duty {
  readonly name: string
  readonly filter: EventFilter
  readonly view?: string
  /** Entries that are drawn. */
  readonly size: number
  readonly every: Cadence
  readonly anchor: Timestamp
  /** Days between the opening of a review and its due time. */
  readonly dueDays: number
  /** When the next review is opened, and the first entry that it covers. */
  readonly nextTime: Timestamp
  readonly nextEntry: number
  readonly etag: string
}

export interface Signature {
  readonly by: string
  readonly time: Timestamp
  readonly entries: readonly number[]
  readonly statement: string
}

export interface Review extends Duty {
  readonly id: string
  readonly plan?: string
  readonly filter: EventFilter
  readonly seed: string
  readonly size: number
  /** It covers `[first, entries)` of the log. */
  readonly first: number
  readonly entries: number
  readonly openedTime: Timestamp
  readonly due: Timestamp
  /** `drawing`: the sample is not fixed yet. */
  readonly state: 'drawing' | 'open' | 'completed' | 'abandoned'
  readonly matching?: number
  readonly sample: readonly number[]
  readonly signatures: readonly Signature[]
  readonly findings: number
  readonly told?: 'overdue' | 'escalated'
}

export interface Finding {
  readonly id: string
  readonly review: string
  readonly entry?: number
  readonly text: string
  /** `operator/NAME`. */
  readonly owner: string
  readonly until: Timestamp
  readonly openedBy: string
  readonly openedTime: Timestamp
  readonly closed?: { readonly by: string; readonly time: Timestamp; readonly note: string }
  readonly isOverdueTold?: true
}

/** Entries of the sample that nobody has signed for. */
export function unsignedOf({ sample, signatures }: Pick<Review, 'sample' | 'signatures'>): readonly number[] {
  const signed = new Set(signatures.flatMap(({ entries }) => entries))
  return sample.filter((index) => !signed.has(index))
}

/**
 * A review after somebody signed for all that is left and that they did not do themselves: nobody reviews their own acts.
 * @param actorOf who did an entry; undefined where its body was destroyed.
 * @returns undefined where nothing is left that they may sign for.
 */
export function signedBy(
  review: Review,
  { by, time, statement }: Omit<Signature, 'entries'>,
  actorOf: (index: number) => string | undefined,
): { readonly review: Review; readonly left: number; readonly sha256: string; readonly signed: number } | undefined {
  const open = unsignedOf(review)
  const entries = open.filter((index) => actorOf(index) !== by)
  // An empty sample is signed for, too: that there was nothing to see.
  const isEmpty = review.sample.length === 0
  if (review.state !== 'open' || (entries.length === 0 && !isEmpty)) return undefined
  const left = open.length - entries.length
  const signatures = [...review.signatures, { by, time, entries, statement }]
  return {
    review: { ...review, signatures, state: left === 0 ? 'completed' : 'open' },
    left,
    sha256: digestOf(entries),
    signed: entries.length,
  }
}

/** What has to be told of an open review by now; undefined: nothing new. */
export function overdueOf({ state, due, told }: Review, now: Timestamp): 'overdue' | 'escalated' | undefined {
  if ((state !== 'open' && state !== 'drawing') || now <= due) return undefined
  if (told === undefined) return 'overdue'
  return told === 'overdue' && now > due + ESCALATION_MS ? 'escalated' : undefined
}
