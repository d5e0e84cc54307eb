/**
 * AMQP's way in: TLS sockets of its port and WebSockets with the sub-protocol AMQPWSB10. What speaks AMQP is loaded when
 * the first connection comes; until it is there, nothing is read.
 */

import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'
import { type WebSocket, WebSocketServer } from 'ws'
import { TlsTransport, type Transport, WebSocketTransport } from './transport.ts'

/** What takes a connection's bytes. Undefined from `accept`: there are too many. */
export interface AmqpServing {
  accept(
    transport: Transport,
    peer: { readonly address: string; readonly transport: 'amqp' | 'amqp-ws' },
  ): { received(bytes: Uint8Array): void; peerClosed(): void } | undefined
}

/** Gives what serves AMQP; called once a connection. Rejects when it cannot be loaded. */
export type AmqpDoor = () => Promise<AmqpServing>

const PROTOCOL = 'AMQPWSB10'
const PATHS: ReadonlySet<string | undefined> = new Set(['/$iothub/websocket', '/$servicebus/websocket'])
/** One WebSocket message: two frames of AMQP. Peers put one frame in a message, some join a few small ones. */
const MESSAGE_BYTES_MAX = 131_072
/** What a WebSocket may make us hold of a message that is not whole before it was answered once: headers and an open. */
const OPENING_HELD_BYTES_MAX = 32_768

export class AmqpIntakes {
  readonly #door: AmqpDoor
  readonly #webSockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: MESSAGE_BYTES_MAX,
    handleProtocols: (offered) => (offered.has(PROTOCOL) ? PROTOCOL : false),
  })

  constructor(door: AmqpDoor) {
    this.#door = door
  }

  isWanted(path: string | undefined, offered: string): boolean {
    return PATHS.has(path?.toLowerCase()) && offered.split(',').some((protocol) => protocol.trim() === PROTOCOL)
  }

  acceptSocket(socket: TLSSocket): void {
    socket.on('error', () => socket.destroy())
    this.#enter(socket, (serving) => {
      const peer = { address: socket.remoteAddress ?? 'unknown', transport: 'amqp' } as const
      const intake = serving.accept(new TlsTransport(socket), peer)
      if (intake === undefined) {
        socket.destroy()
        return
      }
      socket.on('close', () => intake.peerClosed())
      socket.on('data', (bytes: Buffer) => intake.received(bytes))
    })
  }

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (!(socket instanceof TLSSocket)) {
      socket.destroy()
      return
    }
    this.#webSockets.handleUpgrade(request, socket, head, (webSocket) => this.#acceptWebSocket(webSocket, socket))
  }

  #acceptWebSocket(webSocket: WebSocket, socket: TLSSocket): void {
    const transport = new WebSocketTransport(webSocket, socket)
    webSocket.on('error', () => socket.destroy())
    webSocket.pause()
    this.#enter(socket, (serving) => {
      const intake = serving.accept(transport, { address: socket.remoteAddress ?? 'unknown', transport: 'amqp-ws' })
      if (intake === undefined) {
        socket.destroy()
        return
      }
      let heldBytes = 0
      const hold = (bytes: Buffer): void => {
        heldBytes += bytes.length
        if (transport.hasWritten) socket.off('data', hold)
        else if (heldBytes > OPENING_HELD_BYTES_MAX) socket.destroy()
      }
      // Before the library takes them.
      socket.prependListener('data', hold)
      webSocket.on('close', () => intake.peerClosed())
      webSocket.on('message', (data: Buffer, isBinary) => {
        heldBytes = 0
        if (isBinary) intake.received(data)
        else webSocket.close(1003)
      })
      webSocket.resume()
    })
  }

  #enter(socket: TLSSocket, begin: (serving: AmqpServing) => void): void {
    this.#door()
      .then((serving) => {
        if (!socket.destroyed) begin(serving)
      })
      .catch(() => socket.destroy())
  }
}
