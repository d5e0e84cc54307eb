/** What the devices' HTTPS API needs of the hub. */

import type { AdmissionGates } from '@holdfast/admission'
import type { Commands } from '@holdfast/commands'
import type { Authenticator, IdentityKey } from '@holdfast/identity'
import type { TelemetryItem } from '@holdfast/iothub'
import type { RecordOrigin } from '@holdfast/messaging'
import type { Uploads } from '@holdfast/uploads'
import type { AttestationOffice } from '../../trust/attestation-office.ts'
import type { HubServices } from '../hub/index.ts'

export interface DeviceServices extends Pick<HubServices, 'clock' | 'random' | 'failed' | 'throttling'> {
  readonly events: Pick<HubServices['events'], 'sink' | 'durable'>
  readonly authenticator: Authenticator
  readonly gates: Pick<AdmissionGates, 'judge' | 'gates'>
  /** Appends messages of one device, all or none; resolves when they are on disk. Rejects with TelemetryUnavailableError. */
  readonly appendTelemetry: (origin: RecordOrigin, items: readonly TelemetryItem[]) => Promise<void>
  /** The device has just spoken. */
  readonly active: (key: IdentityKey) => void
  readonly commands: Pick<Commands, 'receive' | 'settle'>
  readonly uploads: Pick<Uploads, 'grant' | 'authorize' | 'conclude'>
  readonly attestation: Pick<AttestationOffice, 'attestations'>
  /** Where this hub is found: its names, and the port of HTTPS. */
  readonly address: { readonly hostNames: readonly string[]; readonly httpsPort: number }
}
