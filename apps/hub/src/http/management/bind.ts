/** Routes on an application: who asks, whether they may, and how often. One way for every route of `/api/v1`. */

import type { Hono } from 'hono'
import type { HttpEnvironment } from '../environment.ts'
import type { TwoPersonRule } from '../../people/two-person-rule.ts'
import { limitHeaders, operationOf, throttleService } from '../throttled.ts'
import { actorName } from '../../people/actor.ts'
import { type AuthorizationServices, authorizeOperation } from './authorize.ts'
import type { Idempotency } from './idempotency.ts'
import type { OpenStreams } from './open-streams.ts'
import type { Performable, Route } from './route.ts'
import type { ManagementServices } from './services.ts'

export type BindServices = AuthorizationServices & Pick<ManagementServices, 'throttling'>

/** What every path begins with; behind it devices are named as at Azure's addresses. */
const API = '/api/v1'

/** @throws TypeError if a route asks for no right: nothing is served then. */
export function bindRoutes<S extends BindServices>(
  app: Hono<HttpEnvironment>,
  routes: readonly Route<S>[],
  hub: {
    readonly services: S
    readonly streams: OpenStreams
    readonly idempotency?: Idempotency | undefined
    readonly twoPerson?: TwoPersonRule | undefined
    readonly elsewhere?: readonly Performable[] | undefined
  },
): void {
  const { services } = hub
  for (const { method, path, rights, answer, operation } of routes) {
    if (rights.length === 0) throw new TypeError(`the route ${method} ${path} asks for no right`)
    app.on(method, path, async (context) => {
      const { actor, reach } = await authorizeOperation(context, services, operation)
      const counted = operationOf(method, path.slice(API.length)).operation
      throttleService(services.throttling, actor, counted)
      const response = await answer({ context, ...hub, actor, reach })
      if (actor.kind === 'local') return response
      const limits = limitHeaders(services.throttling, actorName(actor), counted)
      for (const [name, value] of Object.entries(limits)) response.headers.set(name, value)
      return response
    })
  }
}
