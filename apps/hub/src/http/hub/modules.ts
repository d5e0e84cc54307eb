/** Module identities of a device (azure-iot.md §8). */

import { get, list, put, remove } from './identity-calls.ts'
import { identityOf } from './request.ts'
import type { HubCall, HubRoute } from './routes.ts'

const MODULES = '/devices/:device/modules'
const MODULE = `${MODULES}/:module` as const

export const MODULE_ROUTES: readonly HubRoute[] = [
  { method: 'GET', path: MODULES, rights: ['RegistryRead'], answer: listModules },
  { method: 'GET', path: MODULE, rights: ['RegistryRead'], answer: (call) => get(call, identityOf(call)) },
  { method: 'PUT', path: MODULE, rights: ['RegistryWrite'], answer: (call) => put(call, identityOf(call)) },
  { method: 'DELETE', path: MODULE, rights: ['RegistryWrite'], answer: (call) => remove(call, identityOf(call)) },
]

/** All of them: a device has few. */
async function listModules(call: HubCall): Promise<Response> {
  return list(call, await call.services.registry.listModules(identityOf(call).deviceId))
}
