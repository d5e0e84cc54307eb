/** What the devices' HTTPS API needs of the hub. */

import type { Authenticator, IdentityKey } from '@holdfast/identity'
import type { TelemetryItem } from '@holdfast/iothub'
import type { RecordOrigin } from '@holdfast/messaging'
import type { HubServices } from '../hub/index.ts'

export interface DeviceServices extends Pick<HubServices, 'clock' | 'random' | 'throttling' | 'failed'> {
  readonly events: Pick<HubServices['events'], 'sink'>
  readonly authenticator: Authenticator
  /** Appends messages of one device, all or none; resolves when they are on disk. Rejects with TelemetryUnavailableError. */
  readonly appendTelemetry: (origin: RecordOrigin, items: readonly TelemetryItem[]) => Promise<void>
  /** The device has just spoken. */
  readonly active: (key: IdentityKey) => void
}
