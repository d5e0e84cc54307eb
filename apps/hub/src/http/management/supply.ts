/** Manufacturers, manifests, owners and claims. A manifest itself comes in by `manifest-upload.ts`. */

import { OPERATIONS, type SupplyApi } from '@holdfast/api'
import { formatTimestamp } from '@holdfast/base'
import { digestOf, type ManifestRecord, type Manufacturer, type Owner, type SupplyEntry } from '@holdfast/supply'
import { badRequest, Problem } from '../../core/problem.ts'
import { actorName } from '../../people/actor.ts'
import { historyPage } from './history-page.ts'
import { cutPage, onePage, PAGE_ITEMS } from './page.ts'
import { type Asked, type Route, serve } from './route.ts'

const { manifest, manufacturer: manufacturers, owner: owners, supply } = OPERATIONS

const DIGEST = /^[0-9A-F]{64}$/

export const SUPPLY_ROUTES: readonly Route[] = [
  serve(manufacturers.list, async ({ services, query }) =>
    onePage(query, services.supply.manufacturers.list(), ({ name }) => name, manufacturerJson),
  ),
  serve(manufacturers.add, async ({ services, body: { name, publicKey }, actor }) =>
    manufacturerJson(await services.supply.manufacturers.add(name, publicKey, actorName(actor))),
  ),
  serve(manufacturers.remove, async ({ services, path, actor }) => {
    await services.supply.manufacturers.remove(path.name, actorName(actor))
    return undefined
  }),
  serve(manifest.list, async ({ services, query: { after = '', limit = PAGE_ITEMS } }) =>
    cutPage(await services.supply.store.listManifests({ after, limit }), limit, ({ sha256 }) => sha256, manifestJson),
  ),
  serve(manifest.show, async ({ services, path }) => {
    const sha256 = path.sha256.toUpperCase()
    const record = DIGEST.test(sha256) ? await services.supply.store.readManifest(sha256) : undefined
    if (record !== undefined) return manifestJson(record)
    throw missing('no manifest of this digest was imported', 'list the manifests for those that were')
  }),
  serve(supply.list, async ({ services, query: { after = '', limit = PAGE_ITEMS, ...filter } }) =>
    cutPage(
      await services.supply.store.listEntries({ after, limit, ...filter }),
      limit,
      ({ manufacturer, serial }) => `${manufacturer} ${serial}`,
      entryJson,
    ),
  ),
  serve(supply.show, async ({ services, path }) => {
    const entry = await services.supply.store.readEntry(path.manufacturer, path.serial)
    if (entry !== undefined) return entryJson(entry)
    throw missing('no manifest has this serial number', 'check manufacturer and serial number')
  }),
  serve(supply.history, async (call) => historyPage(call, `supply/${call.path.manufacturer}/${call.path.serial}`)),
  serve(supply.claim, claim),
  serve(owners.list, async ({ services, query: { after = '', limit = PAGE_ITEMS } }) =>
    cutPage(await services.supply.owners.list({ after, limit }), limit, ({ name }) => name, ownerJson),
  ),
  serve(owners.add, async ({ services, body, actor }) =>
    ownerJson(await services.supply.owners.add(body.name, actorName(actor))),
  ),
  serve(owners.remove, async ({ services, path, actor }) => {
    await services.supply.owners.remove(path.name, actorName(actor))
    return undefined
  }),
]

async function claim({ services, body, actor }: Asked<typeof supply.claim>): Promise<SupplyApi.SupplyEntry> {
  const { code, serial, manufacturer, owner, registrationId } = body
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
  return entryJson(await services.supply.claims.claim(request, actorName(actor)))
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
