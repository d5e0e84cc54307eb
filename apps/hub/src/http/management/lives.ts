/** Lives of devices: their state, their model, their owner, and their end. */

import { type Api, SupplyApi } from '@holdfast/api'
import { formatTimestamp } from '@holdfast/base'
import type { DeviceLife, Tombstone } from '@holdfast/supply'
import { readJson } from '../json-body.ts'
import { readQuery, text, wholeNumber } from '../query.ts'
import { actorName, mayAll, OWNER, withoutRights } from './actor.ts'
import { historyPage } from './history-page.ts'
import { PAGE_ITEMS, PAGE_ITEMS_MAX } from './page.ts'
import { type Call, json, parameter, type Route } from './route.ts'

const LIFE = '/api/v1/devices/:device/life'
const TRANSFER = '/api/v1/devices/:device/transfer'

export const LIFE_ROUTES: readonly Route[] = [
  { method: 'GET', path: LIFE, rights: ['RegistryRead'], answer: show },
  { method: 'GET', path: `${LIFE}/history`, rights: ['RegistryRead'], answer: history },
  { method: 'POST', path: `${LIFE}/model`, rights: ['RegistryWrite'], answer: assign },
  { method: 'POST', path: `${LIFE}/commission`, rights: ['RegistryWrite'], answer: commission },
  { method: 'POST', path: `${LIFE}/retire`, rights: ['RegistryWrite'], answer: retire },
  { method: 'POST', path: TRANSFER, rights: ['RegistryWrite'], answer: offer },
  { method: 'DELETE', path: TRANSFER, rights: ['RegistryWrite'], answer: withdraw },
  { method: 'POST', path: '/api/v1/transfers/accept', rights: ['RegistryWrite'], answer: accept },
  { method: 'GET', path: '/api/v1/tombstones', rights: ['RegistryRead'], answer: tombstones },
]

async function show(call: Call): Promise<Response> {
  readQuery(call.context, {})
  const { supply } = call.services
  const deviceId = parameter(call, 'device')
  const life = await supply.lives.read(deviceId)
  const transfer = await supply.transfers.read(deviceId)
  return json({ ...lifeJson(life), ...(transfer === undefined ? {} : { offeredTo: transfer.to }) })
}

async function history(call: Call): Promise<Response> {
  return historyPage(call, `device/${parameter(call, 'device')}`)
}

async function assign(call: Call): Promise<Response> {
  const { model, hardwareRevision } = await readJson(call.context, SupplyApi.ModelAssignment)
  const facts = { model, ...(hardwareRevision === undefined ? {} : { hardwareRevision }) }
  return json(
    lifeJson(await call.services.supply.lives.assign(parameter(call, 'device'), facts, actorName(call.actor))),
  )
}

async function commission(call: Call): Promise<Response> {
  const { reason = '' } = await readJson(call.context, SupplyApi.Reason)
  const { lives } = call.services.supply
  return json(lifeJson(await lives.commission(parameter(call, 'device'), reason, actorName(call.actor))))
}

async function retire(call: Call): Promise<Response> {
  const { reason = '', shred = false } = await readJson(call.context, SupplyApi.Retirement)
  const { services, actor } = call
  const deviceId = parameter(call, 'device')
  // It reaches past the device, to keys: as shredding by itself does.
  if (shred && !mayAll(actor, OWNER)) throw withoutRights(actorName(actor), OWNER)
  const tombstone = await services.supply.retirements.retire(deviceId, reason, actorName(actor))
  if (shred) await services.shredder.shred(deviceId, true, actorName(actor))
  return json(tombstoneJson(tombstone))
}

async function offer(call: Call): Promise<Response> {
  const { to, clearTags = false } = await readJson(call.context, SupplyApi.TransferOffer)
  const { transfers } = call.services.supply
  const actor = actorName(call.actor)
  const { code, transfer } = await transfers.offer(parameter(call, 'device'), { to, clearsTags: clearTags }, actor)
  const offered: SupplyApi.Offered = {
    deviceId: transfer.deviceId,
    ...(transfer.from === undefined ? {} : { from: transfer.from }),
    to,
    code,
    expires: formatTimestamp(transfer.expires),
    clearTags,
  }
  return json(offered, 201)
}

async function withdraw(call: Call): Promise<Response> {
  await call.services.supply.transfers.withdraw(parameter(call, 'device'), actorName(call.actor))
  return new Response(null, { status: 204 })
}

async function accept(call: Call): Promise<Response> {
  const { code } = await readJson(call.context, SupplyApi.Acceptance)
  return json(lifeJson(await call.services.supply.transfers.accept(code, actorName(call.actor))))
}

async function tombstones(call: Call): Promise<Response> {
  const {
    after = 0,
    limit = PAGE_ITEMS,
    device: deviceId,
  } = readQuery(call.context, {
    after: wholeNumber(0, Number.MAX_SAFE_INTEGER),
    limit: wholeNumber(1, PAGE_ITEMS_MAX),
    device: text(128),
  })
  const page = { after, limit, ...(deviceId === undefined ? {} : { deviceId }) }
  const found = await call.services.supply.store.listTombstones(page)
  const last = found.length < limit ? undefined : found.at(-1)
  const answer: Api.Page<SupplyApi.Tombstone> = {
    items: found.map(({ sequence, ...tombstone }) => ({ sequence, ...tombstoneJson(tombstone) })),
    ...(last === undefined ? {} : { next: String(last.sequence) }),
  }
  return json(answer)
}

function lifeJson(life: DeviceLife): SupplyApi.Life {
  const { before: _before, keyKind: _keyKind, since, generationId = '', ...rest } = life
  return { ...rest, generationId, since: formatTimestamp(since) }
}

function tombstoneJson({ at, keys, ...rest }: Tombstone): SupplyApi.Tombstone {
  return { ...rest, at: formatTimestamp(at), keys: keys.map((key) => ({ ...key })) }
}
