/** From findings to a verdict, with its reasons. A function of its arguments: the same findings are judged the same. */

import { formatTimestamp, type Timestamp } from '@holdfast/base'
import { FINDING_KINDS, type Finding, type FindingKind } from './finding.ts'
import type { Scale } from './weights.ts'

export type Verdict = 'clear' | 'suspected' | 'proven'

/** What one kind of finding gave to a judgement. */
export interface Reason {
  readonly kind: FindingKind
  readonly count: number
  /** Of the newest. */
  readonly at: Timestamp
  readonly detail: string
  /** Of one finding when it is made. */
  readonly points: number
  /** Of all of the kind now, with their ages; one decimal. */
  readonly worth: number
  readonly isProven: boolean
}

export interface Judgement {
  readonly verdict: Verdict
  /** All points now, one decimal; what is not proven counts `unprovenMost` at most. */
  readonly score: number
  /** Those that only somebody with a credential can cause. */
  readonly provenScore: number
  /** The heaviest first. */
  readonly reasons: readonly Reason[]
}

/** @param now not before the newest finding; one that is from later (the clock was set back) counts in full. */
export function judge(findings: readonly Finding[], scale: Scale, now: Timestamp): Judgement {
  const reasons = FINDING_KINDS.map((kind) => reasonOf(kind, findings, scale, now))
    .filter((reason) => reason !== undefined)
    .sort((a, b) => b.worth - a.worth)
  const sum = (isProven: boolean): number =>
    reasons.reduce((total, reason) => (reason.isProven === isProven ? total + reason.worth : total), 0)
  const provenScore = rounded(sum(true))
  const score = rounded(provenScore + Math.min(sum(false), scale.unprovenMost))
  const verdict = provenScore >= scale.provenPoints ? 'proven' : score >= scale.suspectedPoints ? 'suspected' : 'clear'
  return { verdict, score, provenScore, reasons }
}

/** The judgement as a person reads it: which facts, which weights, when. */
export function explain({ reasons }: Judgement): string {
  return reasons
    .map(({ kind, count, at, detail, points, worth }) => {
      const times = count === 1 ? '' : ` ${count} times`
      return `${kind}${times} (${points} points, now ${worth}), last ${formatTimestamp(at)}: ${detail}`
    })
    .join('; ')
}

function reasonOf(
  kind: FindingKind,
  findings: readonly Finding[],
  { weights }: Scale,
  now: Timestamp,
): Reason | undefined {
  const ofKind = findings.filter((finding) => finding.kind === kind)
  const newest = ofKind.at(-1)
  if (newest === undefined) return undefined
  const { points, most, halfLifeMs, isProven } = weights[kind]
  const sum = ofKind.reduce((total, { at }) => total + points * 2 ** (-Math.max(0, now - at) / halfLifeMs), 0)
  const worth = rounded(Math.min(sum, most))
  return { kind, count: ofKind.length, at: newest.at, detail: newest.detail, points, worth, isProven }
}

/** To tenths, so that a proof of a hundred points is one for some time after it was made. */
function rounded(points: number): number {
  return Math.round(points * 10) / 10
}
