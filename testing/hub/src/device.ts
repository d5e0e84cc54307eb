/**
 * A device that keeps what it has not been acknowledged: MQTT at QoS 1 over TLS, several in flight, a session that lasts
 * (clean session 0), and after each loss of its connection another one on which it sends again, in order.
 */

import { connect, type TLSSocket } from 'node:tls'
import { type Instant, instantOf } from '@holdfast/base'
import { ClientConnection, ClientSession } from '@holdfast/mqtt'
import { formatSasToken } from '@holdfast/tokens'
import type { NumberedMessage } from './numbered-message.ts'

const API_VERSION = '2021-04-12'
const TOKEN_SECONDS = 3_600
const KEEP_ALIVE_SECONDS = 30
/** Longer than the hub's patience, so that it is the hub that ends a handshake. */
const HANDSHAKE_MS_MAX = 20_000
const RETRY_MS = 40

export interface DeviceServer {
  readonly port: number
  readonly hostname: string
  /** PEM of the root. */
  readonly authority: string
}

export interface DeviceOptions {
  readonly id: string
  readonly key: string
  readonly server: DeviceServer
  /** Publications without PUBACK at most. */
  readonly inflightMax: number
  /** Between two publications while there is room, in milliseconds; 0: as many as there is room for. */
  readonly gapMs: number
  readonly message: (number: number) => NumberedMessage
}

export class Device {
  readonly id: string
  readonly key: string
  /** Milliseconds from PUBLISH to PUBACK, of those acknowledged on the connection they were first sent on. */
  readonly latencies: number[] = []
  readonly #options: DeviceOptions
  readonly #session = new ClientSession()
  /** Number and moment of what is not acknowledged, by packet id. */
  readonly #waiting = new Map<number, { readonly number: number; readonly at: number }>()
  readonly #acknowledged = new Set<number>()
  #sent = 0
  #connections = 0
  #refusals = 0
  #isWanted = false
  #isSending = true
  #socket: TLSSocket | undefined
  #connection: ClientConnection | undefined
  #timer: NodeJS.Timeout | undefined
  #retry: NodeJS.Timeout | undefined
  #openedAt = 0

  constructor(options: DeviceOptions) {
    this.id = options.id
    this.key = options.key
    this.#options = options
  }

  /** The highest number sent; all below it were sent too. */
  get sent(): number {
    return this.#sent
  }

  /** Numbers acknowledged. */
  get acknowledged(): ReadonlySet<number> {
    return this.#acknowledged
  }

  get unacknowledged(): number {
    return this.#waiting.size
  }

  get isConnected(): boolean {
    return this.#connection?.isOpen === true
  }

  /** Connections that were let in. */
  get connections(): number {
    return this.#connections
  }

  /** Connections that were answered with a CONNACK other than 0. */
  get refusals(): number {
    return this.#refusals
  }

  start(): void {
    if (this.#isWanted) return
    this.#isWanted = true
    this.#open()
  }

  /** Begins no more messages; what is unacknowledged is still sent again. */
  stopSending(): void {
    this.#isSending = false
    clearTimeout(this.#timer)
  }

  /** Ends without a goodbye. */
  stop(): void {
    this.#isWanted = false
    this.stopSending()
    clearTimeout(this.#retry)
    this.#connection?.close()
    this.#socket?.destroy()
  }

  #open(): void {
    const { port, hostname, authority } = this.#options.server
    const socket = connect({ host: '127.0.0.1', port, servername: hostname, ca: authority, minVersion: 'TLSv1.2' })
    this.#socket = socket
    socket.setNoDelay(true)
    socket.setTimeout(HANDSHAKE_MS_MAX, () => socket.destroy())
    socket.on('secureConnect', () => {
      socket.setTimeout(0)
      this.#begin(socket)
    })
    socket.on('data', (bytes: Buffer) => this.#connection?.receive(bytes, now()))
    socket.on('error', () => socket.destroy())
    socket.on('close', () => {
      this.#connection?.close()
      clearTimeout(this.#timer)
      if (this.#isWanted) this.#retry = setTimeout(() => this.#open(), RETRY_MS)
    })
  }

  #begin(socket: TLSSocket): void {
    const { hostname } = this.#options.server
    const expirySeconds = Math.floor(Date.now() / 1000) + TOKEN_SECONDS
    const token = formatSasToken({ resource: `${hostname}/devices/${this.id}`, key: this.key, expirySeconds })
    this.#connection = new ClientConnection(
      now(),
      {
        clientId: this.id,
        cleanSession: false,
        keepAliveSeconds: KEEP_ALIVE_SECONDS,
        username: `${hostname}/${this.id}/?api-version=${API_VERSION}`,
        password: Buffer.from(token),
      },
      {
        // Copied, for a resent packet is changed in place (DUP) while an earlier socket may still hold it.
        send: (bytes) => void socket.write(Buffer.from(bytes)),
        onOpen: () => {
          this.#connections += 1
          this.#openedAt = performance.now()
          this.#pump()
        },
        onPublish: () => undefined,
        onPuback: (packetId) => this.#onPuback(packetId),
        onSuback: () => undefined,
        onUnsuback: () => undefined,
        onClose: (_reason, _detail, connack) => {
          if (connack !== undefined) this.#refusals += 1
          socket.destroy()
        },
      },
      { session: this.#session },
    )
  }

  #onPuback(packetId: number): void {
    const waiting = this.#waiting.get(packetId)
    if (waiting === undefined) return
    this.#waiting.delete(packetId)
    this.#acknowledged.add(waiting.number)
    if (waiting.at >= this.#openedAt) this.latencies.push(performance.now() - waiting.at)
    if (this.#options.gapMs === 0) this.#pump()
  }

  #pump(): void {
    clearTimeout(this.#timer)
    const { gapMs, inflightMax, message } = this.#options
    const connection = this.#connection
    if (!this.#isSending || connection === undefined || !connection.isOpen) return
    while (connection.canPublish && this.#session.unacked < inflightMax) {
      this.#sent += 1
      const { topic, body } = message(this.#sent)
      const at = performance.now()
      const packetId = connection.publish({ topic, payload: body, qos: 1 }, now())
      this.#waiting.set(packetId, { number: this.#sent, at })
      if (gapMs > 0) break
    }
    if (gapMs > 0) this.#timer = setTimeout(() => this.#pump(), gapMs)
  }
}

function now(): Instant {
  return instantOf(performance.now())
}
