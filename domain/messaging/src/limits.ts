/** Every bound of this package. Bytes and milliseconds unless the name says otherwise. */

import { SERVER_LIMITS, type ServerLimits } from '@holdfast/mqtt'

/** One telemetry message: body and properties; Azure IoT Hub's own bound. */
export const MESSAGE_BYTES_MAX = 256 * 1024

/** A record's property bag; an MQTT topic (UTF-8 string, MQTT 3.1.1 §1.5.3) can hold no more. */
export const BAG_BYTES_MAX = 65_535

/** One encoded record: message, bag as received (percent-encoding may triple it), and the connection's prefix. */
export const RECORD_BYTES_MAX = MESSAGE_BYTES_MAX + BAG_BYTES_MAX + 4 * 1024

/** A batch closes when it holds this much: large enough for the disk, small enough to be decoded in a few ms. */
export const BATCH_BYTES_MAX = 1024 * 1024
export const BATCH_MESSAGES_MAX = 4_096

/** A batch's buffer starts here and doubles, so that a quiet partition costs little. */
export const BATCH_BYTES_INITIAL = 16 * 1024

/** A history page, before compression. */
export const PAGE_BYTES_MAX = 4 * 1024 * 1024
export const PAGE_MESSAGES_MAX = 65_536

/** Partitions of a hub; the sealed header has two bytes for the number. */
export const PARTITIONS_MAX = 1_024

/** Limits of a front; `FRONT_LIMITS` are the defaults. */
/**
 * Body of a request that is no telemetry, in bytes. The largest documented one is a method's answer of 128 KB; a twin's
 * patch of 32 KB as Azure counts may take several times that as JSON text.
 */
export const REQUEST_BYTES_MAX = 256 * 1024

export interface FrontLimits {
  /** Packet sizes and patience of the MQTT machine. */
  readonly mqtt: ServerLimits
  readonly connectionsMax: number
  /** PUBLISH packets of one connection that are not acknowledged yet. */
  readonly unacknowledgedMax: number
  /** Plain bytes of all connections together that the log has not committed yet. */
  readonly pendingBytesMax: number
  /** Bytes of the wills of all connections together. */
  readonly willBytesMax: number
  /** Appends handed to the log and not answered. Two: one on its way to the disk, one behind it. */
  readonly appendsMax: number
  /**
   * Records that an open batch gathers before it goes to a free log without waiting for the end of the turn: the log
   * works on the first of a burst while the front still reads the rest.
   */
  readonly batchMessagesEarly: number
  /** Bytes a connection's socket may hold back before the peer counts as not reading. */
  readonly backlogBytesMax: number
  /** SUBSCRIBE and UNSUBSCRIBE packets of a connection that the core has not answered. */
  readonly subscribesMax: number
  /** SUBSCRIBE and UNSUBSCRIBE packets of a connection. */
  readonly subscribeRate: { readonly perSecond: number; readonly burst: number }
  /**
   * Requests of a connection: twin, certificate, provisioning. Above what the core answers (`device.twin-*` of the
   * throttling): who asks too much is told so, and only who does not listen is ended.
   */
  readonly requestRate: { readonly perSecond: number; readonly burst: number }
  /** Answers of a connection to method calls; how many calls there are is the back end's to bound. */
  readonly methodAnswerRate: { readonly perSecond: number; readonly burst: number }
  /** Bad endings of openings from one address before further ones are turned away unheard. */
  readonly refusedRate: { readonly perSecond: number; readonly burst: number }
  /** How long a shutdown waits for the log, in milliseconds; the whole process has five seconds. */
  readonly shutdownMs: number
}

export const FRONT_LIMITS: FrontLimits = {
  mqtt: {
    ...SERVER_LIMITS,
    // CONNECT with a SAS token and a user name is under 1 KiB; a will may ride along.
    openingPacketBytesMax: 16 * 1024,
    // 256 KB of message, a topic of at most 64 KB, the fixed header.
    packetBytesMax: MESSAGE_BYTES_MAX + BAG_BYTES_MAX + 16,
  },
  connectionsMax: 50_000,
  unacknowledgedMax: 1_000,
  pendingBytesMax: 64 * 1024 * 1024,
  willBytesMax: 64 * 1024 * 1024,
  appendsMax: 2,
  batchMessagesEarly: 24,
  backlogBytesMax: 256 * 1024,
  subscribesMax: 16,
  subscribeRate: { perSecond: 2, burst: 20 },
  requestRate: { perSecond: 50, burst: 300 },
  methodAnswerRate: { perSecond: 500, burst: 1_000 },
  refusedRate: { perSecond: 20, burst: 100 },
  shutdownMs: 3_000,
}
