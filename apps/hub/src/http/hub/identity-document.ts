/** Devices and modules as the documents of the registry show them (azure-iot.md §8). */

import { formatTimestamp, type Timestamp } from '@holdfast/base'
import { type Authentication, type Identity, scopesOf } from '@holdfast/identity'
import type { PresenceFacts } from '../../core/presence.ts'

/** .NET's first moment, which Azure writes for "never". */
const NEVER = '0001-01-01T00:00:00Z'

/** What is known of an identity besides the registry's record. */
export interface IdentityFacts extends PresenceFacts {
  /** Messages that wait for it. */
  readonly commands: number
}

/** A document with its keys: for those who may read the registry, as in Azure. */
export function identityDocument(identity: Identity, facts: IdentityFacts): object {
  const shared = {
    deviceId: identity.deviceId,
    generationId: identity.generationId,
    etag: identity.etag,
    connectionState: facts.isConnected ? 'Connected' : 'Disconnected',
    connectionStateUpdatedTime: timeText(facts.since),
    lastActivityTime: timeText(facts.lastActivity),
    cloudToDeviceMessageCount: facts.commands,
    authentication: authenticationDocument(identity.authentication),
  }
  if (identity.moduleId !== undefined) {
    return { moduleId: identity.moduleId, managedBy: identity.managedBy ?? null, ...shared }
  }
  return {
    ...shared,
    status: identity.status,
    statusReason: identity.statusReason ?? null,
    statusUpdatedTime: formatTimestamp(identity.statusUpdatedTime),
    capabilities: { iotEdge: identity.capabilities.iotEdge },
    ...scopesOf(identity),
  }
}

function authenticationDocument(authentication: Authentication): object {
  const keys = authentication.kind === 'sas' ? authentication : undefined
  const thumbprints = authentication.kind === 'selfSigned' ? authentication : undefined
  return {
    symmetricKey: { primaryKey: keys?.primaryKey ?? null, secondaryKey: keys?.secondaryKey ?? null },
    x509Thumbprint: {
      primaryThumbprint: thumbprints?.primaryThumbprint ?? null,
      secondaryThumbprint: thumbprints?.secondaryThumbprint ?? null,
    },
    type: authentication.kind,
  }
}

export function timeText(at: Timestamp | undefined): string {
  return at === undefined ? NEVER : formatTimestamp(at)
}
