/** Identities between the API's words and the domain's. */

import type { QuarantineEntry } from '@holdfast/admission'
import type { Api } from '@holdfast/api'
import { assertNever, formatTimestamp } from '@holdfast/base'
import {
  type Authentication,
  type AuthenticationDraft,
  edgeScope,
  type Identity,
  thumbprintsOf,
} from '@holdfast/identity'
import { badRequest, type Fault } from '../../core/problem.ts'
import { quarantinedJson } from './masquerade.ts'
import type { Connection } from './services.ts'

const AUTH: Readonly<Record<Authentication['kind'], Api.Device['auth']>> = {
  sas: 'sas',
  selfSigned: 'x509-thumbprint',
  certificateAuthority: 'x509-ca',
  none: 'none',
}

/** Without keys, whoever asks. */
export function identityJson(
  identity: Identity,
  connection: Connection | undefined,
  quarantined?: QuarantineEntry,
): Api.Device {
  const thumbprints = thumbprintsOf(identity.authentication)
  const deviceScope = edgeScope(identity)
  const { parentScope, managedBy } = identity
  return {
    deviceId: identity.deviceId,
    ...(identity.moduleId === undefined ? {} : { moduleId: identity.moduleId }),
    generationId: identity.generationId,
    etag: identity.etag,
    status: identity.status,
    ...(identity.statusReason === undefined ? {} : { statusReason: identity.statusReason }),
    auth: AUTH[identity.authentication.kind],
    ...(thumbprints.length === 0 ? {} : { thumbprints: [...thumbprints] }),
    connected: connection !== undefined,
    ...(connection?.since === undefined ? {} : { connectedSince: formatTimestamp(connection.since) }),
    ...(connection?.lastActivity === undefined ? {} : { lastActivityTime: formatTimestamp(connection.lastActivity) }),
    createdTime: formatTimestamp(identity.createdTime),
    ...(deviceScope === undefined ? {} : { iotEdge: true, deviceScope }),
    ...(parentScope === undefined ? {} : { parentScope }),
    ...(managedBy === undefined ? {} : { managedBy }),
    ...(quarantined === undefined ? {} : { quarantined: quarantinedJson(quarantined) }),
  }
}

type AuthenticationWords = Pick<Api.DeviceCreate, 'auth' | 'thumbprints' | 'primaryKey' | 'secondaryKey'>

/**
 * What the fields of a new identity ask for; thumbprints alone mean x509-thumbprint.
 * @throws Problem 400 when fields do not go together.
 */
export function authenticationDraft(words: AuthenticationWords): AuthenticationDraft {
  const { thumbprints, primaryKey, secondaryKey } = words
  const auth = words.auth ?? (thumbprints === undefined ? 'sas' : 'x509-thumbprint')
  const faults: Fault[] = []
  if (auth !== 'x509-thumbprint' && thumbprints !== undefined) {
    faults.push({ path: '/thumbprints', message: 'goes with auth x509-thumbprint alone' })
  }
  if (auth === 'x509-thumbprint' && (thumbprints ?? []).length === 0) {
    faults.push({ path: '/thumbprints', message: 'has one or two of them' })
  }
  if (auth !== 'sas' && primaryKey !== undefined) {
    faults.push({ path: '/primaryKey', message: 'goes with auth sas alone' })
  }
  if (auth !== 'sas' && secondaryKey !== undefined) {
    faults.push({ path: '/secondaryKey', message: 'goes with auth sas alone' })
  }
  if (faults.length > 0) throw badRequest(faults)
  switch (auth) {
    case 'sas':
      return {
        kind: 'sas',
        ...(primaryKey === undefined ? {} : { primaryKey }),
        ...(secondaryKey === undefined ? {} : { secondaryKey }),
      }
    case 'x509-thumbprint':
      return thumbprintDraft(thumbprints ?? [])
    case 'x509-ca':
      return { kind: 'certificateAuthority' }
    default:
      return assertNever(auth)
  }
}

/** The first in the primary slot. */
export function thumbprintDraft(thumbprints: readonly string[]): AuthenticationDraft {
  const [primaryThumbprint, secondaryThumbprint] = thumbprints
  return {
    kind: 'selfSigned',
    ...(primaryThumbprint === undefined ? {} : { primaryThumbprint }),
    ...(secondaryThumbprint === undefined ? {} : { secondaryThumbprint }),
  }
}
