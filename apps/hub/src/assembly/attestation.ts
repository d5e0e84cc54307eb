/** The attestation of what devices run. */

import type { AdmissionGates } from '@holdfast/admission'
import type { EndorsementRoots } from '@holdfast/attestation'
import type { Storage } from '../core/storage.ts'
import { AttestationOffice } from '../trust/attestation-office.ts'
import type { SupplyService } from '../trust/supply/supply-service.ts'
import type { Ground } from './ground.ts'
import type { Identities } from './identities.ts'

export interface AttestationNeeds {
  readonly state: Storage['state']
  readonly identities: Pick<Identities, 'registry' | 'keyRegister'>
  readonly gates: AdmissionGates
  readonly supply: SupplyService
  readonly endorsementRoots: EndorsementRoots
}

export async function openAttestation(ground: Ground, needs: AttestationNeeds): Promise<AttestationOffice> {
  const { clock, random, events, damaged } = ground
  const { state, identities, gates, supply, endorsementRoots } = needs
  return AttestationOffice.open({
    store: state,
    clock,
    random,
    acts: events.sink,
    events: events.frequent,
    gates: supply.before(gates),
    registry: identities.registry,
    models: {
      modelOf: (deviceId) => supply.modelOf(deviceId),
      policyOf: (deviceId) => supply.attestationPolicyOf(deviceId),
      load: (key) => supply.load(key),
    },
    vouch: async (endorsementKey, certificates) => endorsementRoots.vouch(endorsementKey, certificates),
    keys: identities.keyRegister,
    damaged,
  })
}
