/** Every bound of this package, with its unit and its reason. */

/** The largest Remaining Length four bytes can say, in bytes; §2.2.3, table 2.4. */
export const REMAINING_LENGTH_MAX = 268_435_455

/** The longest UTF-8 string or binary field, in bytes: its length is two bytes wide; §1.5.3. */
export const FIELD_BYTES_MAX = 65_535

/** Packet identifiers run from 1 to this; §2.3.1. */
export const PACKET_ID_MAX = 65_535

/**
 * Filters in one SUBSCRIBE or UNSUBSCRIBE. Four bytes on the wire can name a filter, and each becomes an object of
 * some fifty, so that without a bound a large packet would be a lever. No device of ours asks for more than ten.
 */
export const SUBSCRIBE_FILTERS_MAX = 128

/** The longest topic a reader remembers, in bytes, for it stays in memory while the connection is idle. */
export const REMEMBERED_TOPIC_BYTES_MAX = 512

/** What a reader may be made to hold. */
export interface PacketLimits {
  /** The largest whole packet, fixed header included, in bytes. */
  readonly packetBytesMax: number
}

/** What one peer can take of a server. */
export interface ServerLimits {
  /** The largest packet before the client is accepted, in bytes: a SAS token and a will fit, a flood does not. */
  readonly openingPacketBytesMax: number
  /** The largest packet after that, in bytes: 256 KiB of body and properties, and room for the topic's fixed part. */
  readonly packetBytesMax: number
  /**
   * What may wait beyond one largest packet while the server is not processing (before CONNACK, or paused), in bytes.
   * A driver that stops reading still hands over what it had read: for TLS, one 64 KiB chunk.
   */
  readonly heldBytesMax: number
  /** QoS 1 publications to the client that it has not acknowledged; Azure's hub has 50 C2D messages at most. */
  readonly inflightMax: number
  /** How long a silent peer may hold a socket before its CONNECT is complete, in milliseconds; §3.1.4 "reasonable". */
  readonly openingTimeoutMs: number
  /** How long the application may take to accept or refuse, in milliseconds; then the client is sent away to retry. */
  readonly answerTimeoutMs: number
  /** The longest silence whatever the client asked for, in milliseconds; Azure IoT Hub has 1767 s. */
  readonly silenceMsMax: number
}

export const SERVER_LIMITS: ServerLimits = Object.freeze({
  openingPacketBytesMax: 16_384,
  packetBytesMax: 262_144 + 4_096,
  heldBytesMax: 65_536,
  inflightMax: 50,
  openingTimeoutMs: 10_000,
  answerTimeoutMs: 30_000,
  silenceMsMax: 1_767_000,
})

/** What a server can take of one client. */
export interface ClientLimits {
  /** The largest packet the server may send, in bytes. */
  readonly packetBytesMax: number
  /** QoS 1 publications, subscriptions and unsubscriptions the server has not answered. */
  readonly inflightMax: number
  /** How long to wait for CONNACK, in milliseconds. */
  readonly connackTimeoutMs: number
  /** How long to wait for PINGRESP, in milliseconds; §3.1.2.10 says "reasonable". */
  readonly pingTimeoutMs: number
}

export const CLIENT_LIMITS: ClientLimits = Object.freeze({
  packetBytesMax: 262_144 + 4_096,
  inflightMax: 50,
  connackTimeoutMs: 30_000,
  pingTimeoutMs: 10_000,
})
