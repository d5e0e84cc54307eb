/**
 * Rotation of a policy's keys with overlap. One slot is the current one; to rotate gives the other slot a new key and
 * makes that current, and the former works on until the overlap is over. Then its key is replaced by one that nobody has.
 */

import type { Timestamp } from '@holdfast/base'
import type { KeySlot } from './credential.ts'
import { IdentityError } from './errors.ts'

/** What is kept of the keys of a policy beside them. Uses are written once a day. */
export interface PolicyRotation {
  /** Whose key is given out. */
  readonly current: KeySlot
  /** Since when the keys are what they are; of keys older than this record, since it was made. */
  readonly primaryTime: Timestamp
  readonly secondaryTime: Timestamp
  /** While a rotation overlaps: when the slot that is not current ends. */
  readonly retiresTime?: Timestamp
  readonly primaryUsed?: Timestamp
  readonly secondaryUsed?: Timestamp
}

/** How long the former key works on unless asked, and at most, in milliseconds. */
export const POLICY_OVERLAP_DEFAULT_MS = 24 * 3_600_000
export const POLICY_OVERLAP_MAX_MS = 30 * 24 * 3_600_000

/** A key that was used in this time, in milliseconds, is not replaced by a rotation unless that is asked for by name. */
export const POLICY_SLOT_BUSY_MS = 30 * 24 * 3_600_000

/** How old a key may become unless the hub is told otherwise, in milliseconds. */
export const POLICY_KEY_AGE_MAX_MS = 90 * 24 * 3_600_000

export interface RotationOptions {
  readonly overlapMs?: number
  /** Whether a key is replaced that somebody used of late. */
  readonly evenIfUsed?: boolean
}

export function otherSlot(slot: KeySlot): KeySlot {
  return slot === 'primary' ? 'secondary' : 'primary'
}

export function usedTime(rotation: PolicyRotation, slot: KeySlot): Timestamp | undefined {
  return slot === 'primary' ? rotation.primaryUsed : rotation.secondaryUsed
}

export function keyTime(rotation: PolicyRotation, slot: KeySlot): Timestamp {
  return slot === 'primary' ? rotation.primaryTime : rotation.secondaryTime
}

/** Whether the key of a slot has ended by itself. */
export function hasRetired(rotation: PolicyRotation | undefined, slot: KeySlot, now: Timestamp): boolean {
  const { current, retiresTime } = rotation ?? {}
  return retiresTime !== undefined && slot !== current && now >= retiresTime
}

/** With the use noted. */
export function withUse(rotation: PolicyRotation, slot: KeySlot, at: Timestamp): PolicyRotation {
  return slot === 'primary' ? { ...rotation, primaryUsed: at } : { ...rotation, secondaryUsed: at }
}

/** With a new key in a slot, which nobody has used yet. */
export function withNewKey(rotation: PolicyRotation, slot: KeySlot, at: Timestamp): PolicyRotation {
  const { primaryUsed, secondaryUsed, ...rest } = rotation
  const used = slot === 'primary' ? secondaryUsed : primaryUsed
  if (slot === 'primary') return { ...rest, primaryTime: at, ...(used !== undefined && { secondaryUsed: used }) }
  return { ...rest, secondaryTime: at, ...(used !== undefined && { primaryUsed: used }) }
}

/** @throws IdentityError `invalid`, `rotating`, `slot-in-use`. */
export function demandRotatable(
  rotation: PolicyRotation,
  { overlapMs = POLICY_OVERLAP_DEFAULT_MS, evenIfUsed = false }: RotationOptions,
  now: Timestamp,
): void {
  if (!Number.isSafeInteger(overlapMs) || overlapMs < 0 || overlapMs > POLICY_OVERLAP_MAX_MS) {
    throw new IdentityError('invalid', 'keys of a policy overlap for at most 30 days')
  }
  if (rotation.retiresTime !== undefined) {
    const until = new Date(rotation.retiresTime).toISOString()
    throw new IdentityError('rotating', `a rotation overlaps until ${until}; retire the former key first`)
  }
  const slot = otherSlot(rotation.current)
  const used = usedTime(rotation, slot)
  if (used === undefined || now - used > POLICY_SLOT_BUSY_MS || evenIfUsed) return
  const day = new Date(used).toISOString().slice(0, 10)
  throw new IdentityError(
    'slot-in-use',
    `the ${slot} key, which would be replaced, was used on ${day}; move that service to the ${rotation.current} key, or say evenIfUsed`,
  )
}
