/**
 * The server's side of one MQTT 3.1.1 connection, from the first byte to the last. Sans-IO: bytes and time come in by
 * methods, effects leave by `ServerEvents`, called at once and in order.
 */

import { type Instant, instantOf, later } from '@holdfast/base'
import {
  encodeConnack,
  encodePingresp,
  encodePuback,
  encodePubacks,
  encodePublish,
  encodeSuback,
  encodeUnsuback,
} from './encode.ts'
import { DecodeError, type DecodeErrorCode } from './errors.ts'
import type { ServerLimits } from './limits.ts'
import type { Connect, Packet, Publish, Subscribe, SubackCode, Unsubscribe } from './packet.ts'
import { nextPacketId } from './packet-ids.ts'
import { PacketReader } from './reader.ts'

/** Why the machine ended a connection. Each is also a word of the hub's own list of reasons. */
export type ServerCloseReason =
  | 'disconnect'
  | 'malformed'
  | 'protocol-violation'
  | 'too-large'
  | 'opening-timeout'
  | 'keep-alive'
  | 'refused'
  | 'unavailable'

/** The world of a `ServerConnection`. Implementers MUST NOT call `receive` or `tick` from within; all else they may. */
export interface ServerEvents {
  /** Bytes for the client, in order. They are to be written or copied, not changed; see `encode.ts`. */
  send(bytes: Uint8Array): void
  /** The client asks in. Answer, now or later, with `accept`, `refuse` or `close`. */
  onConnect(connect: Connect): void
  /** QoS 0 or 1. The payload is a view, valid until this returns. QoS 1 is answered with `puback`, now or later. */
  onPublish(publish: Publish): void
  /** Answer with `suback`, now or later. */
  onSubscribe(subscribe: Subscribe): void
  /** Answer with `unsuback`, now or later. */
  onUnsubscribe(unsubscribe: Unsubscribe): void
  /** The client has taken what `publish` sent under this id. Ids it was not sent are ignored. */
  onPuback(packetId: number): void
  /**
   * The machine has ended the connection: write what was sent, then close the socket. Called at most once, and last.
   * Only after 'disconnect' is the will forgotten [MQTT-3.14.4-3]. `detail` says which rule, in words of our own.
   */
  onClose(reason: ServerCloseReason, detail: string): void
}

export interface OutgoingPublish {
  readonly topic: string
  readonly payload: Uint8Array
  readonly qos: 0 | 1
  readonly retain?: boolean
  /** Sends again what an earlier connection of the session had sent under this id [MQTT-4.4.0-1]; QoS 1 only. */
  readonly againAs?: number
}

const REASONS: Record<DecodeErrorCode, ServerCloseReason> = {
  'packet-type': 'malformed',
  'header-flags': 'malformed',
  'remaining-length': 'malformed',
  'packet-too-large': 'too-large',
  truncated: 'malformed',
  'trailing-bytes': 'malformed',
  utf8: 'malformed',
  'packet-id': 'malformed',
  qos: 'malformed',
  dup: 'malformed',
  'topic-name': 'malformed',
  'topic-filter': 'malformed',
  'no-filters': 'malformed',
  'too-many-filters': 'too-large',
  'protocol-name': 'malformed',
  'protocol-level': 'refused',
  'connect-flags': 'malformed',
  'connack-fields': 'malformed',
  'suback-code': 'malformed',
}

const NEVER: Instant = instantOf(Number.POSITIVE_INFINITY)

/**
 * Opening (waits for CONNECT), asked (waits for the application's answer), open, closed.
 *
 * `accept`, `refuse`, `close` and whatever is sent do nothing once the connection is closed, because an answer may be
 * under way when the client goes. `refuse` and `close` are the caller's own ends: they do not call `onClose`.
 */
export class ServerConnection {
  readonly #events: ServerEvents
  readonly #limits: ServerLimits
  readonly #reader: PacketReader
  #state: 'opening' | 'asked' | 'open' | 'closed' = 'opening'
  #isPaused = false
  #isProcessing = false
  /** When the wait began that `#waitMs` bounds. */
  #since: Instant
  #waitMs: number
  #silenceMs = 0
  #lastPacketId = 0
  /** Ids the client owes a PUBACK, oldest first; at most `inflightMax`, and nothing while there are none. */
  #unacked: number[] | undefined = undefined

  /** @param limits shared by all connections; see `SERVER_LIMITS`. */
  constructor(now: Instant, limits: ServerLimits, events: ServerEvents) {
    this.#events = events
    this.#limits = limits
    this.#reader = new PacketReader({ packetBytesMax: limits.openingPacketBytesMax })
    this.#since = now
    this.#waitMs = limits.openingTimeoutMs
  }

  /** When to call `tick` if nothing happens before; infinite when never. It moves with every packet: ask again then. */
  get deadline(): Instant {
    if (this.#state === 'closed' || (this.#state === 'open' && this.#isPaused)) return NEVER
    return later(this.#since, this.#waitMs)
  }

  get isOpen(): boolean {
    return this.#state === 'open'
  }

  get isClosed(): boolean {
    return this.#state === 'closed'
  }

  /** Whether `publish` at QoS 1 has room. */
  get canPublish(): boolean {
    return this.#state === 'open' && this.inflight < this.#limits.inflightMax
  }

  /** How many QoS 1 publications the client has not acknowledged. */
  get inflight(): number {
    return this.#unacked === undefined ? 0 : this.#unacked.length
  }

  /** Takes what the client sent; `bytes` are free again when this returns. */
  receive(bytes: Uint8Array, now: Instant): void {
    if (this.#state === 'closed') return
    this.#reader.push(bytes)
    this.#process(now)
  }

  /** Looks at the clock. Early calls do nothing. */
  tick(now: Instant): void {
    if (now < this.deadline) return
    switch (this.#state) {
      case 'opening':
        return this.#end('opening-timeout', 'no CONNECT in time')
      case 'asked':
        this.#events.send(encodeConnack({ sessionPresent: false, returnCode: 3 }))
        return this.#end('unavailable', 'no decision on the CONNECT in time')
      case 'open':
        return this.#end('keep-alive', 'nothing received within one and a half keep-alive intervals [MQTT-3.1.2-24]')
      case 'closed':
    }
  }

  /**
   * Lets the client in: CONNACK, then whatever it sent meanwhile.
   * @throws TypeError unless `onConnect` was called and is unanswered.
   */
  accept(answer: { readonly sessionPresent: boolean }, now: Instant): void {
    if (!this.#answers()) return
    this.#state = 'open'
    this.#since = now
    this.#waitMs = this.#silenceMs
    this.#reader.packetBytesMax = this.#limits.packetBytesMax
    this.#events.send(encodeConnack({ sessionPresent: answer.sessionPresent, returnCode: 0 }))
    this.#process(now)
  }

  /**
   * Turns the client away: CONNACK with `code`, and the end. Close the socket when it is written [MQTT-3.2.2-5].
   * @throws TypeError unless `onConnect` was called and is unanswered.
   */
  refuse(code: 1 | 2 | 3 | 4 | 5): void {
    if (!this.#answers()) return
    this.#forget()
    this.#events.send(encodeConnack({ sessionPresent: false, returnCode: code }))
  }

  /** Acknowledges QoS 1 publications, in the order received [MQTT-4.6.0-2]; one write for all. */
  puback(packetIds: readonly number[]): void {
    if (this.#state !== 'open' || packetIds.length === 0) return
    const [first] = packetIds
    const isOne = packetIds.length === 1 && first !== undefined
    this.#events.send(isOne ? encodePuback(first) : encodePubacks(packetIds))
  }

  /** Answers a SUBSCRIBE: one code for each request, in its order [MQTT-3.8.4-5]. */
  suback(packetId: number, codes: readonly SubackCode[]): void {
    if (this.#state === 'open') this.#events.send(encodeSuback(packetId, codes))
  }

  unsuback(packetId: number): void {
    if (this.#state === 'open') this.#events.send(encodeUnsuback(packetId))
  }

  /**
   * Publishes to the client. The payload is copied.
   * @returns the packet id at QoS 1; 0 at QoS 0, or when the connection is not open.
   * @throws TypeError at QoS 1 without `canPublish`, or when `againAs` is in flight already.
   */
  publish(publish: OutgoingPublish): number {
    if (this.#state !== 'open') return 0
    const { topic, payload, qos, retain = false, againAs } = publish
    if (qos === 0) {
      this.#events.send(encodePublish({ topic, payload, qos, retain }))
      return 0
    }
    if (!this.canPublish) throw new TypeError('as many publications are in flight as may be')
    const isInFlight = (id: number): boolean => this.#unacked?.includes(id) === true
    if (againAs !== undefined && isInFlight(againAs)) throw new TypeError('that packet id is in flight')
    const packetId = againAs ?? nextPacketId(this.#lastPacketId, isInFlight) // [MQTT-2.3.1-4]
    const bytes = encodePublish({ topic, payload, qos, retain, dup: againAs !== undefined, packetId })
    if (againAs === undefined) this.#lastPacketId = packetId
    this.#unacked ??= []
    this.#unacked.push(packetId)
    this.#events.send(bytes)
    return packetId
  }

  /** Processes no more packets until `resume`. The driver should stop reading; what it had read is held, in bounds. */
  pause(): void {
    this.#isPaused = true
  }

  /** Goes on with what was held. The silence of a client that was not listened to is not counted. */
  resume(now: Instant): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    if (this.#state === 'open') this.#since = now
    this.#process(now)
  }

  /** Ends the connection without a word, for a reason of the caller's or because the client has gone. */
  close(): void {
    this.#forget()
  }

  /** Whether an answer to CONNECT is due; false after the end. */
  #answers(): boolean {
    if (this.#state === 'closed') return false
    if (this.#state !== 'asked') throw new TypeError('no CONNECT waits for an answer')
    return true
  }

  #process(now: Instant): void {
    // Called from within an event: the loop below is running and goes on by itself.
    if (this.#isProcessing) return
    this.#isProcessing = true
    try {
      while (this.#state === 'opening' || (this.#state === 'open' && !this.#isPaused)) {
        const packet = this.#next()
        if (packet === undefined) return
        // Only whole packets count [MQTT-3.1.2-24]: a byte now and then keeps nobody alive.
        this.#since = now
        this.#onPacket(packet, now)
      }
      this.#hold()
    } finally {
      this.#isProcessing = false
    }
  }

  #next(): Packet | undefined {
    try {
      return this.#reader.next()
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      // [MQTT-3.1.2-2] A level we do not speak is answered before the end, but only in an opening.
      if (error.code === 'protocol-level' && this.#state === 'opening')
        this.#events.send(encodeConnack({ sessionPresent: false, returnCode: 1 }))
      this.#end(REASONS[error.code], error.message)
      return undefined
    }
  }

  /** The caller is not processing: what is left must be small, and our own. */
  #hold(): void {
    if (this.#state === 'closed') return
    const { heldBytesMax } = this.#limits
    if (this.#reader.waitingBytes > this.#reader.packetBytesMax + heldBytesMax)
      return this.#end('too-large', 'more was sent than is held for a client that must wait')
    this.#reader.keep()
  }

  #onPacket(packet: Packet, now: Instant): void {
    if (this.#state === 'opening') return this.#onFirst(packet, now)
    switch (packet.type) {
      case 'publish':
        if (packet.qos === 2) return this.#end('protocol-violation', 'QoS 2 is not offered')
        return this.#events.onPublish(packet)
      case 'puback':
        return this.#onPuback(packet.packetId)
      case 'pingreq':
        return this.#events.send(encodePingresp()) // [MQTT-3.12.4-1]
      case 'subscribe':
        return this.#events.onSubscribe(packet)
      case 'unsubscribe':
        return this.#events.onUnsubscribe(packet)
      case 'disconnect':
        return this.#end('disconnect', 'DISCONNECT')
      case 'connect':
        return this.#end('protocol-violation', 'a second CONNECT [MQTT-3.1.0-2]')
      case 'pubrec':
      case 'pubrel':
      case 'pubcomp':
        return this.#end('protocol-violation', 'QoS 2 is not offered')
      case 'connack':
      case 'suback':
      case 'unsuback':
      case 'pingresp':
        return this.#end('protocol-violation', 'a packet that only servers send')
    }
  }

  #onFirst(packet: Packet, now: Instant): void {
    if (packet.type !== 'connect')
      return this.#end('protocol-violation', 'the first packet is no CONNECT [MQTT-3.1.0-1]')
    if (packet.clientId === '' && !packet.cleanSession) {
      // [MQTT-3.1.3-8]
      this.#events.send(encodeConnack({ sessionPresent: false, returnCode: 2 }))
      return this.#end('refused', 'an empty client id without a clean session')
    }
    const { silenceMsMax, answerTimeoutMs } = this.#limits
    const asked = packet.keepAliveSeconds * 1500
    this.#silenceMs = asked === 0 ? silenceMsMax : Math.min(asked, silenceMsMax)
    this.#state = 'asked'
    this.#since = now
    this.#waitMs = answerTimeoutMs
    this.#events.onConnect(packet)
  }

  #onPuback(packetId: number): void {
    const unacked = this.#unacked
    const index = unacked === undefined ? -1 : unacked.indexOf(packetId)
    if (unacked === undefined || index < 0) return
    unacked.splice(index, 1)
    if (unacked.length === 0) this.#unacked = undefined
    this.#events.onPuback(packetId)
  }

  #end(reason: ServerCloseReason, detail: string): void {
    // The application may have closed while it was handed the last bytes.
    if (this.#state === 'closed') return
    this.#forget()
    this.#events.onClose(reason, detail)
  }

  #forget(): void {
    this.#state = 'closed'
    this.#unacked = undefined
    this.#reader.clear()
  }
}
