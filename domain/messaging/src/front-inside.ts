/** What a connection sees of its front. */

import type { Instant, Timestamp } from '@holdfast/base'
import type { FrontConnection } from './front-connection.ts'
import type { CloseReason, FrontToCore, PeerFacts } from './front-messages.ts'
import type { FrontLimits } from './limits.ts'
import type { OutgoingRecord, TelemetryOutbox } from './telemetry-outbox.ts'

/** Who is at the other end. `facts` is asked at most once, when a CONNECT has come; then the object is let go. */
export interface PeerSource {
  readonly address: string
  facts(): PeerFacts
}

export interface FrontInside {
  /** Time of the input that is being handled. */
  readonly now: Instant
  readonly limits: FrontLimits
  readonly partitions: number
  readonly outbox: TelemetryOutbox<FrontConnection>
  /** Filled and handed to the outbox for each message, so that a message costs no object. */
  readonly record: OutgoingRecord
  /** Connections that wait for the outbox to drain. */
  readonly stalled: Set<FrontConnection>
  readonly isDraining: boolean
  wall(): Timestamp
  /** Puts the connection's deadline on the wheel if it is earlier than what the wheel knows. */
  time(connection: FrontConnection): void
  /** @returns the bytes that the socket holds back. */
  write(connection: FrontConnection, bytes: Uint8Array): number
  pauseReading(connection: FrontConnection): void
  resumeReading(connection: FrontConnection): void
  /** The connection has ended; close its socket. */
  closing(connection: FrontConnection): void
  /** Nothing of the connection is left; `closed` goes to the core, if that knows of it. */
  gone(connection: FrontConnection, closed: FrontToCore | undefined): void
  toCore(message: FrontToCore): void
  turnedAway(address: string, reason: CloseReason, detail: string): void
  blame(address: string): void
  /** False when no more wills can be held. */
  reserveWill(bytes: number): boolean
  releaseWill(bytes: number): void
  /** What `ticket` was given for has reached the device. */
  delivered(connection: FrontConnection, ticket: number): void
  /** One message has been taken. */
  counted(connection: FrontConnection, bytes: number): void
}
