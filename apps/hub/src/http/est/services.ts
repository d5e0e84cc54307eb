/** What the routes of EST need of the hub. */

import type { CredentialService, HubIssuer } from '@holdfast/credentials'
import type { IdentityKey } from '@holdfast/identity'
import type { Provisioning } from '@holdfast/provisioning'
import type { DeviceServices } from '../device/services.ts'

export interface EstServices
  extends Pick<
    DeviceServices,
    'clock' | 'random' | 'failed' | 'throttling' | 'events' | 'authenticator' | 'active' | 'gates'
  > {
  readonly credentials: CredentialService
  readonly provisioning: Pick<Provisioning, 'registerAndWait'>
  readonly issuer: Pick<HubIssuer, 'issuers'> & {
    readonly roots: HubIssuer['issuers']
    /** The root to come, as the one before it vouches for it. */
    readonly crossCertificates: HubIssuer['issuers']
    /** Undefined unless authorities roll over. */
    readonly rollover: object | undefined
  }
  /** A device has been given the roots while they roll over. */
  readonly rootsFetched: (key: IdentityKey) => void
}
