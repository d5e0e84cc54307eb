/** How many devices there are, and how many are connected (azure-iot.md §8). */

import { json } from './answer.ts'
import type { HubCall, HubRoute } from './routes.ts'

export const STATISTICS_ROUTES: readonly HubRoute[] = [
  { method: 'GET', path: '/statistics/devices', rights: ['RegistryRead'], answer: deviceStatistics },
  { method: 'GET', path: '/statistics/service', rights: ['RegistryRead'], answer: serviceStatistics },
]

async function deviceStatistics({ services }: HubCall): Promise<Response> {
  const { total, enabled } = await services.registry.countDevices()
  return json({ totalDeviceCount: total, enabledDeviceCount: enabled, disabledDeviceCount: total - enabled })
}

async function serviceStatistics({ services }: HubCall): Promise<Response> {
  return json({ connectedDeviceCount: services.connected() })
}
