/** The listeners of one front thread. Every front binds the same ports; the kernel spreads connections between them. */

import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https'
import type { Server as NetServer } from 'node:net'
import { createServer as createTlsServer, type TLSSocket, type Server as TlsServer } from 'node:tls'
import { type CertificateFacts, FRONT_LIMITS, type PeerFacts } from '@holdfast/messaging'
import { type WebSocket, WebSocketServer } from 'ws'
import { type AmqpDoor, AmqpIntakes } from './amqp-intake.ts'
import { answerBadRequests } from './bad-request.ts'
import { BodyBudget } from './body-budget.ts'
import type { FrontDriver, Peer } from './front-driver.ts'
import { codeOf, HandshakeGate, type TurnedAway } from './handshake-gate.ts'
import { exchange, type HttpHandler } from './http-exchange.ts'
import { StreamCount } from './streamed-body.ts'
import { peerChain } from './peer-certificate.ts'
import { Pipelining } from './pipelining.ts'
import { tlsFingerprint } from './tls-fingerprint.ts'
import { type TlsMaterial, tlsOptions } from './tls-settings.ts'
import { endSocket, TlsTransport, WebSocketTransport } from './transport.ts'

export interface ListenerSettings {
  readonly address: string
  readonly mqttPort: number
  readonly amqpPort: number
  readonly httpsPort: number
  readonly tls: TlsMaterial
}

export interface ListenerWiring {
  readonly driver: FrontDriver
  readonly http: HttpHandler
  readonly amqp: AmqpDoor
  readonly turnedAway: TurnedAway
  /** Requests whose bodies are handed on as streams; none unless told. */
  readonly isStreamed?: (method: string, target: string) => boolean
  /**
   * Facts of a chain of DER certificates, leaf first; undefined when the leaf cannot be read, as if none had been sent.
   * MUST NOT throw: TLS lets through whatever parses there, and a peer chooses it.
   */
  readonly certificateFacts: (chain: readonly Uint8Array[]) => CertificateFacts | undefined
}

/** Requests of one connection are bounded in time; a connection at rest is kept this long, in milliseconds. */
const HTTP_KEEP_ALIVE_MS = 60_000
/** A body that is a stream, from its first byte to its last, in milliseconds; the SDK gives a whole upload as long. */
const STREAM_MS_MAX = 1_800_000
/** Bodies that are streams at once, of one front: each holds a chunk or two of 64 KiB. */
const STREAMS_MAX = 256
/** A connection on which nothing moves though an answer is due or being written, in milliseconds. */
const HTTP_STALLED_MS = 60_000
/** How often requests are held against their bounds in time, in milliseconds. */
const HTTP_CHECK_MS = 5_000
const WEB_SOCKET_PATH = '/$iothub/websocket'
/**
 * What a WebSocket may make us hold of a message that is not whole, in bytes, until the machine has answered it once: a
 * CONNECT, and the frames around its parts.
 */
const OPENING_HELD_BYTES_MAX = 2 * FRONT_LIMITS.mqtt.openingPacketBytesMax
const BACKLOG = 1_024

export class Listeners {
  readonly #mqtt: TlsServer
  readonly #amqp: TlsServer
  readonly #intakes: AmqpIntakes
  readonly #https: HttpsServer
  readonly #settings: ListenerSettings
  readonly #wiring: ListenerWiring
  readonly #facts = new WeakMap<TLSSocket, PeerFacts>()

  constructor(settings: ListenerSettings, wiring: ListenerWiring) {
    this.#settings = settings
    this.#wiring = wiring
    const options = tlsOptions(settings.tls)
    const gate = new HandshakeGate(wiring.turnedAway)
    const bodies = new BodyBudget()
    this.#mqtt = createTlsServer({ ...options, noDelay: true, ALPNProtocols: ['mqtt'] }, (socket) =>
      this.#onMqtt(socket),
    )
    this.#intakes = new AmqpIntakes(wiring.amqp)
    this.#amqp = createTlsServer({ ...options, noDelay: true }, (socket) => this.#intakes.acceptSocket(socket))
    this.#https = createHttpsServer({
      ...options,
      noDelay: true,
      maxHeaderSize: 16_384,
      headersTimeout: 10_000,
      // Bodies that are read whole have a bound of their own, of seconds.
      requestTimeout: STREAM_MS_MAX,
      keepAliveTimeout: HTTP_KEEP_ALIVE_MS,
      connectionsCheckingInterval: HTTP_CHECK_MS,
    })
    this.#https.timeout = HTTP_STALLED_MS
    this.#https.maxConnections = FRONT_LIMITS.connectionsMax
    for (const server of [this.#mqtt, this.#amqp, this.#https]) gate.guard(server)
    answerBadRequests(this.#https, wiring.turnedAway)
    const pipelining = new Pipelining(wiring.turnedAway)
    const streams = new StreamCount(wiring.isStreamed ?? (() => false), STREAMS_MAX)
    this.#https.on('request', (request, response) => {
      if (!pipelining.admit(request, response)) return
      const peer = this.#httpFacts(request.socket as TLSSocket)
      const late = (): void => wiring.turnedAway(peer.address, 'ERR_HTTP_REQUEST_TIMEOUT')
      exchange(request, response, {
        peer,
        handler: wiring.http,
        bodies,
        streams,
        late,
        stalledMs: HTTP_STALLED_MS,
      }).catch(() => response.destroy())
    })
    this.#acceptWebSockets()
  }

  async listen(): Promise<void> {
    const { address, mqttPort, amqpPort, httpsPort } = this.#settings
    await Promise.all([
      listening(this.#mqtt, address, mqttPort),
      listening(this.#amqp, address, amqpPort),
      listening(this.#https, address, httpsPort),
    ])
    // What goes wrong with one connection that is being accepted must not end the thread.
    for (const server of [this.#mqtt, this.#amqp, this.#https]) {
      server.on('error', (error) => this.#wiring.turnedAway('unknown', codeOf(error)))
    }
  }

  /** New connections use `material` from now on; those that are open go on. */
  renew(material: TlsMaterial): void {
    const options = tlsOptions(material)
    this.#mqtt.setSecureContext(options)
    this.#amqp.setSecureContext(options)
    this.#https.setSecureContext(options)
  }

  /** Stops accepting; open connections are the machine's to close. */
  close(): void {
    this.#mqtt.close()
    this.#amqp.close()
    this.#https.close()
    this.#https.closeIdleConnections()
  }

  #onMqtt(socket: TLSSocket): void {
    const { driver } = this.#wiring
    const connection = driver.open(new TlsTransport(socket), this.#peer(socket, 'mqtt'))
    socket.on('data', (bytes: Buffer) => driver.received(connection, bytes))
    // A peer that closed its half has nothing more to say.
    socket.on('close', () => driver.peerClosed(connection))
    socket.on('error', () => socket.destroy())
  }

  #acceptWebSockets(): void {
    const { driver } = this.#wiring
    const server = new WebSocketServer({
      noServer: true,
      perMessageDeflate: false,
      maxPayload: FRONT_LIMITS.mqtt.packetBytesMax,
      handleProtocols: (offered) => (offered.has('mqtt') ? 'mqtt' : false),
    })
    server.on('connection', (webSocket: WebSocket, request) => {
      const socket = request.socket as TLSSocket
      const transport = new WebSocketTransport(webSocket, socket)
      const connection = driver.open(transport, this.#peer(socket, 'mqtt-ws'))
      let heldBytes = 0
      const hold = (bytes: Buffer): void => {
        heldBytes += bytes.length
        if (transport.hasWritten) socket.off('data', hold)
        else if (heldBytes > OPENING_HELD_BYTES_MAX) socket.destroy()
      }
      // Before the library takes them: it would hold a whole packet for whoever has not said who it is.
      socket.prependListener('data', hold)
      webSocket.on('message', (data: Buffer, isBinary) => {
        heldBytes = 0
        // [MQTT-6.0.0-1] MQTT is carried in binary frames only.
        if (isBinary) driver.received(connection, data)
        else {
          webSocket.close(1003)
          driver.fail(connection, { reason: 'protocol-violation', detail: 'a WebSocket frame of text' })
        }
      })
      webSocket.on('close', () => driver.peerClosed(connection))
      webSocket.on('error', () => socket.destroy())
    })
    this.#https.on('upgrade', (request, socket, head) => {
      const [path] = (request.url ?? '').split('?')
      const offered = request.headers['sec-websocket-protocol'] ?? ''
      if (this.#intakes.isWanted(path, offered)) {
        this.#intakes.upgrade(request, socket, head)
        return
      }
      const isMqtt = offered.split(',').some((protocol) => protocol.trim() === 'mqtt')
      if (path?.toLowerCase() !== WEB_SOCKET_PATH || !isMqtt) {
        const reason = 'WebSockets are spoken at /$iothub/websocket with the sub-protocol mqtt or AMQPWSB10.'
        socket.on('error', () => socket.destroy())
        socket.write(
          `HTTP/1.1 400 Bad Request\r\ncontent-length: ${reason.length}\r\nconnection: close\r\n\r\n${reason}`,
        )
        // The server has let go of it, with its bounds in time: a peer that does not close would stay for ever.
        endSocket(socket)
        return
      }
      server.handleUpgrade(request, socket, head, (webSocket) => server.emit('connection', webSocket, request))
    })
  }

  /** Read once a connection, not once a request: a chain is up to eight certificates. */
  #httpFacts(socket: TLSSocket): PeerFacts {
    let facts = this.#facts.get(socket)
    if (facts === undefined) {
      facts = this.#peer(socket, 'https').facts()
      this.#facts.set(socket, facts)
    }
    return facts
  }

  #peer(socket: TLSSocket, transport: PeerFacts['transport']): Peer {
    const address = socket.remoteAddress ?? 'unknown'
    const facts = (): PeerFacts => {
      const chain = peerChain(socket)
      const certificate = chain.length === 0 ? undefined : this.#wiring.certificateFacts(chain)
      return {
        address,
        port: socket.remotePort ?? 0,
        transport,
        tlsVersion: socket.getProtocol() ?? '',
        tlsFingerprint: tlsFingerprint(socket),
        ...(certificate === undefined ? {} : { certificate }),
      }
    }
    return { address, facts }
  }
}

function listening(server: NetServer, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port, reusePort: true, backlog: BACKLOG }, () => {
      server.off('error', reject)
      resolve()
    })
  })
}
