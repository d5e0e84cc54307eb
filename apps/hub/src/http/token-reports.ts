/**
 * Where anybody reports tokens that they found (`POST /api/v1/token-reports`): whoever has one may as well revoke it. The
 * answer is the same whatever was sent, so that nothing is learned by it.
 */

import { TOKEN_REPORTS_PATH, TokenApi } from '@holdfast/api'
import { addressBlock, type Clock, LruMap, TokenBucket } from '@holdfast/base'
import { Hono } from 'hono'
import type { TokenOffice } from '../people/token-office.ts'
import type { HttpEnvironment } from './environment.ts'
import { guard, type GuardOptions } from './guard.ts'
import { readJson } from './json-body.ts'
import { explain } from './management/refusals.ts'
import { json } from './management/route.ts'
import { Problem } from '../core/problem.ts'
import { readQuery } from './query.ts'

export interface TokenReportServices extends Pick<GuardOptions, 'failed'> {
  readonly clock: Clock
  readonly events: NonNullable<GuardOptions['events']>
  readonly tokens?: TokenOffice
}

/** Reports of one network address: of 100 texts each, so that a scanner's backlog passes and a flood does not. */
const REPORTS = { perSecond: 0.5, burst: 10 } as const
const ADDRESSES_MAX = 4_096

export function isTokenReport(path: string): boolean {
  return path === TOKEN_REPORTS_PATH
}

export function tokenReportRoutes(services: TokenReportServices): Hono<HttpEnvironment> {
  const app = new Hono<HttpEnvironment>()
  guard(app, { ...services, explain })
  const reporters = new LruMap<string, TokenBucket>(ADDRESSES_MAX)
  app.post(TOKEN_REPORTS_PATH, async (context) => {
    readQuery(context, {})
    const { address } = context.env.peer
    const now = services.clock.monotonic()
    const block = addressBlock(address)
    const bucket = reporters.get(block) ?? new TokenBucket(now, REPORTS)
    reporters.set(block, bucket)
    if (!bucket.take(now)) throw tooFast()
    const report = await readJson(context, TokenApi.TokenReport)
    const texts = Array.isArray(report) ? report.map(({ token }) => token) : report.tokens
    await services.tokens?.tokens.report(texts, address)
    return json({ taken: texts.length }, 202)
  })
  return app
}

function tooFast(): Problem {
  return new Problem({
    status: 429,
    code: 'throttled',
    title: 'more is reported from your address than may be',
    detail: 'send up to 100 tokens in one report, and wait some seconds between two',
    headers: { 'retry-after': '2' },
  })
}
