/** The member of a reported patch that is meant for the hub. */

import { HubFormatError, readReportedPatch } from '@holdfast/iothub'
import { HUB_MEMBER } from '../../core/lane-rules.ts'

const NAME = Buffer.from(`"${HUB_MEMBER}"`)

/**
 * @param payload any bytes a device sends as a patch. @returns the members of `holdfast`; undefined where there is none,
 * or no patch. A name that is written with escapes is not seen: nobody but the hub reads it anyway.
 */
export function hubMemberOf(payload: Uint8Array): ReadonlyMap<string, unknown> | undefined {
  // Most patches have none, and are not parsed twice.
  if (!Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).includes(NAME)) return undefined
  let patch: unknown
  try {
    patch = JSON.parse(readReportedPatch(payload))
  } catch (error) {
    // Whoever serves twins refuses it.
    if (error instanceof HubFormatError) return undefined
    throw error
  }
  const member: unknown = new Map(Object.entries(patch ?? {})).get(HUB_MEMBER)
  if (typeof member !== 'object' || member === null || Array.isArray(member)) return undefined
  return new Map(Object.entries(member))
}
