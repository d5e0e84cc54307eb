/** Reviews of the audit log: saved views, plans, samples that people sign for, and findings. */

import Type from 'typebox'
import { LogEntry } from './audit.ts'
import { EventFilter } from './forwarding.ts'
import { operation } from './operation.ts'
import { closed, instant, page, paging, shape } from './shape.ts'

const viewName = Type.Optional(Type.String({ maxLength: 63 }))
const text = Type.String({ minLength: 1, maxLength: 2_000 })
const roleName = Type.String({ pattern: '^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$' })

export const ViewDraft = shape('ViewDraft', { filter: EventFilter })

export const View = shape('View', {
  name: Type.String(),
  filter: EventFilter,
  etag: Type.String(),
  updatedTime: instant,
})
export type View = Type.Static<typeof View>

const wish = {
  filter: Type.Optional(EventFilter),
  /** The filter of this view, as it is now. */
  view: viewName,
  /** Entries that are drawn, 25 unless told. */
  size: Type.Optional(Type.Integer({ minimum: 1, maximum: 500 })),
  /** Days until it has to be signed, 14 unless told. */
  dueDays: Type.Optional(Type.Integer({ minimum: 1, maximum: 366 })),
  /** Whose task it is (`auditor`), and whose 14 days after it was due (`administrator`). */
  role: Type.Optional(roleName),
  escalatesTo: Type.Optional(roleName),
}

export const PlanDraft = shape('PlanDraft', {
  ...wish,
  every: Type.Enum(['weekly', 'monthly', 'quarterly', 'yearly']),
  /** The first moment, which says the day and the time of all others; now unless told. */
  anchor: Type.Optional(instant),
})
export type PlanDraft = Type.Static<typeof PlanDraft>

export const Plan = shape('Plan', {
  name: Type.String(),
  filter: EventFilter,
  view: viewName,
  size: Type.Integer(),
  dueDays: Type.Integer(),
  role: Type.String(),
  escalatesTo: Type.String(),
  every: Type.String(),
  anchor: instant,
  nextTime: instant,
  /** The first entry of the log that its next review covers. */
  nextEntry: Type.Integer(),
  etag: Type.String(),
})
export type Plan = Type.Static<typeof Plan>

export const ReviewDraft = shape('ReviewDraft', {
  ...wish,
  /** The first entry of the log that is covered, 0 unless told. */
  first: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })),
})
export type ReviewDraft = Type.Static<typeof ReviewDraft>

export const Review = shape('Review', {
  id: Type.String(),
  plan: Type.Optional(Type.String()),
  filter: EventFilter,
  /** With it anybody draws the same sample; it stands in the log since before the draw. */
  seed: Type.String(),
  size: Type.Integer(),
  /** It covers entries from `first` on, before `entries`. */
  first: Type.Integer(),
  entries: Type.Integer(),
  openedTime: instant,
  due: instant,
  role: Type.String(),
  escalatesTo: Type.String(),
  state: Type.Enum(['drawing', 'open', 'completed', 'abandoned']),
  /** `overdue`, or `escalated` to the next role. */
  told: Type.Optional(Type.Enum(['overdue', 'escalated'])),
  matching: Type.Optional(Type.Integer()),
  sample: Type.Array(Type.Integer()),
  unsigned: Type.Array(Type.Integer()),
  signatures: Type.Array(
    closed({ by: Type.String(), time: instant, entries: Type.Integer(), statement: Type.String() }),
  ),
  findings: Type.Integer(),
})
export type Review = Type.Static<typeof Review>

export const ReviewSigned = shape('ReviewSigned', { signed: Type.Integer(), left: Type.Integer(), review: Review })

export const Finding = shape('Finding', {
  id: Type.String(),
  review: Type.String(),
  entry: Type.Optional(Type.Integer()),
  text: Type.String(),
  owner: Type.String(),
  until: instant,
  openedBy: Type.String(),
  openedTime: instant,
  isOverdue: Type.Boolean(),
  closed: Type.Optional(closed({ by: Type.String(), time: instant, note: Type.String() })),
})
export type Finding = Type.Static<typeof Finding>

export const FindingDraft = shape('FindingDraft', {
  text,
  /** The name of an operator. */
  owner: Type.String({ minLength: 1, maxLength: 64 }),
  until: instant,
  entry: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })),
})

const AUDIT = '/api/v1/audit' as const
const none = { kind: 'none' } as const
const open = { isOpen: Type.Optional(Type.Boolean()) }

export const viewOperations = {
  list: operation({
    id: 'view.list',
    method: 'GET',
    path: `${AUDIT}/views`,
    summary: 'Lists saved views of the audit log',
    action: 'audit:read',
    on: 'hub',
    query: closed({ ...paging }),
    answer: { kind: 'json', schema: page('View', View) },
  }),
  show: operation({
    id: 'view.show',
    method: 'GET',
    path: `${AUDIT}/views/{name}`,
    summary: 'Shows a saved view',
    action: 'audit:read',
    on: 'hub',
    isVersioned: true,
    answer: { kind: 'json', schema: View },
  }),
  save: operation({
    id: 'view.save',
    method: 'PUT',
    path: `${AUDIT}/views/{name}`,
    summary: 'Saves a view of the audit log under a name',
    action: 'audit:review',
    on: 'hub',
    isVersioned: true,
    body: ViewDraft,
    answer: { kind: 'json', schema: View },
  }),
  remove: operation({
    id: 'view.remove',
    method: 'DELETE',
    path: `${AUDIT}/views/{name}`,
    summary: 'Removes a saved view; what was made from it keeps its filter',
    action: 'audit:review',
    on: 'hub',
    isVersioned: true,
    answer: none,
  }),
}

export const reviewPlanOperations = {
  list: operation({
    id: 'reviewPlan.list',
    method: 'GET',
    path: `${AUDIT}/review-plans`,
    summary: 'Lists plans by which reviews are opened',
    action: 'audit:read',
    on: 'hub',
    query: closed({ ...paging }),
    answer: { kind: 'json', schema: page('Plan', Plan) },
  }),
  save: operation({
    id: 'reviewPlan.save',
    method: 'PUT',
    path: `${AUDIT}/review-plans/{name}`,
    summary: 'Has reviews opened every week, month, quarter or year',
    action: 'audit:manage',
    on: 'hub',
    isVersioned: true,
    body: PlanDraft,
    answer: { kind: 'json', schema: Plan },
  }),
  remove: operation({
    id: 'reviewPlan.remove',
    method: 'DELETE',
    path: `${AUDIT}/review-plans/{name}`,
    summary: 'Opens no more reviews by a plan; those that are open stay',
    action: 'audit:manage',
    on: 'hub',
    isVersioned: true,
    answer: none,
  }),
}

export const reviewOperations = {
  list: operation({
    id: 'review.list',
    method: 'GET',
    path: `${AUDIT}/reviews`,
    summary: 'Lists reviews of the audit log, those that are open or not, or both',
    action: 'audit:read',
    on: 'hub',
    query: closed({ ...paging, ...open }),
    answer: { kind: 'json', schema: page('Review', Review) },
  }),
  start: operation({
    id: 'review.start',
    method: 'POST',
    path: `${AUDIT}/reviews`,
    summary: 'Opens a review of what is in the log; its sample is drawn by itself',
    action: 'audit:review',
    on: 'hub',
    body: ReviewDraft,
    answer: { kind: 'json', status: 201, schema: Review },
  }),
  show: operation({
    id: 'review.show',
    method: 'GET',
    path: `${AUDIT}/reviews/{review}`,
    summary: 'Shows a review',
    action: 'audit:read',
    on: 'hub',
    answer: { kind: 'json', schema: Review },
  }),
  entries: operation({
    id: 'review.entries',
    method: 'GET',
    path: `${AUDIT}/reviews/{review}/entries`,
    summary: 'Gives the entries of a sample, as the log has them',
    action: 'audit:read',
    on: 'hub',
    answer: { kind: 'json', schema: shape('ReviewEntries', { items: Type.Array(LogEntry) }) },
  }),
  sign: operation({
    id: 'review.sign',
    method: 'POST',
    path: `${AUDIT}/reviews/{review}/sign`,
    summary: 'Signs for what is left of a sample and was not done by whoever signs; asks for presence',
    action: 'audit:review',
    on: 'hub',
    body: shape('ReviewSignature', { statement: text }),
    answer: { kind: 'json', schema: ReviewSigned },
  }),
  abandon: operation({
    id: 'review.abandon',
    method: 'POST',
    path: `${AUDIT}/reviews/{review}/abandon`,
    summary: 'Gives a review up, and says why',
    action: 'audit:manage',
    on: 'hub',
    body: shape('ReviewAbandonment', { reason: text }),
    answer: { kind: 'json', schema: Review },
  }),
}

export const findingOperations = {
  list: operation({
    id: 'finding.list',
    method: 'GET',
    path: `${AUDIT}/findings`,
    summary: 'Lists findings of reviews',
    action: 'audit:read',
    on: 'hub',
    query: closed({ ...paging, ...open }),
    answer: { kind: 'json', schema: page('Finding', Finding) },
  }),
  open: operation({
    id: 'finding.open',
    method: 'POST',
    path: `${AUDIT}/reviews/{review}/findings`,
    summary: 'Writes down what a review has found, whose task it is, and until when',
    action: 'audit:review',
    on: 'hub',
    body: FindingDraft,
    answer: { kind: 'json', status: 201, schema: Finding },
  }),
  close: operation({
    id: 'finding.close',
    method: 'POST',
    path: `${AUDIT}/findings/{finding}/close`,
    summary: 'Closes a finding, and says what was done about it',
    action: 'audit:review',
    on: 'hub',
    body: shape('FindingClosing', { note: text }),
    answer: { kind: 'json', schema: Finding },
  }),
}
