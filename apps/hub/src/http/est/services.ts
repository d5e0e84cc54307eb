/** What the routes of EST need of the hub. */

import type { CredentialService, HubIssuer } from '@holdfast/credentials'
import type { DeviceServices } from '../device/services.ts'

export interface EstServices
  extends Pick<
    DeviceServices,
    'clock' | 'random' | 'failed' | 'throttling' | 'events' | 'authenticator' | 'active' | 'gates'
  > {
  readonly credentials: CredentialService
  readonly issuer: Pick<HubIssuer, 'issuers'> & { readonly roots: HubIssuer['issuers'] }
}
