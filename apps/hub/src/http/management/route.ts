/** A route as data: what it answers to, which rights it asks for, and what it does for whoever has them. */

import type { AnswerOf, BodyOf, Operation, PathOf, QueryOf } from '@holdfast/api'
import type { Context } from 'hono'
import type { HttpEnvironment } from '../environment.ts'
import { readJson } from '../json-body.ts'
import { readQueryAs } from '../query.ts'
import type { Actor, Requirement } from './actor.ts'
import type { Reach } from '../../people/reach.ts'
import type { OpenStreams } from './open-streams.ts'
import { RIGHTS_OF_ACTION } from './rights.ts'
import type { ManagementServices } from './services.ts'

export interface Call {
  readonly context: Context<HttpEnvironment>
  readonly services: ManagementServices
  readonly streams: OpenStreams
  readonly actor: Actor
  /** Of an operation on `devices`: those that whoever asks may know of. */
  readonly reach: Reach
}

export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** In Hono's form, from the root. */
  readonly path: `/api/v1/${string}`
  /** There is no route without one: the compiler asks for it, and `managementRoutes` does when it starts. */
  readonly rights: Requirement
  readonly answer: (call: Call) => Promise<Response>
  readonly operation?: Operation
}

/** A request that was read and checked as its operation says. */
export interface Asked<O extends Operation> extends Call {
  readonly path: PathOf<O>
  readonly query: QueryOf<O>
  readonly body: BodyOf<O>
}

/**
 * The route of an operation. `answer` gives the value of a JSON answer, or a Response where it is a stream or needs
 * headers of its own; of an operation without an answer, nothing.
 */
export function serve<const O extends Operation>(
  operation: O,
  answer: (asked: Asked<O>) => Promise<AnswerOf<O> | Response>,
): Route & { readonly operation: O } {
  const names = [...operation.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => String(name))
  return {
    operation,
    method: operation.method,
    path: operation.path.replaceAll(/\{(\w+)\}/g, ':$1') as Route['path'],
    rights: RIGHTS_OF_ACTION[operation.action],
    answer: async (call) => {
      const asked = {
        ...call,
        path: Object.fromEntries(names.map((name) => [name, parameter(call, name)])),
        query: readQueryAs(call.context, operation.query),
        body: operation.body === undefined ? undefined : await readJson(call.context, operation.body),
      }
      // What the schemas checked has the types that the compiler derives from them.
      const value = await answer(asked as unknown as Asked<O>)
      if (value instanceof Response) return value
      if (operation.answer.kind === 'json') return json(value as object, operation.answer.status)
      return new Response(null, { status: 204 })
    },
  }
}

/**
 * A parameter of the path, decoded.
 * @throws TypeError if the route's path has none of this name: a bug.
 */
export function parameter(call: Call, name: string): string {
  const value = call.context.req.param(name)
  if (value === undefined) throw new TypeError(`the route has no parameter ${name}`)
  return value
}

export function json(
  body: object,
  status: 200 | 201 | 202 | 503 = 200,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return new Response(JSON.stringify(body), { status, headers: { ...headers, 'content-type': 'application/json' } })
}
