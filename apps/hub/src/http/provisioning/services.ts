/** What the provisioning routes need of the hub. */

import type { Provisioning, RandomBytes } from '@holdfast/provisioning'
import type { ManagementServices } from '../management/services.ts'

export interface ProvisioningServices
  extends Pick<ManagementServices, 'clock' | 'policies' | 'throttling' | 'events' | 'failed'> {
  readonly provisioning: Provisioning
  readonly random: RandomBytes
}
