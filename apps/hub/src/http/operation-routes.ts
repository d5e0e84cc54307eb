/** What machines that watch the hub ask: is it alive, is it ready, what does it count. */

import { Hono } from 'hono'
import type { HttpEnvironment } from './environment.ts'
import { guard, type GuardOptions } from './guard.ts'
import { json } from './management/route.ts'
import { Problem } from '../core/problem.ts'

export interface OperationServices extends Pick<GuardOptions, 'failed' | 'events' | 'clock'> {
  /** Why telemetry is not taken just now; empty when all is well. */
  readonly conditions: () => readonly { readonly code: string; readonly detail: string }[]
  readonly metrics: {
    render(): Promise<{ readonly text: string; readonly contentType: string }>
    /** Whether others than the local socket may read them. */
    readonly isPublic: boolean
  }
}

export function operationRoutes(services: OperationServices): Hono<HttpEnvironment> {
  const app = new Hono<HttpEnvironment>()
  guard(app, services)
  app.get('/health/live', () => json({ status: 'live' }))
  app.get('/health/ready', ({ env }) => {
    const conditions = services.conditions()
    // Details are for those who operate the hub; others learn what a load balancer needs.
    const detail = env.peer.transport === 'local' ? { conditions } : {}
    return json(
      { status: conditions.length === 0 ? 'ready' : 'degraded', ...detail },
      conditions.length === 0 ? 200 : 503,
    )
  })
  app.get('/metrics', async ({ env }) => {
    if (env.peer.transport !== 'local' && !services.metrics.isPublic) {
      throw new Problem({
        status: 404,
        code: 'no-such-address',
        title: 'nothing is served at this address',
        detail: 'metrics are on the local socket; the setting metricsOnHttps serves them here too',
      })
    }
    const { text, contentType } = await services.metrics.render()
    return new Response(text, { headers: { 'content-type': contentType } })
  })
  return app
}
