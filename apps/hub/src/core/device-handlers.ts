/** What serves devices beyond telemetry, as the desk tells it of them: twins, methods, messages to devices. */

import type { IdentityKey, Lane } from '@holdfast/identity'
import type { SubscriptionTopic } from '@holdfast/iothub'
import type { DeviceRequest, Unacknowledged } from '@holdfast/messaging'

/** Called in the order in which the device spoke, and never from within `Desk.publish`. MUST NOT throw. */
export interface DeviceHandlers {
  /** It is in. `modelId` is what it says of itself. */
  opened?(key: IdentityKey, facts: { readonly generationId: string; readonly modelId?: string }): void
  /**
   * What the device listens to now, complete. Called when it comes with subscriptions of its session, and after each
   * change of them or of its lane; what its lane does not have is not among them.
   */
  listening?(key: IdentityKey, topics: readonly SubscriptionTopic[], session: { readonly isResumed: boolean }): void
  /** The connection has ended; the next one of the identity is told of after this. */
  gone?(key: IdentityKey, unacknowledged: readonly Unacknowledged[]): void
  /** It has spoken: on its connection since this was last said, or without one, over HTTPS. */
  active?(key: IdentityKey): void
  /** Whoever serves it looks at the lane. */
  request?(key: IdentityKey, request: DeviceRequest, payload: Uint8Array, lane: Lane): void
  /** The identity is gone, of a device its modules too; what was kept for it is. */
  deleted?(key: IdentityKey): void
  /** It has the publication that carried `ticket`. */
  delivered?(key: IdentityKey, ticket: number): void
}
