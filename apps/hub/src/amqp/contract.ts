/** What the AMQP part of a front and the core say to each other, each over a port of its own. */

import type { CommandDraft, Outcome } from '@holdfast/commands'
import type { KeySlot } from '@holdfast/identity'

/** The queues of the hub that back ends read. */
export type ServiceQueueName = 'feedback' | 'file-notifications'

/** What a front must know of the hub to answer by itself. */
export interface AmqpAbout {
  /** The hub's own name. */
  readonly hostName: string
  readonly amqpPort: number
  /** Name of the Event Hub. */
  readonly entity: string
  readonly partitions: number
  /** When this hub was first started; milliseconds since 1970. */
  readonly createdAt: number
  /** Consumer groups, `$Default` first. */
  readonly groups: readonly string[]
}

/** What a token is worth. */
export type Judgement =
  | {
      readonly kind: 'allowed'
      readonly policy: string
      readonly slot: KeySlot
      readonly hasServiceConnect: boolean
      /** The part of the hub that it is for; empty: all. */
      readonly path: readonly string[]
      /** When it ends, milliseconds since 1970. */
      readonly expires: number
      /** How many policy keys had been taken away by then. */
      readonly asOf: number
    }
  | { readonly kind: 'denied'; readonly code: string; readonly detail: string }

export type AmqpNote =
  | { readonly kind: 'opened'; readonly policy: string; readonly address: string; readonly transport: string }
  | { readonly kind: 'closed'; readonly policy: string; readonly address: string; readonly reason: string }
  | { readonly kind: 'refused'; readonly address: string; readonly code: string; readonly detail: string }
  | {
      readonly kind: 'link-refused'
      readonly policy: string | undefined
      readonly address: string
      readonly link: string
      readonly condition: string
    }

export type CommandOutcome =
  | { readonly kind: 'sent' }
  | { readonly kind: 'refused'; readonly code: string; readonly detail: string }

export interface ReaderRequest {
  readonly front: number
  /** Number of the reader in its front. */
  readonly reader: number
  readonly group: string
  readonly partition: number
  readonly epoch?: number
  /** As the reader calls itself; said to those whom it displaces. */
  readonly name: string
}

export type ReaderVerdict =
  | { readonly kind: 'in' }
  | {
      readonly kind: 'refused'
      readonly condition: 'amqp:link:stolen' | 'amqp:resource-limit-exceeded'
      readonly detail: string
    }

export interface QueueMessage {
  readonly body: Uint8Array
  readonly lockToken: string
  readonly contentType: string
  readonly sequenceNumber: number
  readonly deliveryCount: number
  readonly enqueued: number
  readonly expires: number
}

/** The core, as a front calls it. */
export interface AmqpDesk {
  about(): AmqpAbout
  /** @param address where it came from. */
  judge(token: string, address: string): Judgement
  /** Resolves when it is on disk. Rejects when it cannot be kept: then what it tells of must not be. */
  note(note: AmqpNote): Promise<void>
  /** A fault of ours or of the disk's, for the log. */
  fault(fault: { readonly name: string; readonly message: string; readonly stack: string }): void
  /** @param policy in whose name. */
  sendCommand(draft: CommandDraft, policy: string): Promise<CommandOutcome>
  openReader(request: Omit<ReaderRequest, 'front'>): ReaderVerdict
  closeReader(reader: number): void
  /** From now on `committed` is called; answers where the partitions end. */
  follow(): readonly number[]
  unfollow(): void
  /** Takes part in a queue under a number of the front's choice; `queueReady` tells when there may be something. */
  openQueue(queue: ServiceQueueName, receiver: number): void
  receiveFromQueue(receiver: number): Promise<QueueMessage | undefined>
  settleInQueue(receiver: number, lockToken: string, outcome: Outcome): Promise<void>
  releaseInQueue(receiver: number, lockToken: string): void
  closeQueue(receiver: number): void
}

/** A front, as the core calls it. */
export interface AmqpFront {
  /**
   * A key of a policy was taken away; `serial` counts such events. Closes what rests on it.
   * @returns how many connections that were.
   */
  cut(policy: string, slot: KeySlot, serial: number): number
  changed(about: AmqpAbout): void
  /** Another reader took the place of this one. */
  stolen(reader: number, detail: string): void
  /** Where the partitions end now. */
  committed(nextSequences: readonly number[]): void
  queueReady(receiver: number): void
  shutdown(): void
}
