/** The hub itself: its status, its data keys and its certificate. */

import { setTimeout as pause } from 'node:timers/promises'
import { type Api, OPERATIONS } from '@holdfast/api'
import { Problem } from '../../core/problem.ts'
import { actorName } from '../../people/actor.ts'
import { onePage } from './page.ts'
import { type Live, live } from './live.ts'
import { type Call, type Route, serve } from './route.ts'

const { hub, key } = OPERATIONS

/** How often a live view looks, in milliseconds. */
const LOOK_MS = 2_000

async function shownStatus({ context, services }: Pick<Call, 'context' | 'services'>): Promise<Api.Status> {
  const { caFile, ...status } = await services.status()
  // A path means nothing elsewhere, and tells of the machine.
  return context.env.peer.transport === 'local' && caFile !== undefined ? { ...status, caFile } : status
}

async function* statuses(call: Call, signal: AbortSignal): AsyncGenerator<readonly Live[]> {
  let before = ''
  while (!signal.aborted) {
    const status = await shownStatus(call)
    // The time that passes is no news.
    const news = JSON.stringify({ ...status, uptimeSeconds: 0, memory: 0 })
    if (news !== before) yield [{ data: status }]
    before = news
    await pause(LOOK_MS, undefined, { signal, ref: false }).catch(() => undefined)
  }
}

export const HUB_ROUTES: readonly Route[] = [
  serve(hub.status, shownStatus),
  serve(hub.watch, async (call) => {
    const lease = call.streams.open(call.actor)
    return live(call.context, statuses(call, lease.signal), lease)
  }),
  serve(key.list, async ({ services, query }) =>
    // Names of one length, so that their order is that of the numbers.
    onePage(
      query,
      await services.keys.list(),
      ({ epoch, purpose }) => `${purpose}.${String(epoch).padStart(10, '0')}`,
      (one) => one,
    ),
  ),
  serve(key.rotate, async ({ services, actor }) => services.keys.rotate(actorName(actor))),
  serve(key.drop, async ({ services, path: { epoch }, actor }) => {
    if (/^(?:0|[1-9][0-9]{0,9})$/.test(epoch)) return services.keys.drop(Number(epoch), actorName(actor))
    throw new Problem({
      status: 404,
      code: 'unknown-epoch',
      title: 'there is no key of this epoch',
      detail: 'list the keys for those that exist',
    })
  }),
  serve(hub.renewCertificate, async ({ services, actor }) => services.renewCertificate(actorName(actor))),
]
