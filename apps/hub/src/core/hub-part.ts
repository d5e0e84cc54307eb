/** What of a twin a device sees that is not trusted just now: the member that belongs to the hub. JSON texts. */

import type { Twin } from '@holdfast/iothub'
import { HUB_MEMBER } from './lane-rules.ts'

const HUB_NAME = JSON.stringify(HUB_MEMBER)

/** @param object JSON text of an object, as sections of twins are. @returns as well, with that member or with none. */
export function hubPartOf(object: string): string {
  const members: unknown = JSON.parse(object)
  if (typeof members !== 'object' || members === null || !Object.hasOwn(members, HUB_MEMBER)) return '{}'
  return JSON.stringify({ [HUB_MEMBER]: Object.getOwnPropertyDescriptor(members, HUB_MEMBER)?.value })
}

/** Whether the text holds nothing else. */
export function isHubPart(object: string): boolean {
  const members: unknown = JSON.parse(object)
  return typeof members === 'object' && members !== null && Object.keys(members).every((name) => name === HUB_MEMBER)
}

export function hubPartOfTwin(twin: Twin): Twin {
  const { desired, reported } = twin
  return {
    ...twin,
    desired: { ...desired, properties: hubPartOf(desired.properties) },
    reported: { ...reported, properties: hubPartOf(reported.properties) },
  }
}

/**
 * A reported patch without what it shows for a nonce, which whoever has the device's key could read in its twin. What is
 * left says that the device takes part.
 */
export function withoutNonce(patch: string): string {
  if (!patch.includes(HUB_NAME)) return patch
  const members: unknown = JSON.parse(patch)
  if (typeof members !== 'object' || members === null || !Object.hasOwn(members, HUB_MEMBER)) return patch
  const member: unknown = Object.getOwnPropertyDescriptor(members, HUB_MEMBER)?.value
  if (typeof member !== 'object' || member === null || !('nonce' in member) || member.nonce === null) return patch
  return JSON.stringify({ ...members, [HUB_MEMBER]: { ...member, nonce: '' } })
}
