/** Manufacturers, manifests, owners and claims. A manifest itself comes in by `manifest-upload.ts`. */

import { SupplyApi } from '@holdfast/api'
import { formatTimestamp } from '@holdfast/base'
import { digestOf, type ManifestRecord, type Manufacturer, type Owner, type SupplyEntry } from '@holdfast/supply'
import { readJson } from '../json-body.ts'
import { badRequest, Problem } from '../problem.ts'
import { oneOf, readQuery, text, wholeNumber } from '../query.ts'
import { actorName, OWNER } from './actor.ts'
import { historyPage } from './history-page.ts'
import { onePage, PAGE_ITEMS, PAGE_ITEMS_MAX } from './page.ts'
import { type Call, json, parameter, type Route } from './route.ts'

const ENTRY = '/api/v1/supply/:manufacturer/:serial'
const DIGEST = /^[0-9A-F]{64}$/

export const SUPPLY_ROUTES: readonly Route[] = [
  { method: 'GET', path: '/api/v1/manufacturers', rights: ['RegistryRead'], answer: listManufacturers },
  // Whoever may name a key may bring in devices.
  { method: 'POST', path: '/api/v1/manufacturers', rights: OWNER, answer: addManufacturer },
  { method: 'DELETE', path: '/api/v1/manufacturers/:name', rights: OWNER, answer: removeManufacturer },
  { method: 'GET', path: '/api/v1/manifests', rights: ['RegistryRead'], answer: listManifests },
  { method: 'GET', path: '/api/v1/manifests/:sha256', rights: ['RegistryRead'], answer: showManifest },
  { method: 'GET', path: '/api/v1/supply', rights: ['RegistryRead'], answer: listEntries },
  { method: 'GET', path: ENTRY, rights: ['RegistryRead'], answer: showEntry },
  { method: 'GET', path: `${ENTRY}/history`, rights: ['RegistryRead'], answer: entryHistory },
  { method: 'POST', path: '/api/v1/claims', rights: ['RegistryWrite'], answer: claim },
  { method: 'GET', path: '/api/v1/owners', rights: ['RegistryRead'], answer: listOwners },
  { method: 'POST', path: '/api/v1/owners', rights: ['RegistryWrite'], answer: addOwner },
  { method: 'DELETE', path: '/api/v1/owners/:name', rights: ['RegistryWrite'], answer: removeOwner },
]

async function listManufacturers({ context, services }: Call): Promise<Response> {
  return json(onePage(context, services.supply.manufacturers.list(), ({ name }) => name, manufacturerJson))
}

async function addManufacturer(call: Call): Promise<Response> {
  const { name, publicKey } = await readJson(call.context, SupplyApi.ManufacturerCreate)
  return json(
    manufacturerJson(await call.services.supply.manufacturers.add(name, publicKey, actorName(call.actor))),
    201,
  )
}

async function removeManufacturer(call: Call): Promise<Response> {
  await call.services.supply.manufacturers.remove(parameter(call, 'name'), actorName(call.actor))
  return new Response(null, { status: 204 })
}

async function listManifests(call: Call): Promise<Response> {
  const { after = '', limit = PAGE_ITEMS } = readPage(call)
  const records = await call.services.supply.store.listManifests({ after, limit })
  return json(paged(records, limit, ({ sha256 }) => sha256, manifestJson))
}

async function showManifest(call: Call): Promise<Response> {
  readQuery(call.context, {})
  const sha256 = parameter(call, 'sha256').toUpperCase()
  const record = DIGEST.test(sha256) ? await call.services.supply.store.readManifest(sha256) : undefined
  if (record !== undefined) return json(manifestJson(record))
  throw missing('no manifest of this digest was imported', 'list the manifests for those that were')
}

async function listEntries(call: Call): Promise<Response> {
  const {
    after = '',
    limit = PAGE_ITEMS,
    ...filter
  } = readQuery(call.context, {
    after: text(257),
    limit: wholeNumber(1, PAGE_ITEMS_MAX),
    state: oneOf('manufactured', 'expired', 'claimed', 'provisioned', 'retired'),
    owner: text(128),
  })
  const entries = await call.services.supply.store.listEntries({ after, limit, ...filter })
  return json(paged(entries, limit, ({ manufacturer, serial }) => `${manufacturer} ${serial}`, entryJson))
}

async function showEntry(call: Call): Promise<Response> {
  readQuery(call.context, {})
  const entry = await call.services.supply.store.readEntry(parameter(call, 'manufacturer'), parameter(call, 'serial'))
  if (entry !== undefined) return json(entryJson(entry))
  throw missing('no manifest has this serial number', 'check manufacturer and serial number')
}

async function entryHistory(call: Call): Promise<Response> {
  return historyPage(call, `supply/${parameter(call, 'manufacturer')}/${parameter(call, 'serial')}`)
}

async function claim(call: Call): Promise<Response> {
  const { code, serial, manufacturer, owner, registrationId } = await readJson(call.context, SupplyApi.Claim)
  if ((code === undefined) === (serial === undefined)) {
    throw badRequest([
      { path: code === undefined ? '/code' : '/serial', message: 'give exactly one of code and serial' },
    ])
  }
  if (code !== undefined && manufacturer !== undefined) {
    throw badRequest([{ path: '/manufacturer', message: 'goes with a serial number; a code says it all' }])
  }
  const by =
    code === undefined
      ? { kind: 'serial' as const, serial: serial ?? '', ...(manufacturer === undefined ? {} : { manufacturer }) }
      : { kind: 'code' as const, code }
  const request = { by, owner, ...(registrationId === undefined ? {} : { registrationId }) }
  return json(entryJson(await call.services.supply.claims.claim(request, actorName(call.actor))), 201)
}

async function listOwners(call: Call): Promise<Response> {
  const { after = '', limit = PAGE_ITEMS } = readPage(call)
  return json(paged(await call.services.supply.owners.list({ after, limit }), limit, ({ name }) => name, ownerJson))
}

async function addOwner(call: Call): Promise<Response> {
  const { name } = await readJson(call.context, SupplyApi.OwnerCreate)
  return json(ownerJson(await call.services.supply.owners.add(name, actorName(call.actor))), 201)
}

async function removeOwner(call: Call): Promise<Response> {
  await call.services.supply.owners.remove(parameter(call, 'name'), actorName(call.actor))
  return new Response(null, { status: 204 })
}

function readPage({ context }: Call): { readonly after?: string; readonly limit?: number } {
  return readQuery(context, { after: text(256), limit: wholeNumber(1, PAGE_ITEMS_MAX) })
}

/** A page that the store has cut. */
function paged<T, U>(
  records: readonly T[],
  limit: number,
  nameOf: (record: T) => string,
  shown: (record: T) => U,
): { items: U[]; next?: string } {
  const last = records.length < limit ? undefined : records.at(-1)
  return { items: records.map(shown), ...(last === undefined ? {} : { next: nameOf(last) }) }
}

function missing(title: string, detail: string): Problem {
  return new Problem({ status: 404, code: 'missing', title, detail })
}

function manufacturerJson({ name, publicKey, addedTime }: Manufacturer): SupplyApi.Manufacturer {
  return { name, sha256: digestOf(publicKey), addedTime: formatTimestamp(addedTime) }
}

export function manifestJson(record: ManifestRecord): SupplyApi.Manifest {
  const { sha256, name, manufacturer, importedTime, actor, counts, isComplete } = record
  const at = formatTimestamp(importedTime)
  return { sha256, name, manufacturer, importedTime: at, actor, counts: { ...counts }, complete: isComplete }
}

function ownerJson({ name, addedTime }: Owner): SupplyApi.Owner {
  return { name, addedTime: formatTimestamp(addedTime) }
}

function entryJson(entry: SupplyEntry): SupplyApi.SupplyEntry {
  const { key, codeDigest, importedTime, expires, claimedTime, ...rest } = entry
  return {
    ...rest,
    key: key.kind,
    keySha256: key.digest,
    hasCode: codeDigest !== undefined,
    importedTime: formatTimestamp(importedTime),
    ...(entry.state === 'manufactured' ? { expires: formatTimestamp(expires) } : {}),
    ...(claimedTime === undefined ? {} : { claimedTime: formatTimestamp(claimedTime) }),
  }
}
