/**
 * The log as anybody may see it (C2SP tlog-tiles): checkpoint, tiles of hashes, and leaves, which say of an event what it was
 * and when, and nothing of who and whom. Answers are the same for everybody; how often is bounded for all together.
 */

import type { AuditStore } from '@holdfast/store'
import type { WebApplication } from '@holdfast/node'
import { parseTilePath, TILE_WIDTH, type TileResource } from '@holdfast/tlog'
import { Hono } from 'hono'
import type { HttpEnvironment } from './environment.ts'
import { guard, type GuardOptions } from './guard.ts'
import { keepable, withKeeping } from './kept-answers.ts'
import { Problem } from '../core/problem.ts'

export interface TlogServices extends Pick<GuardOptions, 'failed' | 'events' | 'explain'> {
  readonly clock: NonNullable<GuardOptions['clock']>
  /** Absent: the log is not on disk. */
  readonly audit?: {
    readonly tiles: Pick<AuditStore, 'readAuditTile' | 'readAuditLeaves'>
    head(): Promise<{ readonly checkpoint: { readonly note: string } | undefined }>
  }
}

const PREFIX = '/tlog/'
/** Requests of all together, a second: a monitor that starts reads 256 entries with each. */
const REQUESTS_PER_SECOND = 500
/** Full tiles never change. */
const KEEP_FULL = 'public, max-age=31536000, immutable'
/** A partial tile is the same for as long as it is served. */
const KEEP_PARTIAL = 'public, max-age=60'

export function isTlogPath(path: string): boolean {
  return path.startsWith(PREFIX)
}

export function tlogRoutes(services: TlogServices): WebApplication {
  const app = new Hono<HttpEnvironment>()
  const allow = perSecond(REQUESTS_PER_SECOND, () => services.clock.monotonic())
  guard(app, services)
  app.get(`${PREFIX}*`, async ({ req }) => {
    if (!allow()) throw busy()
    const path = new URL(req.url).pathname.slice(PREFIX.length)
    const { audit } = services
    if (audit === undefined) throw nothing()
    if (path === 'checkpoint') {
      const { checkpoint } = await audit.head()
      if (checkpoint === undefined) throw nothing()
      return new Response(checkpoint.note, { headers: { 'content-type': 'text/plain; charset=utf-8' } })
    }
    const tile = parseTilePath(path)
    const bytes = tile && (await read(audit.tiles, tile))
    if (tile === undefined || bytes === undefined) throw nothing()
    return keepable(
      new Response(new Uint8Array(bytes), { headers: { 'content-type': 'application/octet-stream' } }),
      tile.width === TILE_WIDTH ? KEEP_FULL : KEEP_PARTIAL,
    )
  })
  return withKeeping(app)
}

function read(
  store: Pick<AuditStore, 'readAuditTile' | 'readAuditLeaves'>,
  tile: TileResource,
): Promise<Uint8Array | undefined> {
  return tile.kind === 'tile' ? store.readAuditTile(tile) : store.readAuditLeaves(tile)
}

function perSecond(most: number, now: () => number): () => boolean {
  let second = -1
  let count = 0
  return () => {
    const current = Math.floor(now() / 1_000)
    if (current !== second) [second, count] = [current, 0]
    count += 1
    return count <= most
  }
}

function busy(): Problem {
  return new Problem({
    status: 429,
    code: 'throttled',
    title: 'the log is read by too many at once',
    detail: 'try again in a second; full tiles never change and may be kept for good',
    headers: { 'retry-after': '1' },
  })
}

function nothing(): Problem {
  return new Problem({
    status: 404,
    code: 'no-such-address',
    title: 'the log has nothing at this address',
    detail: 'read the checkpoint first, and then tiles within its size',
  })
}
