/**
 * Whether what the audit log was told of a partition can have happened. Who can write `history.db` can have it tell the log
 * something too; but a message is told once when it is paged, and again only as part of a merge of what was told before.
 */

import type { Telling } from './digest-tables.ts'

export interface Oddity {
  readonly firstSequence: number
  readonly lastSequence: number
  readonly detail: string
}

interface Range {
  readonly firstSequence: number
  readonly lastSequence: number
  readonly messages: number
}

/**
 * What cannot have happened, in the order of the log.
 * @param told of one partition, in the order of the log.
 * @param mayLack messages may be fewer after a merge, for the key of an epoch was destroyed.
 */
export function findOddities(told: readonly Telling[], mayLack: boolean): readonly Oddity[] {
  const oddities: Oddity[] = []
  const seen = new Set<string>()
  let ranges: readonly Range[] = []
  for (const telling of told) {
    const { firstSequence, lastSequence, messages } = telling
    // The log hears of a thing at least once.
    const text = JSON.stringify([
      firstSequence,
      lastSequence,
      telling.kind === 'paged' ? telling.sha256 : telling.reason,
    ])
    if (seen.has(text)) continue
    seen.add(text)
    if (telling.kind === 'retired') {
      ranges = ranges.filter((range) => range.firstSequence > lastSequence)
      continue
    }
    const odd = (detail: string): number => oddities.push({ firstSequence, lastSequence, detail })
    const under = ranges.filter((range) => range.firstSequence <= lastSequence && range.lastSequence >= firstSequence)
    if (telling.merged === undefined) {
      if (under.length > 0)
        odd('the audit log was told of these messages before, in another form, and no merge explains it')
    } else if (!isSplit(telling, under)) {
      odd('a merge took the place of what the audit log was never told of')
    } else {
      const before = under.reduce((sum, range) => sum + range.messages, 0)
      if (messages > before) odd(`a merge made ${messages} messages of ${before}`)
      if (messages < before && !mayLack) odd(`a merge lost ${before - messages} of ${before} messages`)
    }
    ranges = [...ranges.filter((range) => !under.includes(range)), { firstSequence, lastSequence, messages }]
  }
  return oddities
}

/** Whether the parts, put together, are the whole without a gap. */
function isSplit(whole: Pick<Range, 'firstSequence' | 'lastSequence'>, parts: readonly Range[]): boolean {
  let next = whole.firstSequence
  for (const part of parts.toSorted((a, b) => a.firstSequence - b.firstSequence)) {
    if (part.firstSequence !== next) return false
    next = part.lastSequence + 1
  }
  return next === whole.lastSequence + 1
}
