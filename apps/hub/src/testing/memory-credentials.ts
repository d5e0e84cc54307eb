/** Certificates for devices over a store in memory, from an authority that is made for the test. */

import type { EventSink } from '@holdfast/audit'
import type { Clock } from '@holdfast/base'
import type { RandomBytes } from '@holdfast/credentials'
import { MemoryIssuedCertificateStore } from '@holdfast/credentials/testing'
import type { Cut, Registry } from '@holdfast/identity'
import { ISSUING_AUTHORITY, ROOT_AUTHORITY } from '@holdfast/pki'
import { issue } from '@holdfast/pki/testing'
import { DeviceCredentials } from '../trust/device-credentials.ts'

export async function memoryCredentials(parts: {
  readonly clock: Clock
  readonly random: RandomBytes
  readonly events: EventSink
  readonly registry: () => Registry
  readonly close: (cuts: readonly Cut[]) => Promise<{ readonly sessionsClosed: number; readonly milliseconds: number }>
  readonly fault: (error: unknown) => void
}): Promise<DeviceCredentials> {
  const now = parts.clock.wall()
  const root = await issue({ profile: ROOT_AUTHORITY, commonName: 'Root', now })
  const issuing = await issue({ profile: ISSUING_AUTHORITY, commonName: 'Issuing', issuer: root, now })
  const issuers = [issuing.certificate]
  return DeviceCredentials.open({
    ...parts,
    store: new MemoryIssuedCertificateStore(parts.events),
    keys: { claim: async () => 'good' },
    issuer: { issuing, chain: [issuing.certificate, root.certificate], issuers },
  })
}
