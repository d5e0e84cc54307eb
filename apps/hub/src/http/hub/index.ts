/**
 * The hub's service REST interface, at Azure's addresses (azure-iot.md §8): what `azure-iothub` speaks over HTTPS.
 * A resource is a file that exports its routes; it is served by standing in `HUB_ROUTES`.
 */

import { Hono } from 'hono'
import { HubFormatError, parseApiVersion } from '@holdfast/iothub'
import type { HttpEnvironment } from '../environment.ts'
import { authorize } from '../management/authorize.ts'
import { tellRefusal } from '../told-refusals.ts'
import { operationOf, throttleService } from '../throttled.ts'
import { refusal } from './answer.ts'
import { BULK_ROUTES } from './bulk.ts'
import { COMMAND_ROUTES } from './commands.ts'
import { DEVICE_ROUTES } from './devices.ts'
import { HubError } from './errors.ts'
import { guardAsHub } from './hub-guard.ts'
import { METHOD_ROUTES } from './methods.ts'
import { MODULE_ROUTES } from './modules.ts'
import { QUERY_ROUTES } from './query.ts'
import { refusalOf } from './refusals.ts'
import { type HubRoute, RouteTable } from './routes.ts'
import type { HubServices } from './services.ts'
import { STATISTICS_ROUTES } from './statistics.ts'
import { TWIN_ROUTES } from './twins.ts'

export { HubError } from './errors.ts'
export type { HubCall, HubRoute } from './routes.ts'
export type { HubServices } from './services.ts'

/** Every route there is, one line a resource. */
export const HUB_ROUTES: readonly HubRoute[] = [
  ...DEVICE_ROUTES,
  ...BULK_ROUTES,
  ...MODULE_ROUTES,
  ...METHOD_ROUTES,
  ...COMMAND_ROUTES,
  ...STATISTICS_ROUTES,
  ...TWIN_ROUTES,
  ...QUERY_ROUTES,
]

const TABLE = new RouteTable(HUB_ROUTES)

/** Whether an address is this interface's: whose requests the hub hands to `hubRoutes`. */
export function isHubPath(pathname: string): boolean {
  return TABLE.owns(pathname)
}

/** To be handed its requests by `fetch`, as the guard asks. */
export function hubRoutes(services: HubServices): Hono<HttpEnvironment> {
  const app = new Hono<HttpEnvironment>()
  guardAsHub(app, services)
  app.all('*', async (context) => {
    let isModule = false
    try {
      const { route, parameters } = TABLE.match(context.req.method, new URL(context.req.url).pathname)
      isModule = parameters.has('module')
      const actor = await authorize(context, services, route.rights)
      checkApiVersion(context.req.query('api-version'))
      const { operation, cost } = operationOf(route.method, route.path)
      throttleService(services.throttling, actor, operation, cost)
      return await route.answer({ context, services, actor, parameters })
    } catch (error) {
      const refused = refusalOf(error, isModule)
      // What is nobody's fault but ours the guard logs, and answers without saying what it was.
      if (refused === undefined) throw error
      tellRefusal(refused.code, context, services)
      return refusal(refused, services)
    }
  })
  return app
}

/** @throws HubError `InvalidProtocolVersion`. */
function checkApiVersion(version: string | undefined): void {
  try {
    parseApiVersion(version ?? '')
  } catch (error) {
    if (!(error instanceof HubFormatError)) throw error
    const what = version === undefined ? 'The address needs a parameter api-version' : 'api-version has a wrong form'
    throw new HubError('InvalidProtocolVersion', `${what}; it is a date such as 2021-04-12.`)
  }
}
