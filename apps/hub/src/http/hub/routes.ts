/** A route of the hub's REST interface as data, and how a request finds its route. */

import type { Context } from 'hono'
import type { HttpEnvironment } from '../environment.ts'
import type { Actor, Requirement } from '../../people/actor.ts'
import { HubError } from './errors.ts'
import type { HubServices } from './services.ts'

export type HubMethod = 'GET' | 'PUT' | 'POST' | 'PATCH' | 'DELETE'

/** A request whose sender was found to have the route's rights, and whose `api-version` is one. */
export interface HubCall {
  readonly context: Context<HttpEnvironment>
  readonly services: HubServices
  readonly actor: Actor
  /** What stands in the path for the route's `:names`, decoded once; not checked. `request.ts` reads ids from it. */
  readonly parameters: ReadonlyMap<string, string>
}

export interface HubRoute {
  readonly method: HubMethod
  /** From the root; `:name` stands for one segment. Compared without case, a slash at the end does not count. */
  readonly path: `/${string}`
  /** Every one of these is asked for. There is no route without one. */
  readonly rights: Requirement
  /** Answers, or throws a HubError or any error that `refusals.ts` knows. */
  readonly answer: (call: HubCall) => Promise<Response>
}

export interface Match {
  readonly route: HubRoute
  readonly parameters: ReadonlyMap<string, string>
}

interface Compiled {
  readonly route: HubRoute
  readonly segments: readonly string[]
  readonly literals: number
}

/** Segments of a path that are looked at; the longest route has seven. */
const SEGMENTS_MAX = 16

export class RouteTable {
  readonly #routes: readonly Compiled[]
  readonly #roots: ReadonlySet<string>

  /** @throws TypeError for two routes of one method and path, or a route without a right: nothing is served then. */
  constructor(routes: readonly HubRoute[]) {
    this.#routes = routes.map((route) => {
      const segments = route.path.slice(1).split('/')
      return { route, segments, literals: segments.filter((segment) => !segment.startsWith(':')).length }
    })
    this.#roots = new Set(this.#routes.map(({ segments }) => (segments[0] ?? '').toLowerCase()))
    const seen = new Set<string>()
    for (const { method, path, rights } of routes) {
      const name = `${method} ${path.toLowerCase().replaceAll(/:[^/]+/g, ':')}`
      if (rights.length === 0) throw new TypeError(`the route ${name} asks for no right`)
      if (seen.has(name)) throw new TypeError(`the route ${name} stands twice`)
      seen.add(name)
    }
  }

  /** Whether a path is under one of the first segments of the routes: whose requests are answered here. */
  owns(pathname: string): boolean {
    const [first = ''] = segmentsOf(pathname)
    return this.#roots.has(first.toLowerCase())
  }

  /**
   * The route of a request. Of two that fit, the one with more words of its own is taken: `POST /devices/query` is the
   * query, `PUT /devices/query` a device of that name.
   * @throws HubError `GenericNotFound`, `GenericMethodNotAllowed` (with `Allow`), `ArgumentInvalid` for bad escapes.
   */
  match(method: string, pathname: string): Match {
    const segments = segmentsOf(pathname)
    const fitting = this.#routes.filter((route) => fits(route.segments, segments))
    if (fitting.length === 0) throw new HubError('GenericNotFound', 'Nothing is served at this address.')
    const [best] = fitting.filter(({ route }) => route.method === method).toSorted((a, b) => b.literals - a.literals)
    if (best === undefined) {
      const allowed = [...new Set(fitting.map(({ route }) => route.method))].join(', ')
      throw new HubError('GenericMethodNotAllowed', `This address takes ${allowed}.`, { headers: { allow: allowed } })
    }
    const parameters = new Map<string, string>()
    for (const [at, pattern] of best.segments.entries()) {
      if (pattern.startsWith(':')) parameters.set(pattern.slice(1), decoded(segments[at] ?? ''))
    }
    return { route: best.route, parameters }
  }
}

/** Without the empty ones: SDKs write `/devices/` and `/files/?`. */
function segmentsOf(pathname: string): readonly string[] {
  return pathname
    .split('/', SEGMENTS_MAX * 2)
    .filter((segment) => segment !== '')
    .slice(0, SEGMENTS_MAX)
}

function fits(patterns: readonly string[], segments: readonly string[]): boolean {
  return (
    patterns.length === segments.length &&
    patterns.every((pattern, at) => pattern.startsWith(':') || pattern.toLowerCase() === segments[at]?.toLowerCase())
  )
}

/** Once: what is still escaped after that is part of the id, for an id may hold a `%`. */
function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    throw new HubError('ArgumentInvalid', 'The address holds an escape that is none.')
  }
}
