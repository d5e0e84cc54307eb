/** The desk where connections of devices are decided, and who is told of devices there. */

import type { AdmissionGates } from '@holdfast/admission'
import type { Provisioning } from '@holdfast/provisioning'
import { Desk } from '../core/desk.ts'
import type { DeviceServices } from '../core/device-services.ts'
import type { Fronts } from '../core/fronts.ts'
import type { Storage } from '../core/storage.ts'
import { mqttProvisioning } from '../http/provisioning/index.ts'
import type { AttestationOffice } from '../trust/attestation-office.ts'
import type { MasqueradeOffice } from '../trust/masquerade/masquerade-office.ts'
import type { SupplyService } from '../trust/supply/supply-service.ts'
import type { Ground } from './ground.ts'
import type { Identities } from './identities.ts'

export interface DeskNeeds {
  readonly state: Storage['state']
  readonly identities: Pick<Identities, 'authenticator' | 'authorityOffice'>
  readonly services: DeviceServices
  readonly gates: AdmissionGates
  readonly provisioning: Provisioning
  readonly masquerade: MasqueradeOffice
  readonly attestation: AttestationOffice
  readonly supply: SupplyService
  readonly fronts: () => Fronts
}

export function openDesk(ground: Ground, needs: DeskNeeds): Desk {
  const { clock, random, events, fault, requestFailed } = ground
  const { state, identities, services, gates, provisioning, masquerade, attestation, supply, fronts } = needs
  return new Desk({
    authenticator: identities.authenticator,
    gates,
    provisioning,
    answerProvisioning: mqttProvisioning(provisioning, {
      clock,
      random,
      durable: () => events.durable(),
      failed: requestFailed,
    }),
    sessions: state,
    clock,
    events: events.throttled,
    durable: () => events.durable(),
    toFront: (front, message) => fronts().send(front, message),
    handlers: [
      masquerade.handlers,
      ...services.handlers,
      attestation.handlers,
      supply.handlers,
      identities.authorityOffice.witness,
    ],
    fault,
  })
}
