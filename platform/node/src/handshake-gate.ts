/** Bounds the handshakes under way, so that half-open ones cannot crowd out the rest. */

import { type Server, Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'

/** Handshakes under way at once in one front thread; each holds some 50 kB. */
const HANDSHAKES_MAX = 2_048
/** Of these, from one address: a site behind one address reconnects at this pace, an attacker gets no further. */
const HANDSHAKES_PER_ADDRESS_MAX = 512

export type TurnedAway = (address: string, detail: string) => void

/** Watches a TLS server; sockets over the bound are closed at once and `turnedAway` is told. */
export class HandshakeGate {
  readonly #byAddress = new Map<string, number>()
  readonly #pending = new Map<string, string>()
  /** Of sockets whose handshake may still fail: by then the socket itself may not know any more. */
  readonly #addresses = new WeakMap<Socket, string>()
  readonly #turnedAway: TurnedAway

  constructor(turnedAway: TurnedAway) {
    this.#turnedAway = turnedAway
  }

  guard(server: Server): void {
    // In the place of TLS's own listeners, so that a refused socket costs no TLS state and fails no handshake.
    const listeners = server.listeners('connection')
    server.removeAllListeners('connection')
    server.on('connection', (socket: Socket) => {
      if (this.#enter(socket)) for (const listener of listeners) listener.call(server, socket)
    })
    server.on('secureConnection', (socket: TLSSocket) => this.#leave(nameOf(socket)))
    server.on('tlsClientError', (error: Error, socket: TLSSocket) => {
      this.#turnedAway(this.#addressOf(socket), codeOf(error))
      socket.destroy()
    })
  }

  /** @returns false for a socket that has been closed. */
  #enter(socket: Socket): boolean {
    const address = socket.remoteAddress
    if (address === undefined) {
      socket.destroy()
      return false
    }
    const count = this.#byAddress.get(address) ?? 0
    if (this.#pending.size >= HANDSHAKES_MAX || count >= HANDSHAKES_PER_ADDRESS_MAX) {
      this.#turnedAway(address, 'too many handshakes under way')
      socket.destroy()
      return false
    }
    const name = nameOf(socket)
    this.#pending.set(name, address)
    this.#byAddress.set(address, count + 1)
    this.#addresses.set(socket, address)
    socket.once('close', () => this.#leave(name))
    return true
  }

  /** Node has no public name for the socket under a TLS socket; without it, what the TLS socket still knows must do. */
  #addressOf(socket: TLSSocket): string {
    const under: unknown = Reflect.get(socket, '_parent')
    const address = under instanceof Socket ? this.#addresses.get(under) : undefined
    return address ?? socket.remoteAddress ?? 'unknown'
  }

  #leave(name: string): void {
    const address = this.#pending.get(name)
    if (address === undefined) return
    this.#pending.delete(name)
    const count = (this.#byAddress.get(address) ?? 1) - 1
    if (count === 0) this.#byAddress.delete(address)
    else this.#byAddress.set(address, count)
  }
}

function nameOf(socket: Socket): string {
  return `${socket.remoteAddress} ${socket.remotePort} ${socket.localPort}`
}

/** Short and ours: a message of OpenSSL's may hold what the peer sent. */
export function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name
}
