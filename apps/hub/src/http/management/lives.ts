/** Lives of devices: their state, their model, their owner, and their end. */

import { OPERATIONS, type SupplyApi } from '@holdfast/api'
import { formatTimestamp } from '@holdfast/base'
import type { DeviceLife, Tombstone } from '@holdfast/supply'
import { actorName, mayAll, OWNER } from '../../people/actor.ts'
import { withoutAction, withoutRights } from './authorize.ts'
import { historyPage } from './history-page.ts'
import { narrowedPage } from './page.ts'
import { type Asked, type Call, type Route, serve } from './route.ts'

const { life, transfer } = OPERATIONS

export const LIFE_ROUTES: readonly Route[] = [
  serve(life.show, async ({ services: { supply }, path }) => {
    const found = await supply.lives.read(path.id)
    const offer = await supply.transfers.read(path.id)
    return { ...lifeJson(found), ...(offer === undefined ? {} : { offeredTo: offer.to }) }
  }),
  serve(life.history, async (call) => historyPage(call, `device/${call.path.id}`)),
  serve(life.assignModel, async ({ services, path, body: { model, hardwareRevision }, actor }) => {
    const facts = { model, ...(hardwareRevision === undefined ? {} : { hardwareRevision }) }
    return lifeJson(await services.supply.lives.assign(path.id, facts, actorName(actor)))
  }),
  serve(life.commission, async ({ services, path, body: { reason = '' }, actor }) =>
    lifeJson(await services.supply.lives.commission(path.id, reason, actorName(actor))),
  ),
  serve(life.retire, retire),
  serve(transfer.offer, offer),
  serve(transfer.withdraw, async ({ services, path, actor }) => {
    await services.supply.transfers.withdraw(path.id, actorName(actor))
    return undefined
  }),
  serve(transfer.accept, async ({ services, body, actor }) =>
    lifeJson(await services.supply.transfers.accept(body.code, actorName(actor))),
  ),
  serve(life.tombstones, async ({ services, reach, query: { after, limit, device } }) =>
    narrowedPage(
      { reach, after: after === undefined ? undefined : String(after), limit },
      (page) =>
        services.supply.store.listTombstones({
          after: Number(page.after ?? 0),
          limit: page.limit,
          ...(device === undefined ? {} : { deviceId: device }),
        }),
      {
        name: ({ sequence }) => String(sequence),
        about: (tombstone) => tombstone,
        shown: ({ sequence, ...tombstone }): SupplyApi.Tombstone => ({ sequence, ...tombstoneJson(tombstone) }),
      },
    ),
  ),
]

async function retire({ services, path, body, actor }: Asked<typeof life.retire>): Promise<SupplyApi.Tombstone> {
  const { reason = '', shred = false } = body
  if (shred) await demandShredding({ services, actor }, path.id)
  const tombstone = await services.supply.retirements.retire(path.id, reason, actorName(actor))
  if (shred) await services.shredder.shred(path.id, true, actorName(actor))
  return tombstoneJson(tombstone)
}

/** It reaches past the device, to keys: as shredding by itself does. @throws Problem 403. */
async function demandShredding({ services, actor }: Pick<Call, 'services' | 'actor'>, id: string): Promise<void> {
  const { authorization } = services
  if (actor.kind === 'policy' && !mayAll(actor, OWNER)) throw withoutRights(actor.principal.name, OWNER)
  if (authorization === undefined) return
  const isAllowed = await authorization.may(actor, 'device:shred', await authorization.deviceAt(id))
  if (!isAllowed) throw withoutAction('device:shred')
}

async function offer({ services, path, body, actor }: Asked<typeof transfer.offer>): Promise<SupplyApi.Offered> {
  const { to, clearTags = false } = body
  const wish = { to, clearsTags: clearTags }
  const { code, transfer: made } = await services.supply.transfers.offer(path.id, wish, actorName(actor))
  return {
    deviceId: made.deviceId,
    ...(made.from === undefined ? {} : { from: made.from }),
    to,
    code,
    expires: formatTimestamp(made.expires),
    clearTags,
  }
}

function lifeJson(life: DeviceLife): SupplyApi.Life {
  const { before: _before, keyKind: _keyKind, since, generationId = '', ...rest } = life
  return { ...rest, generationId, since: formatTimestamp(since) }
}

function tombstoneJson({ at, keys, ...rest }: Tombstone): SupplyApi.Tombstone {
  return { ...rest, at: formatTimestamp(at), keys: keys.map((key) => ({ ...key })) }
}
