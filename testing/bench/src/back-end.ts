/** A hub with devices that do everything, and a back end that calls it: what the rows of this issue begin with. */

import { readFileSync } from 'node:fs'
import { HubApi, LiveDevice, type LiveDeviceOptions, ServiceCaller } from '@holdfast/testing-hub'
import { OPERATIONS } from '@holdfast/throttling'
import { deviceId } from './fleet-credentials.ts'
import { eachOf, type HoldfastServer, startHoldfast } from './holdfast-server.ts'

/** Rates that no machine reaches: what is measured is the hub, not its limits. */
const BEYOND = { perSecond: 1_000_000, burst: 1_000_000_000 }
const UNTHROTTLED = Object.fromEntries(OPERATIONS.map((operation) => [operation, { hub: BEYOND, principal: BEYOND }]))

const HOSTNAME = 'localhost'
/** As back ends' HTTP clients have it by default, or less. */
const CONNECTIONS_MAX = 64

export interface BackEnd {
  readonly server: HoldfastServer
  readonly api: HubApi
  /** With the owner's policy. */
  readonly caller: ServiceCaller
  readonly authority: string
  readonly ownerKey: string
  stop(): Promise<void>
}

/** A hub without limits of throttling. */
export async function startBackEnd(scratch: string): Promise<BackEnd> {
  const server = await startHoldfast(scratch, { throttling: UNTHROTTLED })
  const api = new HubApi(server.data)
  const authority = readFileSync(server.authorityFile, 'utf8')
  const ownerKey = await api.policyKey('iothubowner')
  const caller = new ServiceCaller({
    hostname: HOSTNAME,
    httpsPort: server.httpsPort,
    authority,
    policy: 'iothubowner',
    key: ownerKey,
    connectionsMax: CONNECTIONS_MAX,
  })
  return {
    server,
    api,
    caller,
    authority,
    ownerKey,
    stop: async () => {
      caller.close()
      await server.stop()
    },
  }
}

/** Registers devices and connects them. */
export async function connectDevices(
  { api, server, authority }: BackEnd,
  count: number,
  what: Pick<LiveDeviceOptions, 'onMethod' | 'onCommand' | 'onDesired'> = {},
): Promise<readonly LiveDevice[]> {
  const devices: LiveDevice[] = []
  const address = { port: server.port, hostname: HOSTNAME, authority }
  await eachOf(count, async (index) => {
    const id = deviceId(index)
    const device = new LiveDevice({ id, key: await api.createDevice(id), server: address, ...what })
    devices[index] = device
    await device.open()
  })
  return devices
}
