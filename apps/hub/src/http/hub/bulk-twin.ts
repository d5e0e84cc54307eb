/** The twins that come with identities in a bulk operation (azure-iot.md §8). */

import { type ServiceTwinChange, readTwinPatch, readTwinReplacement, TWIN_DEPTH_MAX } from '@holdfast/iothub'
import { applyTwinChange, type ChangeStamp, newTwin, SECTION_BYTES_MAX, TwinError } from '@holdfast/twins'
import { timestampOf } from '@holdfast/base'
import { HubError } from './errors.ts'
import type { BulkWords } from './identity-words.ts'

/** Deep enough that the reader of twins says what is wrong, and far from what the stack takes. */
const DEPTH_MAX = TWIN_DEPTH_MAX * 2

/** Of a twin that is never stored. */
const NO_STAMP: ChangeStamp = { at: timestampOf(0), etag: '' }

/**
 * What an item says of the twin; undefined where it says nothing. A section that is named becomes what it says, and with
 * `patch` is merged into what is there; the others stay. What is too large by itself is refused here, before anything is
 * done; what a merge makes too large is found where it is made.
 * @throws HubError, TwinError, HubFormatError.
 */
export function twinChangeOf({ tags, properties }: BulkWords, form: 'whole' | 'patch'): ServiceTwinChange | undefined {
  const desired = properties?.desired
  if (tags === undefined && desired === undefined) return undefined
  if (!isWithin(tags, DEPTH_MAX) || !isWithin(desired, DEPTH_MAX)) {
    throw new HubError('ArgumentInvalid', 'The twin is nested too deeply.')
  }
  // Through the one reader of twins, so that what it refuses is refused here.
  const body = Buffer.from(JSON.stringify({ tags, properties: { desired } }))
  const change = form === 'patch' ? readTwinPatch(body) : named(readTwinReplacement(body), { tags, desired })
  const outcome = applyTwinChange(newTwin(NO_STAMP), change, NO_STAMP)
  if (outcome.kind === 'too-large') {
    throw new TwinError('too-large', `${outcome.section} has more than ${SECTION_BYTES_MAX[outcome.section]} bytes`)
  }
  return change
}

function named(
  { tags, desired }: Required<ServiceTwinChange>,
  said: { readonly tags: unknown; readonly desired: unknown },
): ServiceTwinChange {
  return { ...(said.tags === undefined ? {} : { tags }), ...(said.desired === undefined ? {} : { desired }) }
}

/** Before it is written as text again, which needs the stack. */
function isWithin(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return true
  return depth > 0 && Object.values(value).every((one) => isWithin(one, depth - 1))
}
