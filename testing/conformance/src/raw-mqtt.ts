/**
 * MQTT by hand: bytes that no library would send, over TLS or WebSocket, and what comes back. Encoded here and decoded by
 * mqtt-packet, so that nothing of the code under test has a part in it.
 */

import { connect, type TLSSocket } from 'node:tls'
import mqttPacket, { type Packet } from 'mqtt-packet'
import type { HubProcess } from './hub-process.ts'
import { ADDRESS } from './standard-ports.ts'

/** A packet, or an end, that does not come fails the row after so long, in milliseconds. */
const ANSWER_MS_MAX = 15_000

export const RAW_TRANSPORTS = ['mqtt', 'mqtt-ws'] as const
export type RawTransport = (typeof RAW_TRANSPORTS)[number]

/** A string of MQTT §1.5.3, or binary data of the same form. */
export function text(value: string | Uint8Array): Buffer {
  const bytes = Buffer.from(value)
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes])
}

/** Remaining length, §2.2.3. */
export function lengthOf(count: number): Buffer {
  const bytes: number[] = []
  for (let rest = count; ; ) {
    const digit = rest % 128
    rest = Math.floor(rest / 128)
    if (rest === 0) return Buffer.from([...bytes, digit])
    bytes.push(digit | 0x80)
  }
}

export function packet(first: number, ...body: readonly Uint8Array[]): Buffer {
  const bytes = Buffer.concat(body)
  return Buffer.concat([Buffer.from([first]), lengthOf(bytes.length), bytes])
}

export interface ConnectWish {
  readonly clientId: string
  readonly username?: string
  readonly password?: string | Uint8Array
  readonly isClean?: boolean
  readonly keepAliveSeconds?: number
  readonly will?: {
    readonly topic: string
    readonly payload: string
    readonly qos?: 0 | 1 | 2
    readonly retain?: boolean
  }
  readonly protocolName?: string
  readonly level?: number
}

/** CONNECT, §3.1. */
export function connectPacket(wish: ConnectWish): Buffer {
  const { clientId, username, password, will, isClean = false, keepAliveSeconds = 60 } = wish
  const flags =
    (username === undefined ? 0 : 0x80) |
    (password === undefined ? 0 : 0x40) |
    (will === undefined ? 0 : 0x04 | ((will.qos ?? 0) << 3) | (will.retain === true ? 0x20 : 0)) |
    (isClean ? 0x02 : 0)
  return packet(
    0x10,
    text(wish.protocolName ?? 'MQTT'),
    Buffer.from([wish.level ?? 4, flags, keepAliveSeconds >> 8, keepAliveSeconds & 0xff]),
    text(clientId),
    ...(will === undefined ? [] : [text(will.topic), text(will.payload)]),
    ...(username === undefined ? [] : [text(username)]),
    ...(password === undefined ? [] : [text(password)]),
  )
}

export interface PublishWish {
  readonly qos?: 0 | 1 | 2 | 3
  readonly retain?: boolean
  readonly dup?: boolean
  readonly packetId?: number
}

/** PUBLISH, §3.3. */
export function publishPacket(
  topic: string | Uint8Array,
  payload: string | Uint8Array,
  wish: PublishWish = {},
): Buffer {
  const { qos = 1, retain = false, dup = false, packetId = 1 } = wish
  const id = qos === 0 ? Buffer.alloc(0) : Buffer.from([packetId >> 8, packetId & 0xff])
  return packet(0x30 | (dup ? 8 : 0) | (qos << 1) | (retain ? 1 : 0), text(topic), id, Buffer.from(payload))
}

/** SUBSCRIBE, §3.8. */
export function subscribePacket(filters: readonly (readonly [string, number])[], packetId = 2): Buffer {
  const id = Buffer.from([packetId >> 8, packetId & 0xff])
  return packet(0x82, id, ...filters.map(([filter, qos]) => Buffer.concat([text(filter), Buffer.from([qos])])))
}

export const unsubscribePacket = (filters: readonly string[], packetId = 3): Buffer =>
  packet(0xa2, Buffer.from([packetId >> 8, packetId & 0xff]), ...filters.map(text))
export const PINGREQ = Buffer.from([0xc0, 0])
export const DISCONNECT = Buffer.from([0xe0, 0])

interface Wire {
  send(bytes: Uint8Array): void
  /** Without a word: as when a cable is pulled. */
  destroy(): void
}

export interface Credentials {
  readonly cert: string
  readonly key: string
}

export class RawMqtt {
  #wire: Wire | undefined
  readonly #parser = mqttPacket.parser({ protocolVersion: 4 })
  readonly #packets: Packet[] = []
  #isClosed = false
  #wake: (() => void) | undefined

  private constructor() {
    this.#parser.on('packet', (one) => this.#packets.push(one))
  }

  static async open(hub: HubProcess, transport: RawTransport, credentials?: Credentials): Promise<RawMqtt> {
    const raw = new RawMqtt()
    raw.#wire = await (transport === 'mqtt' ? raw.#overTls(hub, credentials) : raw.#overWebSocket(hub))
    return raw
  }

  send(...bytes: readonly Uint8Array[]): this {
    this.#wire?.send(Buffer.concat(bytes))
    return this
  }

  destroy(): void {
    this.#wire?.destroy()
  }

  /** The next packet; undefined when the hub closed the connection instead. */
  async next(): Promise<Packet | undefined> {
    const until = performance.now() + ANSWER_MS_MAX
    for (;;) {
      const first = this.#packets.shift()
      if (first !== undefined || this.#isClosed) return first
      if (performance.now() > until) throw new Error('the hub neither answers nor closes')
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 1_000)
        this.#wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
  }

  /** What the hub still sends until it closes the connection. */
  async rest(): Promise<Packet[]> {
    const packets: Packet[] = []
    for (let one = await this.next(); one !== undefined; one = await this.next()) packets.push(one)
    return packets
  }

  #received(bytes: Uint8Array): void {
    this.#parser.parse(Buffer.from(bytes))
    this.#wake?.()
  }

  #closed(): void {
    this.#isClosed = true
    this.#wake?.()
  }

  #overTls(hub: HubProcess, credentials: Credentials | undefined): Promise<Wire> {
    return new Promise((resolve, reject) => {
      const socket: TLSSocket = connect({
        host: ADDRESS,
        port: hub.ready.mqttPort,
        servername: 'localhost',
        ca: hub.ca,
        ...credentials,
      })
      socket.on('data', (bytes: Buffer) => this.#received(bytes))
      socket.on('close', () => this.#closed())
      // What was sent into a connection that the hub is closing may end in a reset.
      socket.on('error', reject)
      socket.once('secureConnect', () =>
        resolve({ send: (bytes) => void socket.write(bytes), destroy: () => socket.destroy() }),
      )
    })
  }

  #overWebSocket(hub: HubProcess): Promise<Wire> {
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(`wss://localhost:${hub.ready.httpsPort}/$iothub/websocket`, ['mqtt'])
      socket.binaryType = 'arraybuffer'
      socket.onmessage = (event) => {
        const data: unknown = event.data
        // [MQTT-6.0.0-1] A text frame would be no MQTT.
        if (data instanceof ArrayBuffer) this.#received(new Uint8Array(data))
        else socket.close(1003)
      }
      socket.onclose = () => this.#closed()
      socket.onerror = () => reject(new Error('the WebSocket could not be opened'))
      socket.onopen = () =>
        resolve({
          send: (bytes) => socket.send(new Uint8Array(bytes)),
          // A close without DISCONNECT before it.
          destroy: () => socket.close(),
        })
    })
  }
}
