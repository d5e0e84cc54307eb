/** Bounds the handshakes under way, so that half-open ones cannot crowd out the rest. */

import type { Server, Socket } from 'node:net'
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
  readonly #turnedAway: TurnedAway

  constructor(turnedAway: TurnedAway) {
    this.#turnedAway = turnedAway
  }

  guard(server: Server): void {
    // Prepended, so that a refused socket costs no TLS state.
    server.prependListener('connection', (socket: Socket) => this.#enter(socket))
    server.on('secureConnection', (socket: TLSSocket) => this.#leave(nameOf(socket)))
    server.on('tlsClientError', (error: Error, socket: TLSSocket) => {
      this.#turnedAway(socket.remoteAddress ?? 'unknown', codeOf(error))
      socket.destroy()
    })
  }

  #enter(socket: Socket): void {
    const address = socket.remoteAddress
    if (address === undefined) {
      socket.destroy()
      return
    }
    const count = this.#byAddress.get(address) ?? 0
    if (this.#pending.size >= HANDSHAKES_MAX || count >= HANDSHAKES_PER_ADDRESS_MAX) {
      this.#turnedAway(address, 'too many handshakes under way')
      socket.destroy()
      return
    }
    const name = nameOf(socket)
    this.#pending.set(name, address)
    this.#byAddress.set(address, count + 1)
    socket.once('close', () => this.#leave(name))
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

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name
}
