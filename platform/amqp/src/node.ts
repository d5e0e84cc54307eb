/**
 * What stands behind AMQP links, as a server of links sees it: who comes, what is attached, what is sent and settled.
 * Nothing here knows whose addresses those are.
 */

import type { AmqpCondition } from './errors.ts'
import type { AmqpMessage } from './message.ts'
import type { Value } from './value-reader.ts'

/** How a peer's bytes are carried. `end` sends what was written first. */
export interface AmqpTransport {
  write(bytes: Uint8Array): void
  end(): void
  pause(): void
  resume(): void
  /** Bytes that were written and not taken by the peer yet. */
  readonly backlogBytes: number
}

/** An error as a peer is told: a condition, a text for people, and what a redirect goes to. */
export interface AmqpRefusal {
  readonly condition: AmqpCondition
  /** No secret, and nothing of the peer's that it did not say itself. */
  readonly description: string
  readonly info?: Readonly<Record<string, string | number>>
}

/** A connection, as the application holds it. */
export interface AmqpConnection {
  readonly id: number
  /** SASL mechanism, or undefined without SASL. */
  readonly mechanism: string | undefined
  /** The peer has proved who it is: bounds of time and size become those of a peer one knows. */
  trust(): void
  /** Tells the peer and ends the connection. */
  close(error: AmqpRefusal): void
}

/** What the application makes of one connection. None of these may throw; what does is told as a fault and ends it. */
export interface AmqpHandler {
  /** PLAIN. The connection waits for the answer; false refuses it. */
  verifyPlain(name: string, password: string): Promise<boolean>
  /** The peer wants to send. To take the link, give what handles it. */
  attachIncoming(link: IncomingLink): IncomingHandler | AmqpRefusal
  /** The peer wants to receive. */
  attachOutgoing(link: OutgoingLink): OutgoingHandler | AmqpRefusal
  /** Nothing more comes. Its links were told before. */
  closed(reason: string): void
}

export interface AmqpApplication {
  /** A peer has come; `address` is where from. */
  connected(connection: AmqpConnection, peer: AmqpPeer): AmqpHandler
}

export interface AmqpPeer {
  readonly address: string
  readonly transport: 'amqp' | 'amqp-ws'
}

interface Link {
  readonly name: string
  /** Where the peer sends to (a target) or receives from (a source); '' when it named none. */
  readonly address: string
  /** The peer's own end, e.g. where answers go. */
  readonly peerAddress: string
  readonly properties: ReadonlyMap<Value, Value>
  readonly desiredCapabilities: readonly string[]
  /** Detaches it; the handler's `closed` is not called then. */
  close(error: AmqpRefusal): void
}

export interface IncomingLink extends Link {
  /** Lets the peer send so many messages more; each that is settled is replaced. Called once, at most 100. */
  grant(messages: number): void
}

export interface IncomingHandler {
  message(delivery: IncomingDelivery): void
  closed(): void
}

/** A message and its fate, which is decided once; while it is open the link has one message of credit less. */
export interface IncomingDelivery {
  readonly message: AmqpMessage
  accept(): void
  reject(error: AmqpRefusal): void
  release(): void
}

export interface OutgoingLink extends Link {
  readonly filter: ReadonlyMap<Value, Value>
  /** How many messages may be sent now: what the peer asked for, while it reads what it gets. */
  readonly capacity: number
  /**
   * Sends an encoded message. Without `token` it is settled as it goes; with it, `settled` tells how it ended.
   * @throws TypeError beyond `capacity`.
   */
  send(message: Uint8Array, token?: number): void
}

export type AmqpOutcome = 'accepted' | 'rejected' | 'released' | 'modified'

export interface OutgoingHandler {
  /** There may be capacity again. */
  ready(): void
  settled(token: number, outcome: AmqpOutcome): void
  closed(): void
}
