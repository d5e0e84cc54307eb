/** Bounds of AMQP connections. A peer that passes one loses its connection, or its link where that suffices. */

import type { TokenBucket } from '@holdfast/base'

export interface AmqpLimits {
  /** Bytes of one frame: what we announce as `max-frame-size`. Also what one read of a message can make rhea hold. */
  readonly frameBytesMax: number
  /** Bytes of a frame before the peer has proved anything. A token is of a few hundred bytes, an open of a few hundred. */
  readonly openingFrameBytesMax: number
  /** Sessions of a connection. Readers of Event Hubs open one a partition, and two more. */
  readonly sessionsMax: number
  /**
   * Sessions and links before the peer has proved anything: some kilobytes each, which anybody could have of us. Clients
   * have a session and two links of `$cbs` then; some begin their own beside.
   */
  readonly openingSessionsMax: number
  readonly openingLinksMax: number
  /** Frames before the peer has proved anything, heartbeats with them; a client needs ten. */
  readonly openingFramesMax: number
  /** Highest handle of a session: rhea remembers every handle that was ever used, until the session ends. */
  readonly handleMax: number
  /** Links of a connection at once. */
  readonly linksMax: number
  /** Links and sessions that a connection begins at once, and then a second: each costs an answer, perhaps a question. */
  readonly attachBurst: number
  readonly attachesPerSecond: number
  /** Bytes of one incoming message; announced as `max-message-size`. */
  readonly messageBytesMax: number
  /** Frames of one incoming message: each is held by itself. */
  readonly messageFramesMax: number
  /** Bytes of all incoming messages of a connection that have begun and not ended. */
  readonly partialBytesMax: number
  /** Incoming messages that a link may bring before we have settled earlier ones. */
  readonly creditMax: number
  /** Deliveries out of our hand that a session's peer has not settled. rhea keeps them in a ring of this size. */
  readonly unsettledMax: number
  /** Outgoing bytes that the peer has not read before we stop reading from it, and before nothing more is sent to it. */
  readonly backlogPauseBytes: number
  /** And before the connection is given up. */
  readonly backlogBytesMax: number
  /** How long a peer may leave a full backlog untouched, in milliseconds. */
  readonly stalledMs: number
  /** Until the peer has authenticated itself, in milliseconds from the first byte possible. */
  readonly openingMs: number
  /** We close when nothing comes for this long, and say half of it as our `idle-time-out`; milliseconds. */
  readonly idleMs: number
  /** The least that a peer may ask of us in heartbeats, in milliseconds: each costs a timer and a packet. */
  readonly idleTimeOutMsMin: number
  /** Connections of one front thread that speak AMQP. */
  readonly connectionsMax: number
  /** How long a peer may take to answer our close, in milliseconds. */
  readonly closingMs: number
}

export const AMQP_LIMITS: AmqpLimits = {
  frameBytesMax: 65_536,
  openingFrameBytesMax: 16_384,
  sessionsMax: 64,
  openingSessionsMax: 4,
  openingLinksMax: 8,
  openingFramesMax: 256,
  handleMax: 255,
  linksMax: 160,
  attachBurst: 200,
  attachesPerSecond: 20,
  messageBytesMax: 278_528,
  messageFramesMax: 1_024,
  partialBytesMax: 1_048_576,
  creditMax: 100,
  unsettledMax: 2_048,
  backlogPauseBytes: 512 * 1024,
  backlogBytesMax: 8 * 1024 * 1024,
  stalledMs: 60_000,
  openingMs: 20_000,
  idleMs: 480_000,
  idleTimeOutMsMin: 1_000,
  connectionsMax: 10_000,
  closingMs: 2_000,
}

/** What one value may hold, so that reading it costs no more than its bytes suggest. */
export const VALUE_DEPTH_MAX = 8
/** Values in one frame's performative or one message, those in lists, maps and arrays counted one by one. */
export const VALUES_MAX = 16_384

export type AttachBucket = Pick<TokenBucket, 'take'>
