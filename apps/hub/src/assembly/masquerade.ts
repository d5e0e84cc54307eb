/** The watch over devices that are not what they say they are, and the quarantine that supply follows. */

import type { AdmissionGates } from '@holdfast/admission'
import type { Twins } from '@holdfast/twins'
import type { Storage } from '../core/storage.ts'
import { MasqueradeOffice } from '../trust/masquerade/masquerade-office.ts'
import type { SupplyService } from '../trust/supply/supply-service.ts'
import type { Ground } from './ground.ts'

export interface MasqueradeNeeds {
  readonly state: Storage['state']
  readonly twins: Twins
  readonly gates: AdmissionGates
  readonly supply: SupplyService
}

export async function openMasquerade(ground: Ground, needs: MasqueradeNeeds): Promise<MasqueradeOffice> {
  const { settings, clock, random, events, fault } = ground
  const { state, twins, gates, supply } = needs
  const masquerade = await MasqueradeOffice.open({
    store: state,
    clock,
    random,
    scale: settings.masqueradeScale,
    throttledEvents: events.throttled,
    gates,
    twins,
    models: { policyOf: (key) => supply.connectionPolicyOf(key), load: (key) => supply.load(key) },
    fault,
  })
  supply.follow({
    list: () => masquerade.quarantine.list(),
    subscribe: (listener) => events.subscribe(listener),
  })
  return masquerade
}
