/** Who receives events of the audit log (`protocol/api/src/forwarding.ts`). */

import { type ForwardingApi, OPERATIONS } from '@holdfast/api'
import { formatTimestamp, timestampOf } from '@holdfast/base'
import type { EventFilter } from '@holdfast/review'
import type { SinkEdit, SinkOutcome, SinkRefusal, Sinks, SinkShown } from '../../audit/sinks.ts'
import { badRequest, Problem, type ProblemFacts } from '../../core/problem.ts'
import { timeOf } from '../query.ts'
import { actorName } from '../../people/actor.ts'
import { versioned } from './entity-tag.ts'
import { onePage, PAGE_ITEMS } from './page.ts'
import { type Call, type Route, serve } from './route.ts'

const { sink: operations } = OPERATIONS

export const SINK_ROUTES: readonly Route[] = [
  serve(operations.list, async (call) =>
    onePage(call.query, await sinksOf(call).list(), ({ sink }) => sink.name, sinkJson),
  ),
  serve(operations.create, async (call) => {
    const { view, filter, from = 'now', ...draft } = call.body
    const chosen = await filterOf(call, { filter, view })
    const made = done(await sinksOf(call).create({ ...draft, ...chosen, from }, actorName(call.actor)))
    const { secret } = made
    return versioned(made.shown.sink.etag, { ...sinkJson(made.shown), ...(secret === undefined ? {} : { secret }) })
  }),
  serve(operations.show, async (call) => {
    const shown = await sinksOf(call).show(call.path.name)
    if (shown === undefined) throw refused({ kind: 'missing' })
    return versioned(shown.sink.etag, sinkJson(shown))
  }),
  serve(operations.change, async (call) => {
    const { filter, view, ...rest } = call.body
    const chosen = filter === undefined && view === undefined ? {} : await filterOf(call, { filter, view })
    const edit: SinkEdit = { ...rest, ...chosen }
    const by = { actor: actorName(call.actor), etag: call.ifMatch }
    const { shown } = done(await sinksOf(call).change(call.path.name, edit, by))
    return versioned(shown.sink.etag, sinkJson(shown))
  }),
  serve(operations.remove, async (call) => {
    const by = { actor: actorName(call.actor), etag: call.ifMatch }
    const outcome = await sinksOf(call).remove(call.path.name, by)
    if (outcome.kind !== 'done') throw refused(outcome)
    return undefined
  }),
  serve(operations.rotate, async (call) => {
    const { overlapSeconds } = call.body
    const overlap = overlapSeconds === undefined ? {} : { overlapMs: overlapSeconds * 1_000 }
    const { shown, secret } = done(
      await sinksOf(call).rotate(call.path.name, { actor: actorName(call.actor), ...overlap }),
    )
    return { ...sinkJson(shown), ...(secret === undefined ? {} : { secret }) }
  }),
  serve(operations.allowPrivate, async (call) => {
    return sinkJson(
      done(await sinksOf(call).allowPrivate(call.path.name, call.body.allowed, actorName(call.actor))).shown,
    )
  }),
  serve(operations.setAside, async (call) => {
    const { after = 0, limit = PAGE_ITEMS } = call.query
    const sinks = sinksOf(call)
    if ((await sinks.show(call.path.name)) === undefined) throw refused({ kind: 'missing' })
    const pieces = await sinks.listSetAside(call.path.name, { after, limit })
    const last = pieces.length < limit ? undefined : pieces.at(-1)
    return {
      items: pieces.map(({ at, ...piece }) => ({ ...piece, time: formatTimestamp(at) })),
      ...(last === undefined ? {} : { next: String(last.sequence) }),
    }
  }),
  serve(operations.retry, async (call) => {
    const outcome = await sinksOf(call).retry(call.path.name, actorName(call.actor))
    if (outcome.kind !== 'done') throw refused(outcome)
    return { taken: outcome.taken, left: outcome.left }
  }),
  serve(operations.dismiss, async (call) => {
    const outcome = await sinksOf(call).dismiss(call.path.name, actorName(call.actor))
    if (outcome.kind !== 'done') throw refused(outcome)
    return { dismissed: outcome.dismissed }
  }),
]

function sinksOf({ services }: Call): Sinks {
  if (services.sinks !== undefined) return services.sinks
  throw new Problem({
    status: 404,
    code: 'no-such-address',
    title: 'this hub sends its events to nobody',
    detail: 'receivers are of hubs whose log is on disk',
  })
}

/** The filter that was told, or that of a view. */
async function filterOf(
  { services }: Call,
  { filter, view }: { readonly filter: ForwardingApi.EventFilter | undefined; readonly view: string | undefined },
): Promise<{ readonly filter: EventFilter; readonly view?: string }> {
  if (view === undefined) return { filter: readFilter(filter ?? {}) }
  if (filter !== undefined) throw badRequest([{ path: '/view', message: 'brings a filter: leave the other away' }])
  const found = await services.reviews?.view(view)
  if (found === undefined) throw badRequest([{ path: '/view', message: 'is the name of a saved view' }])
  return { filter: found.filter, view }
}

export function readFilter({ from, until, ...rest }: ForwardingApi.EventFilter): EventFilter {
  return {
    ...rest,
    ...(from === undefined ? {} : { from: timeOf(from) }),
    ...(until === undefined ? {} : { until: timeOf(until) }),
  }
}

export function filterJson({
  types,
  subjects,
  actors,
  organisations,
  from,
  until,
}: EventFilter): ForwardingApi.EventFilter {
  return {
    ...(types && { types: [...types] }),
    ...(subjects && { subjects: [...subjects] }),
    ...(actors && { actors: [...actors] }),
    ...(organisations && { organisations: [...organisations] }),
    ...(from !== undefined && { from: formatTimestamp(from) }),
    ...(until !== undefined && { until: formatTimestamp(until) }),
  }
}

function sinkJson({ sink, lastTaken, backlogSince, reason, ...progress }: SinkShown): ForwardingApi.Sink {
  const { name, kind, address, filter, view, authorities, allowPrivate, secrets, etag, createdTime, updatedTime } = sink
  return {
    name,
    kind,
    address,
    filter: filterJson(filter),
    ...(view === undefined ? {} : { view }),
    hasAuthorities: authorities !== undefined,
    hasClientCertificate: secrets.client !== undefined,
    headers: Object.keys(secrets.headers),
    allowPrivate,
    secrets: secrets.signing.map(({ createdTime: made, endsTime }) => ({
      createdTime: formatTimestamp(timestampOf(made)),
      ...(endsTime === undefined ? {} : { endsTime: formatTimestamp(timestampOf(endsTime)) }),
    })),
    ...progress,
    ...(reason === undefined ? {} : { reason }),
    ...(lastTaken === undefined ? {} : { lastTakenTime: formatTimestamp(lastTaken) }),
    ...(backlogSince === undefined ? {} : { backlogSince: formatTimestamp(backlogSince) }),
    etag,
    createdTime: formatTimestamp(timestampOf(createdTime)),
    updatedTime: formatTimestamp(timestampOf(updatedTime)),
  }
}

function done(outcome: SinkOutcome): Extract<SinkOutcome, { kind: 'done' }> {
  if (outcome.kind === 'done') return outcome
  throw refused(outcome)
}

function refused(refusal: SinkRefusal): Problem {
  return refusal.kind === 'invalid' ? badRequest(refusal.faults) : new Problem(REFUSALS[refusal.kind])
}

const REFUSALS: Readonly<Record<Exclude<SinkRefusal['kind'], 'invalid'>, ProblemFacts>> = {
  missing: {
    status: 404,
    code: 'missing',
    title: 'there is no receiver of events of this name',
    detail: "'holdfast audit sink list' shows those that there are",
  },
  exists: {
    status: 409,
    code: 'exists',
    title: 'there is a receiver of events of this name',
    detail: 'change that one, or give the new one another name',
  },
  'too-many': {
    status: 409,
    code: 'too-many',
    title: 'there are as many receivers of events as there may be',
    detail: 'remove one first; there are 32 at most',
  },
  'etag-mismatch': {
    status: 412,
    code: 'etag-mismatch',
    title: 'somebody changed it meanwhile',
    detail: 'look at it as it is now, and decide again',
  },
  'not-a-webhook': {
    status: 409,
    code: 'not-a-webhook',
    title: 'only webhooks are signed with a secret',
    detail: 'of others, change the headers or the client certificate',
  },
  'too-many-secrets': {
    status: 409,
    code: 'too-many-secrets',
    title: 'three secrets sign already',
    detail: 'wait until the overlap of the oldest is over, or end it with an overlap of 0',
  },
}
