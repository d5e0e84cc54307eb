/** The supply of devices: their models, their lives and who owns them. */

import type { AdmissionGates } from '@holdfast/admission'
import type { Cut, Registry } from '@holdfast/identity'
import type { Provisioning } from '@holdfast/provisioning'
import type { Twins } from '@holdfast/twins'
import type { Storage } from '../core/storage.ts'
import { hubOwnedDevices } from '../trust/supply/owned-devices.ts'
import { SupplyService } from '../trust/supply/supply-service.ts'
import type { Ground } from './ground.ts'

export interface SupplyNeeds {
  readonly state: Storage['state']
  readonly registry: Registry
  readonly twins: Twins
  readonly gates: AdmissionGates
  readonly provisioning: () => Provisioning
  readonly cutOff: (taken: readonly Cut[]) => Promise<unknown>
}

export async function openSupply(ground: Ground, needs: SupplyNeeds): Promise<SupplyService> {
  const { settings, folder, clock, random, events, fault } = ground
  const { state, registry, twins, gates, provisioning, cutOff } = needs
  return SupplyService.open({
    store: state,
    spool: folder.at('manifests'),
    registry,
    devices: hubOwnedDevices({ registry, provisioning, twins, store: state, scrub: () => state.scrub(), cutOff }),
    hasEnrollment: async (id) => (await state.readEnrollment('individual', id)) !== undefined,
    gates,
    clock,
    random,
    events: events.sink,
    frequentEvents: events.throttled,
    claimLifeMs: settings.claimLifeMs,
    fault,
  })
}
