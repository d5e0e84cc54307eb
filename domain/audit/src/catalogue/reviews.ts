/** Views, plans, reviews and findings. The subject is `view/NAME`, `review-plan/NAME`, `review/ID` or `finding/ID`. */

import { ofHub } from './definition.ts'

export const REVIEW_EVENTS = {
  'view.created': ofHub({ filter: 'text' }),
  'view.changed': ofHub({ filter: 'text' }),
  'view.deleted': ofHub({}),
  'review-plan.created': ofHub({ plan: 'text' }),
  'review-plan.changed': ofHub({ plan: 'text' }),
  'review-plan.deleted': ofHub({}),
  /**
   * The seed is in the log before anything is drawn by it: with it, with `entries` (those before that index) and with the
   * filter, anybody draws the same sample.
   */
  'review.opened': ofHub({
    plan: 'text?',
    filter: 'text',
    seed: 'text',
    size: 'number',
    entries: 'number',
    due: 'text',
  }),
  /** `sha256` of the indexes in order, a line each. */
  'review.drawn': ofHub({ matching: 'number', drawn: 'number', sha256: 'text' }),
  'review.signed': ofHub({ entries: 'number', left: 'number', sha256: 'text', statement: 'text' }),
  'review.completed': ofHub({ signatures: 'number', findings: 'number' }),
  'review.abandoned': ofHub({ reason: 'text' }),
  'review.overdue': ofHub({ due: 'text', role: 'text' }),
  'review.escalated': ofHub({ due: 'text', role: 'text' }),
  'finding.opened': ofHub({ review: 'text', owner: 'text', until: 'text', text: 'text', entry: 'number?' }),
  'finding.closed': ofHub({ review: 'text', note: 'text' }),
  'finding.overdue': ofHub({ review: 'text', owner: 'text', until: 'text' }),
} as const
