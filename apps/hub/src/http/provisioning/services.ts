/** What the provisioning routes need of the hub. */

import type { Provisioning, RandomBytes } from '@holdfast/provisioning'
import type { ManagementServices } from '../management/services.ts'

export interface ProvisioningServices
  extends Pick<
    ManagementServices,
    | 'answers'
    | 'authorization'
    | 'clock'
    | 'events'
    | 'failed'
    | 'identifySession'
    | 'identifyToken'
    | 'people'
    | 'policies'
    | 'throttling'
  > {
  readonly provisioning: Provisioning
  readonly random: RandomBytes
}
