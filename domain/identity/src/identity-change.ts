/** What a change makes of an identity, and which sessions it ends. Functions of their arguments. */

import type { Timestamp } from '@holdfast/base'
import { type AuthenticationDraft, completeAuthentication, thumbprintsOf } from './authentication.ts'
import type { Cut } from './credential.ts'
import { IdentityError } from './errors.ts'
import type { Authentication, Identity, IdentityKey } from './identity.ts'
import { ETAG_BYTES, MANAGED_BY_CHARACTERS_MAX, STATUS_REASON_CHARACTERS_MAX } from './limits.ts'
import { type RandomBytes, randomBase64 } from './random.ts'

/** What is absent stays as it is. */
export interface IdentityChange {
  readonly status?: 'enabled' | 'disabled'
  /** At most 128 characters; '' takes it away. A change of status without a reason takes the old reason away. */
  readonly statusReason?: string
  readonly authentication?: AuthenticationDraft
  /** Of devices alone. */
  readonly iotEdge?: boolean
  /** The scope of the edge device above it, of devices alone; '' takes it away. */
  readonly parentScope?: string
  /** Of modules alone; '' takes it away. */
  readonly managedBy?: string
  /** Of devices alone: the fleet it is to stand in; '' takes it away. */
  readonly fleet?: string
}

/**
 * The identity after `change`, with a new ETag.
 * @throws IdentityError `invalid`.
 */
export function changedIdentity(
  current: Identity,
  change: IdentityChange,
  now: Timestamp,
  random: RandomBytes,
): Identity {
  const {
    statusReason: reasonBefore,
    parentScope: parentBefore,
    managedBy: keeperBefore,
    fleet: fleetBefore,
    ...rest
  } = current
  const status = change.status ?? current.status
  const turned = status !== current.status
  const reason = checkReason(change.statusReason ?? (turned ? '' : (reasonBefore ?? '')))
  const parentScope = change.parentScope ?? parentBefore ?? ''
  const managedBy = checkKeeper(change.managedBy ?? keeperBefore ?? '')
  const fleet = change.fleet ?? fleetBefore ?? ''
  return {
    ...rest,
    status,
    ...(reason === '' ? {} : { statusReason: reason }),
    statusUpdatedTime: turned ? now : current.statusUpdatedTime,
    authentication:
      change.authentication === undefined
        ? current.authentication
        : completeAuthentication(change.authentication, random, current.authentication),
    capabilities: { iotEdge: change.iotEdge ?? current.capabilities.iotEdge },
    ...(parentScope === '' ? {} : { parentScope }),
    ...(managedBy === '' ? {} : { managedBy }),
    ...(fleet === '' ? {} : { fleet }),
    etag: randomBase64(random, ETAG_BYTES),
  }
}

/** @throws IdentityError `invalid`. */
export function checkKeeper(managedBy: string): string {
  if (managedBy.length > MANAGED_BY_CHARACTERS_MAX) {
    throw new IdentityError('invalid', `managedBy has at most ${MANAGED_BY_CHARACTERS_MAX} characters; shorten it`)
  }
  return managedBy
}

/** @throws IdentityError `invalid`. */
export function checkReason(reason: string): string {
  if (reason.length > STATUS_REASON_CHARACTERS_MAX) {
    throw new IdentityError(
      'invalid',
      `statusReason has at most ${STATUS_REASON_CHARACTERS_MAX} characters; shorten it`,
    )
  }
  return reason
}

/** What sessions of before may rest on that does not hold any more. */
export function cutsBetween(before: Identity, after: Identity): readonly Cut[] {
  const key = keyOf(before)
  const cuts: Cut[] = []
  if (before.status === 'enabled' && after.status === 'disabled') {
    cuts.push({ kind: 'identity', ...key, generationId: before.generationId, reason: 'identity-disabled' })
  }
  cuts.push(...authenticationCuts(key, before.authentication, after.authentication))
  return cuts
}

function authenticationCuts(key: IdentityKey, before: Authentication, after: Authentication): readonly Cut[] {
  if (before.kind !== after.kind) {
    if (before.kind === 'none') return []
    // To leave keys for certificates is no reason to close what rests on a certificate already.
    const isToCertificates = after.kind === 'certificateAuthority'
    return [{ kind: 'authentication', ...key, ...(isToCertificates ? { keepsIssued: true } : {}) }]
  }
  const cuts: Cut[] = []
  if (before.kind === 'sas' && after.kind === 'sas') {
    // By slot, not by value: a key that moved to the other slot leaves sessions behind that carry the old slot's name,
    // and the next change of that slot would miss them.
    if (before.primaryKey !== after.primaryKey) cuts.push({ kind: 'key', ...key, slot: 'primary' })
    if (before.secondaryKey !== after.secondaryKey) cuts.push({ kind: 'key', ...key, slot: 'secondary' })
  }
  const kept = thumbprintsOf(after)
  for (const thumbprint of new Set(thumbprintsOf(before))) {
    if (!kept.includes(thumbprint)) cuts.push({ kind: 'thumbprint', ...key, thumbprint })
  }
  return cuts
}

/** Names of what differs, for the event. */
export function differences(before: Identity, after: Identity): readonly string[] {
  const names: string[] = []
  if (before.status !== after.status) names.push('status')
  if (before.statusReason !== after.statusReason) names.push('statusReason')
  if (before.capabilities.iotEdge !== after.capabilities.iotEdge) names.push('capabilities')
  if (before.parentScope !== after.parentScope) names.push('parentScope')
  if (before.managedBy !== after.managedBy) names.push('managedBy')
  if (before.fleet !== after.fleet) names.push('fleet')
  const [was, is] = [before.authentication, after.authentication]
  if (was.kind !== is.kind) names.push('authentication')
  if (was.kind === 'sas' && is.kind === 'sas') {
    if (was.primaryKey !== is.primaryKey) names.push('primaryKey')
    if (was.secondaryKey !== is.secondaryKey) names.push('secondaryKey')
  }
  if (was.kind === 'selfSigned' && is.kind === 'selfSigned') {
    if (was.primaryThumbprint !== is.primaryThumbprint) names.push('primaryThumbprint')
    if (was.secondaryThumbprint !== is.secondaryThumbprint) names.push('secondaryThumbprint')
  }
  return names
}

export function keyOf(identity: IdentityKey): IdentityKey {
  return identity.moduleId === undefined
    ? { deviceId: identity.deviceId }
    : { deviceId: identity.deviceId, moduleId: identity.moduleId }
}
