/** Device identities: create, update, get, list, delete (azure-iot.md §8). */

import { PAGE_ITEMS_MAX } from '@holdfast/identity'
import { get, list, put, remove } from './identity-calls.ts'
import { identityOf } from './request.ts'
import type { HubCall, HubRoute } from './routes.ts'

const DEVICE = '/devices/:device'

export const DEVICE_ROUTES: readonly HubRoute[] = [
  { method: 'GET', path: '/devices', rights: ['RegistryRead'], answer: listDevices },
  { method: 'GET', path: DEVICE, rights: ['RegistryRead'], answer: (call) => get(call, identityOf(call)) },
  { method: 'PUT', path: DEVICE, rights: ['RegistryWrite'], answer: (call) => put(call, identityOf(call)) },
  { method: 'DELETE', path: DEVICE, rights: ['RegistryWrite'], answer: (call) => remove(call, identityOf(call)) },
]

/** The first devices by id; there is no next page, for that there are queries. */
async function listDevices(call: HubCall): Promise<Response> {
  const { registry } = call.services
  return list(call, await registry.listDevices({ limit: limitOf(call.context.req.query('top')) }))
}

/** As Azure documents it, any value outside of the range is taken for the largest. */
function limitOf(top: string | undefined): number {
  const value = top !== undefined && /^[0-9]{1,4}$/.test(top) ? Number(top) : 0
  return value >= 1 && value <= PAGE_ITEMS_MAX ? value : PAGE_ITEMS_MAX
}
