/**
 * Drives one `ClientConnection` over TLS 1.2 or 1.3: moves bytes, keeps its deadline, says once how it ended. Decides
 * nothing, and trusts no server but one whose certificate is for the hub's name and signed by the hub's root.
 */

import { connect, type TLSSocket } from 'node:tls'
import { type Instant, instantOf } from '@holdfast/base'
import { ClientConnection, type ClientEvents, type ClientSession, type ConnectOptions } from '@holdfast/mqtt'
import { HANDSHAKE_MS_MAX } from './limits.ts'

/** Where the hub listens, and how to know it. */
export interface Server {
  readonly host: string
  readonly port: number
  /** Name in the hub's certificate; also what tokens are for. */
  readonly hostname: string
  /** PEM of the root. */
  readonly authority: string
}

/** PEM of a device's certificate and its key. */
export interface ClientCertificate {
  readonly certificate: string
  readonly key: string
}

export type End =
  /** CONNACK with this code: the credential, not the way, is at fault. */
  | { readonly kind: 'refused'; readonly code: number }
  | { readonly kind: 'lost'; readonly detail: string }
  /** We said goodbye. */
  | { readonly kind: 'left' }

export interface SocketEvents extends Pick<ClientEvents, 'onPublish' | 'onPuback' | 'onSuback'> {
  onOpen(): void
  onEnd(end: End): void
}

export interface SocketOptions {
  readonly server: Server
  readonly connect: ConnectOptions
  readonly certificate?: ClientCertificate
  readonly session?: ClientSession
}

export function monotonicNow(): Instant {
  return instantOf(performance.now())
}

export class MqttSocket {
  readonly #events: SocketEvents
  readonly #socket: TLSSocket
  readonly #setup: NodeJS.Timeout
  #connection: ClientConnection | undefined
  #timer: NodeJS.Timeout | undefined
  #end: End | undefined
  #hasEnded = false

  constructor(options: SocketOptions, events: SocketEvents) {
    const { server, certificate } = options
    this.#events = events
    this.#socket = connect({
      host: server.host,
      port: server.port,
      servername: server.hostname,
      ca: server.authority,
      minVersion: 'TLSv1.2',
      ...(certificate !== undefined && { cert: certificate.certificate, key: certificate.key }),
    })
    this.#socket.setNoDelay(true)
    this.#setup = setTimeout(() => this.#lose('the TLS handshake took too long'), HANDSHAKE_MS_MAX)
    this.#socket.on('secureConnect', () => this.#onSecure(options))
    this.#socket.on('data', (chunk: Buffer) => {
      this.#connection?.receive(chunk, monotonicNow())
      this.#schedule()
    })
    this.#socket.on('error', (error: Error & { readonly code?: string }) => this.#lose(error.code ?? error.message))
    this.#socket.on('close', () => this.#finish())
  }

  /** Whether one more QoS 1 publication may leave. */
  get canPublish(): boolean {
    return this.#connection?.canPublish === true
  }

  get connection(): ClientConnection | undefined {
    return this.#connection
  }

  /** @returns the packet id. Call only with `canPublish`. */
  publish(topic: string, payload: Uint8Array): number {
    const id = this.#connection?.publish({ topic, payload, qos: 1 }, monotonicNow()) ?? 0
    this.#schedule()
    return id
  }

  subscribe(filter: string): void {
    this.#connection?.subscribe([{ filter, qos: 1 }], monotonicNow())
    this.#schedule()
  }

  /** Says goodbye; `onEnd` follows. */
  leave(): void {
    this.#end ??= { kind: 'left' }
    this.#connection?.disconnect(monotonicNow())
    if (this.#connection === undefined) this.#socket.destroy()
    else this.#socket.end()
    // A server that does not close in turn is left alone.
    setTimeout(() => this.#socket.destroy(), 1_000).unref()
  }

  #onSecure(options: SocketOptions): void {
    clearTimeout(this.#setup)
    this.#connection = new ClientConnection(
      monotonicNow(),
      options.connect,
      {
        send: (bytes) => void this.#socket.write(bytes),
        onOpen: () => this.#events.onOpen(),
        onPublish: (publish) => this.#events.onPublish(publish),
        onPuback: (id) => this.#events.onPuback(id),
        onSuback: (id, codes) => this.#events.onSuback(id, codes),
        onUnsuback: () => undefined,
        onClose: (reason, detail, connack) => {
          this.#end ??=
            connack === undefined
              ? { kind: 'lost', detail: `${reason}: ${detail}` }
              : { kind: 'refused', code: connack.returnCode }
          this.#socket.destroy()
        },
      },
      options.session === undefined ? {} : { session: options.session },
    )
    this.#schedule()
  }

  /** One timer, set to the machine's deadline. */
  #schedule(): void {
    const deadline = this.#connection?.deadline ?? Number.POSITIVE_INFINITY
    clearTimeout(this.#timer)
    if (!Number.isFinite(deadline) || this.#hasEnded) return
    this.#timer = setTimeout(
      () => {
        this.#connection?.tick(monotonicNow())
        this.#schedule()
      },
      Math.max(1, deadline - monotonicNow()),
    )
  }

  #lose(detail: string): void {
    this.#end ??= { kind: 'lost', detail }
    this.#socket.destroy()
  }

  #finish(): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    clearTimeout(this.#setup)
    clearTimeout(this.#timer)
    this.#connection?.close()
    this.#events.onEnd(this.#end ?? { kind: 'lost', detail: 'the hub closed the connection' })
  }
}
