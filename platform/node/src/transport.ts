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
  /** What was written and the peer has not taken yet makes us hold so many bytes. */
  readonly backlogBytes: number
}

/**
 * What one write that waits takes beside its bytes, in bytes. Most answers are of two or four: without it a peer that
 * asks and does not read makes us hold a hundred times what is counted.
 */
const WRITE_BYTES = 256

/** How long a peer may take to read the last bytes before its socket is destroyed, in milliseconds. */
const LINGER_MS = 2_000

export class TlsTransport implements Transport {
  readonly #socket: TLSSocket
  #waiting = 0

  constructor(socket: TLSSocket) {
    this.#socket = socket
  }

  get backlogBytes(): number {
    return this.#socket.writableLength + this.#waiting * WRITE_BYTES
  }

  write(bytes: Uint8Array): void {
    this.#waiting += 1
    this.#socket.write(bytes, this.#written)
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

  /** One function for all writes, so that those done together are told together. */
  readonly #written = (): void => {
    this.#waiting -= 1
  }
}

export class WebSocketTransport implements Transport {
  readonly #webSocket: WebSocket
  readonly #socket: TLSSocket
  #hasWritten = false
  #waiting = 0

  constructor(webSocket: WebSocket, socket: TLSSocket) {
    this.#webSocket = webSocket
    this.#socket = socket
  }

  get backlogBytes(): number {
    return this.#webSocket.bufferedAmount + this.#waiting * WRITE_BYTES
  }

  /** Whether the machine has answered: what it says first is CONNACK. */
  get hasWritten(): boolean {
    return this.#hasWritten
  }

  write(bytes: Uint8Array): void {
    this.#hasWritten = true
    this.#waiting += 1
    this.#webSocket.send(bytes, { binary: true }, this.#written)
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

  readonly #written = (): void => {
    this.#waiting -= 1
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
