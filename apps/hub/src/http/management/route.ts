/** A route as data: what it answers to, which rights it asks for, and what it does for whoever has them. */

import type { Context } from 'hono'
import type { HttpEnvironment } from '../environment.ts'
import type { Actor, Requirement } from './actor.ts'
import type { OpenStreams } from './open-streams.ts'
import type { ManagementServices } from './services.ts'

export interface Call {
  readonly context: Context<HttpEnvironment>
  readonly services: ManagementServices
  readonly streams: OpenStreams
  readonly actor: Actor
}

export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** In Hono's form, from the root. */
  readonly path: `/api/v1/${string}`
  /** There is no route without one: the compiler asks for it, and `managementRoutes` does when it starts. */
  readonly rights: Requirement
  readonly answer: (call: Call) => Promise<Response>
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
  status: 200 | 201 | 503 = 200,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return new Response(JSON.stringify(body), { status, headers: { ...headers, 'content-type': 'application/json' } })
}
