/** A route: an operation of `protocol/api`, and what it does for whoever may. */

import type { AnswerOf, BodyOf, Operation, PathOf, QueryOf } from '@holdfast/api'
import type { Context } from 'hono'
import type { HttpEnvironment } from '../environment.ts'
import { readJson } from '../json-body.ts'
import { Problem } from '../../core/problem.ts'
import { readHeadersAs, readQueryAs } from '../query.ts'
import type { Actor, Requirement } from '../../people/actor.ts'
import type { Reach } from '../../people/reach.ts'
import type { HeldRequest, Perform, TwoPersonRule } from '../../people/two-person-rule.ts'
import { ifMatch, isKnown, Versioned } from './entity-tag.ts'
import { demandNoKey, type Idempotency } from './idempotency.ts'
import type { OpenStreams } from './open-streams.ts'
import { RIGHTS_OF_ACTION } from '../../people/rights.ts'
import type { ManagementServices } from './services.ts'

export interface Call<S = ManagementServices> {
  readonly context: Context<HttpEnvironment>
  readonly services: S
  readonly streams: OpenStreams
  readonly actor: Actor
  /** Absent: answers are kept nowhere. */
  readonly idempotency?: Idempotency | undefined
  /** Absent: nothing takes the word of two people. */
  readonly twoPerson?: TwoPersonRule | undefined
  /** Operations that are served elsewhere and may be approved here. */
  readonly elsewhere?: readonly Performable[] | undefined
  /** Of an operation on `devices`: those that whoever asks may know of. */
  readonly reach: Reach
}

export interface Route<S = ManagementServices> {
  readonly operation: Operation
  readonly method: Operation['method']
  /** In Hono's form, from the root. */
  readonly path: `/api/v1/${string}`
  /** There is no route without one: `bindRoutes` sees to it when it starts. */
  readonly rights: Requirement
  readonly answer: (call: Call<S>) => Promise<Response>
  /** Does it as it was read before, for whoever the call is. */
  readonly perform: (call: Call<S>, request: HeldRequest) => Promise<Response>
}

/** An operation that can be done for whoever proposed it, wherever it is served. */
export interface Performable {
  readonly operation: Operation
  readonly perform: (call: Call, request: HeldRequest) => Promise<Response>
}

/** Routes with services of their own, as those who approve what was proposed do them. */
export function performables<S>(routes: readonly Route<S>[], services: S): readonly Performable[] {
  return routes.map(({ operation, perform }) => ({
    operation,
    perform: (call, request) => perform({ ...call, services }, request),
  }))
}

/** A request that was read and checked as its operation says. */
export interface Asked<O extends Operation, S = ManagementServices> extends Call<S> {
  readonly path: PathOf<O>
  readonly query: QueryOf<O>
  readonly body: BodyOf<O>
  /** The version that must still be there; undefined: any. Of operations on what has versions. */
  readonly ifMatch: string | undefined
}

/**
 * The route of an operation. `answer` gives the value of a JSON answer (`versioned` where the operation says so), or a
 * Response where it is a stream or needs headers of its own; of an operation without an answer, nothing.
 */
export function serve<const O extends Operation, S = ManagementServices>(
  operation: O,
  answer: (asked: Asked<O, S>) => Promise<AnswerOf<O> | Versioned<AnswerOf<O>> | Response>,
): Route<S> & { readonly operation: O } {
  const perform = async (call: Call<S>, request: HeldRequest): Promise<Response> =>
    // What the schemas checked has the types that the compiler derives from them.
    responseOf(call.context, operation, await answer({ ...call, ...request } as unknown as Asked<O, S>))
  const names = [...operation.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => String(name))
  return {
    operation,
    method: operation.method,
    path: operation.path.replaceAll(/\{(\w+)\}/g, ':$1') as Route['path'],
    rights: RIGHTS_OF_ACTION[operation.action],
    perform,
    answer: async (call) => {
      if (operation.isLocalOnly === true) demandLocal(call)
      readHeadersAs(call.context, operation.headers)
      const request: HeldRequest = {
        path: Object.fromEntries(names.map((name) => [name, parameter(call.context, name)])),
        query: readQueryAs(call.context, operation.query),
        ifMatch: ifMatch(call.context, operation),
        body: operation.body === undefined ? undefined : await readJson(call.context, operation.body),
      }
      const act = async (): Promise<Response> =>
        (await call.twoPerson?.hold(operation, call.actor, request)) ?? perform(call, request)
      const header = call.context.req.header('idempotency-key')
      if (call.idempotency === undefined) {
        demandNoKey(header)
        return act()
      }
      const { path, query, body, ...rest } = request
      const known = { path, query, body: body ?? null, ifMatch: rest.ifMatch ?? null }
      return call.idempotency.once({ operation, actor: call.actor, header, request: known }, act)
    },
  }
}

/** What an approval does: one of these routes, in the name of whoever proposed it. */
export function performOf(call: Call, routes: readonly Route[]): Perform {
  const all: readonly Performable[] = [...routes, ...(call.elsewhere ?? [])]
  return ({ operation, actor, reach, request }) => {
    const route = all.find((one) => one.operation.id === operation)
    if (route === undefined) throw new TypeError(`there is no route of ${operation}`)
    return route.perform({ ...call, actor, reach }, request)
  }
}

function responseOf(context: Context<HttpEnvironment>, operation: Operation, value: unknown): Response {
  if (value instanceof Response) return value
  if (operation.answer.kind !== 'json') return new Response(null, { status: 204 })
  if (!(value instanceof Versioned)) return json(value as object, operation.answer.status)
  const headers = { etag: `"${value.etag}"` }
  if (isKnown(context, value.etag)) return new Response(null, { status: 304, headers })
  return json(value.value as object, operation.answer.status, headers)
}

/** @throws TypeError if the route's path has none of this name: a bug. */
function parameter(context: Context<HttpEnvironment>, name: string): string {
  const value = context.req.param(name)
  if (value === undefined) throw new TypeError(`the route has no parameter ${name}`)
  return value
}

function demandLocal({ context }: Pick<Call, 'context'>): void {
  if (context.env.peer.transport === 'local') return
  throw new Problem({
    status: 403,
    code: 'local-only',
    title: 'this is done on the machine of the hub alone',
    detail: 'run the command there, as the user of the hub',
  })
}

export function json(
  body: object,
  status: 200 | 201 | 202 | 503 = 200,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return new Response(JSON.stringify(body), { status, headers: { ...headers, 'content-type': 'application/json' } })
}
