/** The member of a reported patch that is meant for the hub. */

import { HUB_MEMBER } from '../../core/lane-rules.ts'

const NAME = JSON.stringify(HUB_MEMBER)

/** @param patch as `readReportedPatch` gives it. @returns the members of `holdfast`; undefined where there are none. */
export function hubMemberOf(patch: string): ReadonlyMap<string, unknown> | undefined {
  // Most patches have none, and are not parsed twice. The text was written by us, so the name has no escapes.
  if (!patch.includes(NAME)) return undefined
  const members: ReadonlyMap<string, unknown> = new Map(Object.entries(JSON.parse(patch)))
  const member = members.get(HUB_MEMBER)
  if (typeof member !== 'object' || member === null || Array.isArray(member)) return undefined
  return new Map(Object.entries(member))
}
