/**
 * The client's side of one MQTT 3.1.1 connection, at QoS 0 and 1. Sans-IO like `ServerConnection`; used by the agent,
 * the demonstration fleet and the simulation.
 */

import { type Instant, instantOf, later } from '@holdfast/base'
import { ClientSession } from './client-session.ts'
import {
  encodeConnect,
  encodeDisconnect,
  encodePingreq,
  encodePuback,
  encodePublish,
  encodeSubscribe,
  encodeUnsubscribe,
} from './encode.ts'
import { DecodeError } from './errors.ts'
import { CLIENT_LIMITS, type ClientLimits } from './limits.ts'
import type { Connack, Connect, Packet, Publish, SubackCode, SubscriptionRequest } from './packet.ts'
import { PacketReader } from './reader.ts'

export type ClientCloseReason =
  | 'refused'
  | 'malformed'
  | 'protocol-violation'
  | 'too-large'
  | 'opening-timeout'
  | 'keep-alive'

/** The world of a `ClientConnection`. Implementers MUST NOT call `receive` or `tick` from within; all else they may. */
export interface ClientEvents {
  /** Bytes for the server, in order. They are to be written or copied, not changed. */
  send(bytes: Uint8Array): void
  /** The server let us in; unacknowledged publications of the session have been sent again. */
  onOpen(connack: Connack): void
  /** Acknowledged, at QoS 1, when this returns. The payload is a view, valid until then. */
  onPublish(publish: Publish): void
  onPuback(packetId: number): void
  /** One code for each request; 128 is a refusal. */
  onSuback(packetId: number, codes: readonly SubackCode[]): void
  onUnsuback(packetId: number): void
  /** The machine has ended the connection: close the socket. Called at most once, and last. */
  onClose(reason: ClientCloseReason, detail: string, connack?: Connack): void
}

export type ConnectOptions = Omit<Connect, 'type' | 'protocolLevel'>

const NEVER: Instant = instantOf(Number.POSITIVE_INFINITY)

/** Sends CONNECT when made. Publish, subscribe and unsubscribe when open; after the end nothing is done or called. */
export class ClientConnection {
  readonly session: ClientSession
  readonly #events: ClientEvents
  readonly #limits: ClientLimits
  readonly #reader: PacketReader
  readonly #keepAliveMs: number
  #state: 'asking' | 'open' | 'closed' = 'asking'
  #isProcessing = false
  #lastSent: Instant
  #lastReceived: Instant
  #pingSent: Instant | undefined = undefined

  /**
   * @param options with `cleanSession: false`, give the `session` of the connection before, if there was one.
   * @throws TypeError on options MQTT cannot say.
   */
  constructor(
    now: Instant,
    options: ConnectOptions,
    events: ClientEvents,
    more: { readonly limits?: ClientLimits; readonly session?: ClientSession } = {},
  ) {
    this.session = more.session ?? new ClientSession()
    this.session.forgetRequests()
    this.#events = events
    this.#limits = more.limits ?? CLIENT_LIMITS
    this.#reader = new PacketReader(this.#limits)
    this.#keepAliveMs = options.keepAliveSeconds * 1000
    this.#lastSent = now
    this.#lastReceived = now
    events.send(encodeConnect(options))
  }

  get isOpen(): boolean {
    return this.#state === 'open'
  }

  get isClosed(): boolean {
    return this.#state === 'closed'
  }

  /** Whether one more QoS 1 publication, subscription or unsubscription may be sent. */
  get canPublish(): boolean {
    return this.#state === 'open' && this.session.inflight < this.#limits.inflightMax
  }

  /** When to call `tick` if nothing happens before; infinite when never. */
  get deadline(): Instant {
    if (this.#state === 'closed') return NEVER
    if (this.#state === 'asking') return later(this.#lastSent, this.#limits.connackTimeoutMs)
    if (this.#pingSent !== undefined) return later(this.#pingSent, this.#limits.pingTimeoutMs)
    if (this.#keepAliveMs === 0) return NEVER
    // [MQTT-3.1.2-23] asks for a packet sent; one received is how we learn that the server is gone.
    return later(this.#lastSent < this.#lastReceived ? this.#lastSent : this.#lastReceived, this.#keepAliveMs)
  }

  /** Takes what the server sent; `bytes` are free again when this returns. */
  receive(bytes: Uint8Array, now: Instant): void {
    if (this.#state === 'closed') return
    if (this.#isProcessing) throw new TypeError('receive was called from within an event')
    this.#reader.push(bytes)
    this.#isProcessing = true
    try {
      // `isClosed`, not the state itself: events may end the connection.
      while (!this.isClosed) {
        const packet = this.#next()
        if (packet === undefined) return
        this.#lastReceived = now
        if (this.#state === 'asking') this.#onFirst(packet, now)
        else this.#onPacket(packet, now)
      }
    } finally {
      this.#isProcessing = false
    }
  }

  /** Looks at the clock: pings, or gives the server up. Early calls do nothing. */
  tick(now: Instant): void {
    if (now < this.deadline) return
    if (this.#state === 'asking') return this.#end('opening-timeout', 'no CONNACK in time')
    if (this.#state === 'closed') return
    if (this.#pingSent !== undefined) return this.#end('keep-alive', 'no PINGRESP in time')
    this.#pingSent = now
    this.#send(encodePingreq(), now)
  }

  /**
   * @returns the packet id at QoS 1, which `onPuback` will name; 0 at QoS 0 or when the connection is not open.
   * @throws TypeError at QoS 1 without `canPublish`.
   */
  publish(
    publish: { readonly topic: string; readonly payload: Uint8Array; readonly qos: 0 | 1; readonly retain?: boolean },
    now: Instant,
  ): number {
    if (this.#state !== 'open') return 0
    const { topic, payload, qos, retain = false } = publish
    if (qos === 0) {
      this.#send(encodePublish({ topic, payload, qos, retain }), now)
      return 0
    }
    this.#checkRoom()
    const { packetId, bytes } = this.session.publish({ topic, payload, retain })
    this.#send(bytes, now)
    return packetId
  }

  /** @returns the packet id, which `onSuback` will name; 0 when the connection is not open. */
  subscribe(requests: readonly SubscriptionRequest[], now: Instant): number {
    if (this.#state !== 'open') return 0
    this.#checkRoom()
    const packetId = this.session.request()
    this.#send(encodeSubscribe(packetId, requests), now)
    return packetId
  }

  /** @returns the packet id, which `onUnsuback` will name; 0 when the connection is not open. */
  unsubscribe(filters: readonly string[], now: Instant): number {
    if (this.#state !== 'open') return 0
    this.#checkRoom()
    const packetId = this.session.request()
    this.#send(encodeUnsubscribe(packetId, filters), now)
    return packetId
  }

  /** Says goodbye, so that the will is not published, and ends. Close the socket when it is written [MQTT-3.14.4-1]. */
  disconnect(now: Instant): void {
    if (this.#state === 'open') this.#send(encodeDisconnect(), now)
    this.close()
  }

  /** Ends without a word, or because the server has gone. */
  close(): void {
    this.#state = 'closed'
    this.#pingSent = undefined
    this.#reader.clear()
  }

  #send(bytes: Uint8Array, now: Instant): void {
    this.#lastSent = now
    this.#events.send(bytes)
  }

  #checkRoom(): void {
    if (!this.canPublish) throw new TypeError('as much is in flight as may be')
  }

  #next(): Packet | undefined {
    try {
      return this.#reader.next()
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      this.#end(error.code === 'packet-too-large' ? 'too-large' : 'malformed', error.message)
      return undefined
    }
  }

  #onFirst(packet: Packet, now: Instant): void {
    // [MQTT-3.2.0-1]
    if (packet.type !== 'connack') return this.#end('protocol-violation', 'the first packet is no CONNACK')
    if (packet.returnCode !== 0) return this.#end('refused', `CONNACK ${packet.returnCode}`, packet)
    this.#state = 'open'
    for (const bytes of this.session.resend({ isPresent: packet.sessionPresent })) {
      if (this.isClosed) return
      this.#send(bytes, now)
    }
    if (!this.isClosed) this.#events.onOpen(packet)
  }

  #onPacket(packet: Packet, now: Instant): void {
    switch (packet.type) {
      case 'publish':
        return this.#onPublish(packet, now)
      case 'puback':
        if (this.session.acknowledge(packet.packetId)) this.#events.onPuback(packet.packetId)
        return
      case 'suback':
        if (this.session.answer(packet.packetId)) this.#events.onSuback(packet.packetId, packet.codes)
        return
      case 'unsuback':
        if (this.session.answer(packet.packetId)) this.#events.onUnsuback(packet.packetId)
        return
      case 'pingresp':
        this.#pingSent = undefined
        return
      case 'pubrec':
      case 'pubrel':
      case 'pubcomp':
        return this.#end('protocol-violation', 'QoS 2 was not asked for')
      case 'connack':
        return this.#end('protocol-violation', 'a second CONNACK')
      case 'connect':
      case 'subscribe':
      case 'unsubscribe':
      case 'pingreq':
      case 'disconnect':
        return this.#end('protocol-violation', 'a packet that only clients send')
    }
  }

  #onPublish(publish: Publish, now: Instant): void {
    if (publish.qos === 2) return this.#end('protocol-violation', 'QoS 2 was not asked for')
    this.#events.onPublish(publish)
    if (publish.qos === 1 && !this.isClosed) this.#send(encodePuback(publish.packetId), now)
  }

  #end(reason: ClientCloseReason, detail: string, connack?: Connack): void {
    if (this.#state === 'closed') return
    this.close()
    this.#events.onClose(reason, detail, connack)
  }
}
