/** Provisioning, and the makers of TPMs it believes. */

import type { AdmissionGates } from '@holdfast/admission'
import { EndorsementRoots } from '@holdfast/attestation'
import { FailureThrottle } from '@holdfast/identity'
import { pkiRules, Provisioning, registryDirectory } from '@holdfast/provisioning'
import { systemSeedSource } from '@holdfast/tpm-device'
import type { Twins } from '@holdfast/twins'
import type { Desk } from '../core/desk.ts'
import type { Storage } from '../core/storage.ts'
import { mayBeIssued, registrationCertificates } from '../trust/device-credentials.ts'
import type { SupplyService } from '../trust/supply/supply-service.ts'
import type { Ground } from './ground.ts'
import type { Identities } from './identities.ts'

export interface ProvisioningNeeds {
  readonly state: Storage['state']
  readonly identities: Identities
  readonly twins: Twins
  readonly idScope: string
  readonly gates: AdmissionGates
  readonly supply: SupplyService
  readonly desk: () => Desk
}

export interface Provisioned {
  readonly endorsementRoots: EndorsementRoots
  readonly provisioning: Provisioning
}

export async function openProvisioning(ground: Ground, needs: ProvisioningNeeds): Promise<Provisioned> {
  const { settings, clock, random, events, damaged } = ground
  const { state, twins, idScope, gates, supply, desk } = needs
  const { registry, credentials, revocationLists } = needs.identities
  const endorsementRoots = await EndorsementRoots.open({ store: state, clock, damaged })
  const provisioning = new Provisioning({
    tpm: {
      seeds: systemSeedSource,
      vouch: async (endorsementKey, certificates) => endorsementRoots.vouch(endorsementKey, certificates),
      requireEndorsementCertificate: settings.requireEndorsementCertificate,
      keyUse: state,
    },
    supply: supply.rules,
    clock,
    random,
    events: events.sink,
    hostNames: settings.hostnames,
    idScope,
    store: state,
    devices: {
      ...registryDirectory(registry, (cuts) => desk().cutOff(cuts)),
      writeTwin: async (deviceId, initial) => {
        await twins.reset({ deviceId }, initial, 'hub')
      },
    },
    issuing: registrationCertificates(credentials.service, (key) => mayBeIssued(gates, registry, clock, key)),
    certificates: pkiRules(revocationLists),
    throttle: new FailureThrottle(),
  })
  return { endorsementRoots, provisioning }
}
