/** A message to a device or module (Azure's "cloud-to-device message"; azure-iot.md §3.3, §4, §5.2, §10). */

import type { Timestamp } from '@holdfast/base'
import type { IdentityKey } from '@holdfast/identity'

/** Which ends of a message its sender wants to hear of. */
export type Ack = 'none' | 'positive' | 'negative' | 'full'

export const ACKS: readonly Ack[] = ['none', 'positive', 'negative', 'full']

/** What a sender gives. `checkDraft` says what it must be. */
export interface CommandDraft {
  readonly key: IdentityKey
  /** Up to 128 characters. Made up when it is absent and feedback is asked for: the records name it. */
  readonly messageId?: string
  readonly correlationId?: string
  readonly userId?: string
  readonly contentType?: string
  readonly contentEncoding?: string
  /** `none` unless told. */
  readonly ack?: Ack
  /** When it ends. The past is taken and ends at once; what lies further ahead than two days is cut to them. */
  readonly expires?: Timestamp
  /** Or how long it lives, in milliseconds: a minute to two days. An hour when neither is given. */
  readonly lifeMs?: number
  /** In this order; of a name that stands twice, both are kept. `iothub-ack` is left out: `ack` says it. */
  readonly properties?: readonly CommandProperty[]
  readonly body: Uint8Array
}

/** Names are HTTP tokens (RFC 9110 §5.6.2) that do not begin with `$.`; values are any text. */
export type CommandProperty = readonly [name: string, value: string]

export interface Command {
  readonly key: IdentityKey
  /** Of the device or module, when the message was sent: another one of the same id never gets it. */
  readonly generationId: string
  readonly messageId?: string
  readonly correlationId?: string
  readonly userId?: string
  /** `/devices/{d}/messages/deviceBound` or with `/modules/{m}`, ids percent-encoded. */
  readonly to: string
  readonly contentType?: string
  readonly contentEncoding?: string
  readonly ack: Ack
  readonly enqueued: Timestamp
  readonly expires: Timestamp
  /** Deliveries before this one that ended by being abandoned. */
  readonly deliveryCount: number
  /** Ascending in the order in which messages were accepted; unique in the hub. */
  readonly sequenceNumber: number
  readonly properties: readonly CommandProperty[]
  readonly body: Uint8Array
}

/** A message that is locked for whoever has the token: a UUID, worth something until the lock ends. */
export interface Delivery {
  readonly command: Command
  readonly lockToken: string
}

/** What a receiver makes of a delivery. Abandoned messages are delivered again, `DELIVERY_COUNT_MAX` times in all. */
export type Outcome = 'complete' | 'abandon' | 'reject'

/** `lock-lost`: the lock has ended, or the message is gone; the settlement changed nothing. */
export type SettleResult = 'settled' | 'lock-lost'

/** What a sender gets back when the message is durable. */
export interface Sent {
  readonly sequenceNumber: number
  readonly messageId?: string
  readonly enqueued: Timestamp
  readonly expires: Timestamp
}

/** `/devices/{d}[/modules/{m}]/messages/deviceBound`. */
export function deviceboundAddress({ deviceId, moduleId }: IdentityKey): string {
  const module = moduleId === undefined ? '' : `/modules/${encodeURIComponent(moduleId)}`
  return `/devices/${encodeURIComponent(deviceId)}${module}/messages/deviceBound`
}
