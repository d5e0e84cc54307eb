/** The listeners of one front thread. Every front binds the same ports; the kernel spreads connections between them. */

import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https'
import type { Server as NetServer } from 'node:net'
import { createServer as createTlsServer, type TLSSocket, type Server as TlsServer } from 'node:tls'
import { type CertificateFacts, FRONT_LIMITS, type PeerFacts } from '@holdfast/messaging'
import { type WebSocket, WebSocketServer } from 'ws'
import type { FrontDriver, Peer } from './front-driver.ts'
import { HandshakeGate, type TurnedAway } from './handshake-gate.ts'
import { exchange, type HttpHandler } from './http-exchange.ts'
import { peerChain } from './peer-certificate.ts'
import { type TlsMaterial, tlsOptions } from './tls-settings.ts'
import { TlsTransport, WebSocketTransport } from './transport.ts'

export interface ListenerSettings {
  readonly address: string
  readonly mqttPort: number
  readonly httpsPort: number
  readonly tls: TlsMaterial
}

export interface ListenerWiring {
  readonly driver: FrontDriver
  readonly http: HttpHandler
  readonly turnedAway: TurnedAway
  /** Facts of a chain of DER certificates, leaf first; undefined when the leaf cannot be read. */
  readonly certificateFacts: (chain: readonly Uint8Array[]) => CertificateFacts | undefined
}

/** Requests of one connection are bounded in time; a connection at rest is kept this long, in milliseconds. */
const HTTP_KEEP_ALIVE_MS = 60_000
const WEB_SOCKET_PATH = '/$iothub/websocket'
const BACKLOG = 1_024

export class Listeners {
  readonly #mqtt: TlsServer
  readonly #https: HttpsServer
  readonly #settings: ListenerSettings
  readonly #wiring: ListenerWiring

  constructor(settings: ListenerSettings, wiring: ListenerWiring) {
    this.#settings = settings
    this.#wiring = wiring
    const options = tlsOptions(settings.tls)
    const gate = new HandshakeGate(wiring.turnedAway)
    this.#mqtt = createTlsServer({ ...options, noDelay: true, ALPNProtocols: ['mqtt'] }, (socket) =>
      this.#onMqtt(socket),
    )
    this.#https = createHttpsServer({
      ...options,
      noDelay: true,
      maxHeaderSize: 16_384,
      headersTimeout: 10_000,
      requestTimeout: 30_000,
      keepAliveTimeout: HTTP_KEEP_ALIVE_MS,
    })
    for (const server of [this.#mqtt, this.#https]) gate.guard(server)
    this.#https.on('request', (request, response) => {
      exchange(request, response, this.#peer(request.socket as TLSSocket, 'https').facts(), wiring.http).catch(() =>
        response.destroy(),
      )
    })
    this.#acceptWebSockets()
  }

  async listen(): Promise<void> {
    const { address, mqttPort, httpsPort } = this.#settings
    await Promise.all([listening(this.#mqtt, address, mqttPort), listening(this.#https, address, httpsPort)])
  }

  /** New connections use `material` from now on; those that are open go on. */
  renew(material: TlsMaterial): void {
    const options = tlsOptions(material)
    this.#mqtt.setSecureContext(options)
    this.#https.setSecureContext(options)
  }

  /** Stops accepting; open connections are the machine's to close. */
  close(): void {
    this.#mqtt.close()
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
      const connection = driver.open(new WebSocketTransport(webSocket, socket), this.#peer(socket, 'mqtt-ws'))
      webSocket.on('message', (data: Buffer, isBinary) => {
        // [MQTT-6.0.0-1] MQTT is carried in binary frames only.
        if (isBinary) driver.received(connection, data)
        else webSocket.close(1003)
      })
      webSocket.on('close', () => driver.peerClosed(connection))
      webSocket.on('error', () => socket.destroy())
    })
    this.#https.on('upgrade', (request, socket, head) => {
      const [path] = (request.url ?? '').split('?')
      const offered = request.headers['sec-websocket-protocol'] ?? ''
      const isMqtt = offered.split(',').some((protocol) => protocol.trim() === 'mqtt')
      if (path?.toLowerCase() !== WEB_SOCKET_PATH || !isMqtt) {
        const reason = 'WebSockets are spoken at /$iothub/websocket with the sub-protocol mqtt.'
        socket.end(`HTTP/1.1 400 Bad Request\r\ncontent-length: ${reason.length}\r\nconnection: close\r\n\r\n${reason}`)
        return
      }
      server.handleUpgrade(request, socket, head, (webSocket) => server.emit('connection', webSocket, request))
    })
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
