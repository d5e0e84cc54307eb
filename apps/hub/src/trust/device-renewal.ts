/** Renewal of devices' certificates: offered in their twins, and asked for over MQTT. */

import { CredentialError } from '@holdfast/credentials'
import { type IdentityKey, identitySubject } from '@holdfast/identity'
import type { DeviceCertificatesParts } from '../core/device-certificates.ts'
import type { Standing } from '../core/lanes.ts'
import type { DeviceCredentials } from './device-credentials.ts'
import { RenewalOffers, type RenewalOffersParts } from './renewal-offers.ts'

export interface DeviceRenewalParts extends RenewalOffersParts {
  readonly credentials: Pick<DeviceCredentials, 'service' | 'issued'>
}

/** How often what has come due is offered, in milliseconds: certificates may live for minutes. */
const OFFER_MS = 5_000

export class DeviceRenewal {
  readonly #timer: NodeJS.Timeout

  constructor(parts: DeviceRenewalParts) {
    const offers = new RenewalOffers(parts)
    parts.credentials.issued.subscribe((news, record) => offers.told(news, record))
    this.#timer = setInterval(() => void offers.run(), OFFER_MS)
    this.#timer.unref()
  }

  end(): void {
    clearInterval(this.#timer)
  }
}

/**
 * Certificates for devices that are connected by MQTT. What they showed in the handshake is renewed if the hub issued it;
 * who came by another credential gets a first one.
 */
export function certificatesOverMqtt(
  service: DeviceCredentials['service'],
  standingOf: (key: IdentityKey) => Standing | undefined,
): Pick<DeviceCertificatesParts, 'mayRenew' | 'issue'> {
  return {
    mayRenew: (key) => standingOf(key)?.mayRenew === true,
    issue: async (key, request) => {
      const facts = standingOf(key)?.facts
      if (facts === undefined) throw new CredentialError('identity-missing', 'the device has gone meanwhile')
      const { basis, generationId } = facts
      // Its holder may speak for every device. A certificate would outlive it, and shut the device itself out.
      if (basis.kind === 'policy') {
        throw new CredentialError('wrong-authentication', "a policy gets no certificates; come by the device's own key")
      }
      const wish = { request, proved: { generationId }, actor: identitySubject(key), via: 'mqtt' } as const
      const { chain } = await (basis.kind === 'issued'
        ? service.renew({ ...wish, sha256: basis.sha256 })
        : service.issue({ ...wish, key }))
      return chain
    },
  }
}
