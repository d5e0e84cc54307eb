/** When reviews of a plan are due: an anchor, and the same moment again every week, month, quarter or year, in UTC. */

import { type Timestamp, timestampOf } from '@holdfast/base'

export const CADENCES = ['weekly', 'monthly', 'quarterly', 'yearly'] as const
export type Cadence = (typeof CADENCES)[number]

const WEEK_MS = 7 * 86_400_000
const MONTHS: Readonly<Record<Exclude<Cadence, 'weekly'>, number>> = { monthly: 1, quarterly: 3, yearly: 12 }

/** The first moment of the plan that is after `after`. */
export function nextOf(cadence: Cadence, anchor: Timestamp, after: Timestamp): Timestamp {
  if (after < anchor) return anchor
  if (cadence === 'weekly') return timestampOf(anchor + (Math.floor((after - anchor) / WEEK_MS) + 1) * WEEK_MS)
  const step = MONTHS[cadence]
  const from = new Date(anchor)
  const to = new Date(after)
  const months = (to.getUTCFullYear() - from.getUTCFullYear()) * 12 + to.getUTCMonth() - from.getUTCMonth()
  const turns = Math.max(0, Math.floor(months / step) - 1)
  for (let turn = turns; ; turn += 1) {
    const at = monthsAfter(anchor, turn * step)
    if (at > after) return at
  }
}

/** Of the 31st, the last day of a month that has none. */
function monthsAfter(anchor: Timestamp, months: number): Timestamp {
  const date = new Date(anchor)
  const day = date.getUTCDate()
  date.setUTCDate(1)
  date.setUTCMonth(date.getUTCMonth() + months)
  const last = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate()
  date.setUTCDate(Math.min(day, last))
  return timestampOf(date.getTime())
}
