/** Connections that begin and do not go on. */

import { connect as connectTcp, type Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { connect as connectTls } from 'node:tls'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Way } from './stranger.ts'

/** Connections begun at once, so that the listener's queue of 1,024 is not what is tested. */
const STEP = 100

export interface HalfOpen {
  /** Of those begun, closed by the hub so far. */
  readonly closed: () => number
  /** Closes the rest. */
  end(): void
}

/** `count` TCP connections that say `opening` and then nothing. */
export async function halfOpen(way: Way, count: number, opening: Uint8Array): Promise<HalfOpen> {
  const sockets: Socket[] = []
  let closed = 0
  for (let begun = 0; begun < count; begun++) {
    const socket = connectTcp({ host: '127.0.0.1', port: way.port, localAddress: way.from })
    socket.on('error', () => undefined)
    socket.on('close', () => {
      closed += 1
    })
    socket.on('connect', () => {
      if (opening.length > 0) socket.write(opening)
    })
    // Read, or a close would not be noticed.
    socket.resume()
    sockets.push(socket)
    if (begun % STEP === STEP - 1) await sleep(20)
  }
  return {
    closed: () => closed,
    end: () => {
      for (const socket of sockets) socket.destroy()
    },
  }
}

/** The ClientHello of a TLS client, as it goes over the wire. */
export function clientHello(): Promise<Uint8Array> {
  return new Promise((resolve) => {
    const wire = new Duplex({
      read: () => undefined,
      write: (chunk: Buffer, _encoding, done) => {
        resolve(chunk)
        done()
      },
    })
    connectTls({ socket: wire, servername: 'localhost' }).on('error', () => undefined)
  })
}
