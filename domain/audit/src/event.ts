/** Everything security-relevant that happens is one of these. The catalogue says which there are, and what they hold. */

import type { Timestamp } from '@holdfast/base'
import type { EventType } from './catalogue/index.ts'

export interface SecurityEvent {
  readonly type: EventType
  readonly at: Timestamp
  /** What it happened to, e.g. `device/pump-1`, `policy/service`, `hub`. */
  readonly subject: string
  /** Who did it, e.g. `device/pump-1`, `policy/iothubowner`, `operator/local`, `hub`, `address/10.0.0.7`. */
  readonly actor: string
  /** Facts as the catalogue has them for the type; never a secret, never raw bytes of a peer. */
  readonly detail: Readonly<Record<string, string | number | boolean>>
  /** How the act came in, e.g. `https/10.0.0.7`, `mqtt/10.0.0.7`, `local`, `hub`; who keeps the event adds it. */
  readonly source?: string
}

/** An event as the log has it. */
export interface RecordedEvent extends SecurityEvent {
  /** Its place in the log, from 0. */
  readonly index: number
}

/** Where events go. MUST NOT throw and MUST NOT block. */
export type EventSink = (event: SecurityEvent) => void
