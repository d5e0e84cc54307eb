/** The provisioning service on the HTTPS port: what Azure's DPS answers to, at the same addresses. */

import { Hono } from 'hono'
import { DpsError, parseDpsPath } from '@holdfast/dps'
import type { HttpEnvironment } from '../environment.ts'
import { guard } from '../guard.ts'
import { explain } from '../management/refusals.ts'
import { problemAsError, refusal } from './answer.ts'
import { answerDevice } from './device-api.ts'
import { answerService } from './service-api.ts'
import type { ProvisioningServices } from './services.ts'

/** Whether an address is the provisioning service's: whose requests the hub hands to `provisioningRoutes`. */
export function isProvisioningPath(pathname: string): boolean {
  return parseDpsPath(pathname) !== undefined
}

/**
 * Routes by `parseDpsPath` and not by patterns: the addresses are matched without case, and ids are decoded once.
 * To be handed its requests by `fetch`, as the guard asks.
 */
export function provisioningRoutes(services: ProvisioningServices): Hono<HttpEnvironment> {
  const app = new Hono<HttpEnvironment>()
  guard(app, {
    failed: services.failed,
    events: services.events,
    clock: services.clock,
    explain,
    refuse: (problem) => refusal(problemAsError(problem), services),
  })
  app.all('*', async (context, next) => {
    const path = parseDpsPath(new URL(context.req.url).pathname)
    if (path === undefined) return next()
    try {
      switch (path.kind) {
        case 'device':
          return await answerDevice(path.path, context, services)
        case 'service':
          return await answerService(path.path, context, services)
        case 'bad-id':
          throw new DpsError('bad-request', 'The id in the path has a wrong form.')
      }
    } catch (error) {
      if (error instanceof DpsError) return refusal(error, services)
      throw error
    }
  })
  return app
}
