/** Reviews of the audit log (`protocol/api/src/reviews.ts`). */

import { OPERATIONS, type ReviewApi } from '@holdfast/api'
import { formatTimestamp, type Timestamp } from '@holdfast/base'
import {
  type EventFilter,
  faultsOfFilter,
  type Finding,
  isName,
  type Plan,
  type Review,
  unsignedOf,
  type View,
} from '@holdfast/review'
import { ReviewError, type ReviewRefusal, type Reviews, type ReviewWish } from '../../audit/reviews.ts'
import { requirePerson, requirePresence } from '../../people/presence.ts'
import { badRequest, Problem, type ProblemFacts } from '../../core/problem.ts'
import { timeOf } from '../query.ts'
import { actorName } from '../../people/actor.ts'
import { versioned } from './entity-tag.ts'
import { cutPage, onePage, PAGE_ITEMS } from './page.ts'
import { type Call, type Route, serve } from './route.ts'
import { filterJson, readFilter } from './sinks.ts'
import { entryJson } from './timeline.ts'

const { view: views, reviewPlan: plans, review: reviews, finding: findings } = OPERATIONS

export const REVIEW_ROUTES: readonly Route[] = [
  serve(views.list, async (call) => onePage(call.query, await of(call).views(), ({ name }) => name, viewJson)),
  serve(views.show, async (call) => {
    const view = await of(call).view(call.path.name)
    if (view === undefined) throw problemOf(new ReviewError('missing'))
    return versioned(view.etag, viewJson(view))
  }),
  serve(views.save, async (call) => {
    const by = { actor: actorName(call.actor), etag: call.ifMatch }
    const filter = checked(readFilter(call.body.filter))
    const view = await asked(of(call).saveView(named(call.path.name), filter, by))
    return versioned(view.etag, viewJson(view))
  }),
  serve(views.remove, async (call) => {
    await asked(of(call).removeView(call.path.name, { actor: actorName(call.actor), etag: call.ifMatch }))
    return undefined
  }),

  serve(plans.list, async (call) => onePage(call.query, await of(call).plans(), ({ name }) => name, planJson)),
  serve(plans.save, async (call) => {
    const { every, anchor, view } = call.body
    const wish = {
      ...(await wishOf(call, call.body)),
      ...(view === undefined ? {} : { view }),
      every,
      anchor: anchor === undefined ? call.services.clock.wall() : timeOf(anchor),
    }
    const by = { actor: actorName(call.actor), etag: call.ifMatch }
    const plan = await asked(of(call).savePlan(named(call.path.name), wish, by))
    return versioned(plan.etag, planJson(plan))
  }),
  serve(plans.remove, async (call) => {
    await asked(of(call).removePlan(call.path.name, { actor: actorName(call.actor), etag: call.ifMatch }))
    return undefined
  }),

  serve(reviews.list, async (call) => {
    const { limit = PAGE_ITEMS, ...rest } = call.query
    return cutPage(await of(call).list({ ...rest, limit }), limit, ({ id }) => id, reviewJson)
  }),
  serve(reviews.start, async (call) => {
    const wish = { ...(await wishOf(call, call.body)), first: call.body.first ?? 0 }
    return reviewJson(await asked(of(call).start(wish, { actor: actorName(call.actor) })))
  }),
  serve(reviews.show, async (call) => reviewJson(await asked(of(call).show(call.path.review)))),
  serve(reviews.entries, async (call) => {
    const entries = await of(call).entriesOf(await asked(of(call).show(call.path.review)))
    return { items: entries.map(entryJson) }
  }),
  serve(reviews.sign, async (call) => {
    // Not the machine of the hub either: a name stands under it.
    requirePerson(call.actor)
    requirePresence(call.actor, call.services.clock)
    const by = { actor: actorName(call.actor), statement: call.body.statement }
    const { review, signed, left } = await asked(of(call).sign(call.path.review, by))
    return { signed, left, review: reviewJson(review) }
  }),
  serve(reviews.abandon, async (call) => {
    const by = { actor: actorName(call.actor), reason: call.body.reason }
    return reviewJson(await asked(of(call).abandon(call.path.review, by)))
  }),

  serve(findings.list, async (call) => {
    const { limit = PAGE_ITEMS, ...rest } = call.query
    return cutPage(await of(call).findings({ ...rest, limit }), limit, ({ id }) => id, findingJson)
  }),
  serve(findings.open, async (call) => {
    const { text, owner, until, entry } = call.body
    const operator = call.services.people?.roll.operatorNamed(owner)
    if (operator?.state !== 'active') throw badRequest([{ path: '/owner', message: 'is the name of an operator' }])
    const end = timeOf(until)
    if (end <= call.services.clock.wall()) throw badRequest([{ path: '/until', message: 'is in the future' }])
    const found = { text, owner: `operator/${owner}`, until: end, ...(entry === undefined ? {} : { entry }) }
    return findingJson(await asked(of(call).openFinding(call.path.review, found, { actor: actorName(call.actor) })))
  }),
  serve(findings.close, async (call) => {
    const by = { actor: actorName(call.actor), note: call.body.note }
    return findingJson(await asked(of(call).closeFinding(call.path.finding, by)))
  }),
]

function of({ services }: Call): Reviews {
  if (services.reviews !== undefined) return services.reviews
  throw new Problem({
    status: 404,
    code: 'no-such-address',
    title: 'this hub keeps no audit log on disk',
    detail: 'ask a hub that does',
  })
}

async function wishOf(call: Call, draft: ReviewApi.ReviewDraft | ReviewApi.PlanDraft): Promise<ReviewWish> {
  const { filter, view, size = 25, dueDays = 14, role = 'auditor', escalatesTo = 'administrator' } = draft
  if (filter !== undefined && view !== undefined) {
    throw badRequest([{ path: '/view', message: 'brings a filter: leave the other away' }])
  }
  const saved = view === undefined ? undefined : await of(call).view(view)
  if (view !== undefined && saved === undefined) {
    throw badRequest([{ path: '/view', message: 'is the name of a saved view' }])
  }
  return { filter: saved?.filter ?? checked(readFilter(filter ?? {})), size, dueDays, role, escalatesTo }
}

function checked(filter: EventFilter): EventFilter {
  const faults = faultsOfFilter(filter)
  if (faults.length === 0) return filter
  throw badRequest(faults.map(({ path, message }) => ({ path: `/filter${path}`, message })))
}

function named(name: string): string {
  if (isName(name)) return name
  throw badRequest([{ path: '/name', message: 'is a label of lower-case letters, digits and hyphens, at most 63' }])
}

function viewJson({ name, filter, etag, updatedTime }: View): ReviewApi.View {
  return { name, filter: filterJson(filter), etag, updatedTime: formatTimestamp(updatedTime) }
}

function planJson({ filter, anchor, nextTime, ...rest }: Plan): ReviewApi.Plan {
  return { ...rest, filter: filterJson(filter), anchor: formatTimestamp(anchor), nextTime: formatTimestamp(nextTime) }
}

function reviewJson(review: Review): ReviewApi.Review {
  const { filter, openedTime, due, sample, signatures, ...rest } = review
  return {
    ...rest,
    filter: filterJson(filter),
    openedTime: formatTimestamp(openedTime),
    due: formatTimestamp(due),
    sample: [...sample],
    unsigned: [...unsignedOf(review)],
    signatures: signatures.map(({ by, time, entries, statement }) => ({
      by,
      time: formatTimestamp(time),
      entries: entries.length,
      statement,
    })),
  }
}

function findingJson({ until, openedTime, closed, isOverdueTold, ...rest }: Finding): ReviewApi.Finding {
  const time = (at: Timestamp): string => formatTimestamp(at)
  return {
    ...rest,
    until: time(until),
    openedTime: time(openedTime),
    isOverdue: isOverdueTold === true && closed === undefined,
    ...(closed === undefined ? {} : { closed: { ...closed, time: time(closed.time) } }),
  }
}

async function asked<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    throw error instanceof ReviewError ? problemOf(error) : error
  }
}

function problemOf({ code }: ReviewError): Problem {
  return new Problem(REFUSALS[code])
}

const REFUSALS: Readonly<Record<ReviewRefusal, ProblemFacts>> = {
  missing: {
    status: 404,
    code: 'missing',
    title: 'there is nothing of this name',
    detail: 'list what there is, and check the name',
  },
  'etag-mismatch': {
    status: 412,
    code: 'etag-mismatch',
    title: 'somebody changed it meanwhile',
    detail: 'look at it as it is now, and decide again',
  },
  'too-many': {
    status: 409,
    code: 'too-many',
    title: 'there are as many as there may be',
    detail: 'remove, sign or give up some of them first',
  },
  'not-drawn': {
    status: 409,
    code: 'not-drawn',
    title: 'the sample is still being drawn',
    detail: 'ask again in a moment; the review shows when it is open',
  },
  'not-open': {
    status: 409,
    code: 'not-open',
    title: 'the review is over',
    detail: 'start another one where there is something to look at',
  },
  'nothing-to-sign': {
    status: 409,
    code: 'nothing-to-sign',
    title: 'all that is left of the sample was done by you',
    detail: 'nobody signs for their own acts: ask another operator to sign',
  },
  'entry-not-in-sample': {
    status: 400,
    code: 'entry-not-in-sample',
    title: 'the entry is not in the sample of this review',
    detail: 'name an entry of the sample, or none',
  },
  'already-closed': {
    status: 409,
    code: 'already-closed',
    title: 'the finding is closed',
    detail: 'open another one where it has come back',
  },
}
