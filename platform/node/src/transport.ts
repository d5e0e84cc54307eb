/** One way of carrying a device's bytes: a TLS socket, or a WebSocket over one. */

import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import type { WebSocket } from 'ws'

export interface Transport {
  write(bytes: Uint8Array): void
  /** Sends what was written, then closes; a peer that does not read is cut off after a while. */
  end(): void
  pause(): void
  resume(): void
  /** Bytes written that the peer has not taken yet. */
  readonly backlogBytes: number
}

/** How long a peer may take to read the last bytes before its socket is destroyed, in milliseconds. */
const LINGER_MS = 2_000

export class TlsTransport implements Transport {
  readonly #socket: TLSSocket

  constructor(socket: TLSSocket) {
    this.#socket = socket
  }

  get backlogBytes(): number {
    return this.#socket.writableLength
  }

  write(bytes: Uint8Array): void {
    this.#socket.write(bytes)
  }

  end(): void {
    endSocket(this.#socket)
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }
}

export class WebSocketTransport implements Transport {
  readonly #webSocket: WebSocket
  readonly #socket: TLSSocket
  #hasWritten = false

  constructor(webSocket: WebSocket, socket: TLSSocket) {
    this.#webSocket = webSocket
    this.#socket = socket
  }

  get backlogBytes(): number {
    return this.#webSocket.bufferedAmount
  }

  /** Whether the machine has answered: what it says first is CONNACK. */
  get hasWritten(): boolean {
    return this.#hasWritten
  }

  write(bytes: Uint8Array): void {
    this.#hasWritten = true
    this.#webSocket.send(bytes, { binary: true })
  }

  end(): void {
    this.#webSocket.close(1000)
    endSocket(this.#socket)
  }

  pause(): void {
    this.#webSocket.pause()
  }

  resume(): void {
    this.#webSocket.resume()
  }
}

/** Sends what was written, then closes, whether the peer does or not. */
export function endSocket(socket: Duplex): void {
  if (socket.destroyed) return
  socket.end()
  const timer = setTimeout(() => socket.destroy(), LINGER_MS)
  timer.unref()
  socket.once('close', () => clearTimeout(timer))
}
