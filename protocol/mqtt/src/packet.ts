/**
 * The control packets of MQTT 3.1.1 (OASIS Standard, 29 October 2014) as values, one type for each row of table 2.1.
 * Clause numbers in this package are of that document.
 */

/** Quality of service as the wire can carry it; §4.3. */
export type Qos = 0 | 1 | 2

/** CONNACK return codes; §3.2.2.3, table 3.1. */
export type ConnackCode = 0 | 1 | 2 | 3 | 4 | 5

/** SUBACK return codes: the granted QoS, or 128 for a failure; §3.9.3. */
export type SubackCode = 0 | 1 | 2 | 128

/** What the server publishes when the connection ends without DISCONNECT; §3.1.2.5. */
export interface Will {
  /** A topic name: not empty, no wildcards. */
  readonly topic: string
  /** At most 65535 bytes. */
  readonly payload: Uint8Array
  readonly qos: Qos
  readonly retain: boolean
}

/** §3.1. All bytes in it are copies, to be kept as long as one likes. */
export interface Connect {
  readonly type: 'connect'
  /** Always 4: a CONNECT of another level is refused while it is decoded. */
  readonly protocolLevel: 4
  /** May be empty; the server must then insist on a clean session [MQTT-3.1.3-7]. */
  readonly clientId: string
  readonly cleanSession: boolean
  /** In seconds, 0 to 65535; 0 switches keep-alive off. */
  readonly keepAliveSeconds: number
  readonly username?: string
  /** Binary, at most 65535 bytes; secret. */
  readonly password?: Uint8Array
  readonly will?: Will
}

/** §3.2. */
export interface Connack {
  readonly type: 'connack'
  readonly sessionPresent: boolean
  readonly returnCode: ConnackCode
}

/** §3.3. */
export interface Publish {
  readonly type: 'publish'
  /** A topic name: not empty, no wildcards. */
  readonly topic: string
  /** A view of what was pushed into the reader, valid until the next push: copy to keep. */
  readonly payload: Uint8Array
  readonly qos: Qos
  readonly retain: boolean
  readonly dup: boolean
  /** 1 to 65535; 0 when `qos` is 0, for then there is none. */
  readonly packetId: number
}

/** §3.4. */
export interface Puback {
  readonly type: 'puback'
  readonly packetId: number
}

/** §3.5 to §3.7: the handshake of QoS 2, decoded just enough to be refused by name. */
export interface QosTwoStep {
  readonly type: 'pubrec' | 'pubrel' | 'pubcomp'
  readonly packetId: number
}

/** One row of a SUBSCRIBE; §3.8.3. */
export interface SubscriptionRequest {
  /** A valid topic filter by §4.7. */
  readonly filter: string
  readonly qos: Qos
}

/** §3.8. At least one request, at most `SUBSCRIBE_FILTERS_MAX`. */
export interface Subscribe {
  readonly type: 'subscribe'
  readonly packetId: number
  readonly requests: readonly SubscriptionRequest[]
}

/** §3.9. One code for each request of the SUBSCRIBE, in its order. */
export interface Suback {
  readonly type: 'suback'
  readonly packetId: number
  readonly codes: readonly SubackCode[]
}

/** §3.10. At least one filter, at most `SUBSCRIBE_FILTERS_MAX`. */
export interface Unsubscribe {
  readonly type: 'unsubscribe'
  readonly packetId: number
  readonly filters: readonly string[]
}

/** §3.11. */
export interface Unsuback {
  readonly type: 'unsuback'
  readonly packetId: number
}

/** §3.12 to §3.14: the packets that are their own type and nothing else. */
export interface Bare {
  readonly type: 'pingreq' | 'pingresp' | 'disconnect'
}

export type Packet =
  | Connect
  | Connack
  | Publish
  | Puback
  | QosTwoStep
  | Subscribe
  | Suback
  | Unsubscribe
  | Unsuback
  | Bare
