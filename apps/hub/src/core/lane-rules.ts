/** What each lane has of what passes between a device and the hub (docs/decisions/0003-trust.md). Telemetry is the front's. */

import { assertNever } from '@holdfast/base'
import type { Lane } from '@holdfast/identity'
import type { SubscriptionTopic } from '@holdfast/iothub'

/** The member of a twin, and the beginning of a method's name, that belong to the hub. */
export const HUB_MEMBER = 'holdfast'
const HUB_METHODS = '$iothub/methods/POST/holdfast.'
const TWIN = '$iothub/twin/'
const CERTIFICATES = '$iothub/credentials/'

/** Whether a device in this lane is taken to listen to `topic`. */
export function isHeard(lane: Lane, topic: SubscriptionTopic): boolean {
  switch (lane) {
    case 'full':
      return true
    case 'remediation':
      return topic.kind !== 'devicebound' && topic.kind !== 'inputs'
    case 'renewal':
      // Twin requests are answered with their refusal.
      return topic.kind === 'certificate-responses' || topic.kind === 'twin-responses'
    default:
      return assertNever(lane)
  }
}

/** Whether a publication on `topic` may go to a device in this lane. */
export function mayReceive(lane: Lane, topic: string): boolean {
  if (lane === 'full' || topic.startsWith(CERTIFICATES) || topic.startsWith(TWIN)) return true
  return lane === 'remediation' && topic.startsWith(HUB_METHODS)
}
