/** What serves devices beyond telemetry. */

import type { Registry } from '@holdfast/identity'
import type { Desk } from '../core/desk.ts'
import { DeviceServices } from '../core/device-services.ts'
import type { Storage } from '../core/storage.ts'
import type { DeviceCredentials } from '../trust/device-credentials.ts'
import { certificatesOverMqtt } from '../trust/device-renewal.ts'
import type { MasqueradeOffice } from '../trust/masquerade/masquerade-office.ts'
import type { Ground } from './ground.ts'

export interface DeviceServiceNeeds {
  readonly state: Storage['state']
  readonly registry: Registry
  readonly credentials: DeviceCredentials
  readonly desk: () => Desk
  readonly masquerade: () => MasqueradeOffice
}

export async function openDeviceServices(ground: Ground, needs: DeviceServiceNeeds): Promise<DeviceServices> {
  const { settings, folder, clock, random, events, fault } = ground
  const { state, registry, credentials, desk, masquerade } = needs
  return DeviceServices.open({
    settings,
    state,
    blobs: folder.at('blobs'),
    registry,
    clock,
    random,
    events,
    publish: (key, publication) => desk().publish(key, publication),
    laneOf: (key) => desk().laneOf(key),
    mayUpload: (deviceId) => masquerade().quarantine.find({ deviceId }) === undefined,
    vetReport: (key, patch) => masquerade().vet(key, patch),
    certificates: certificatesOverMqtt(credentials.service, (key) => desk().standingOf(key)),
    fault,
  })
}
