/** A peer that sends what it likes: bytes over TCP or TLS from an address of its own, and what came of it. */

import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { encodeConnect } from '@holdfast/mqtt'
import type { DeviceServer } from '@holdfast/testing-hub'
import { formatSasToken } from '@holdfast/tokens'

export interface Outcome {
  /** What the hub said, without TLS. */
  readonly received: Buffer
  /** The hub closed within the time; else we did, at its end. */
  readonly isClosed: boolean
  readonly milliseconds: number
}

export interface Way {
  readonly port: number
  /** Our address. */
  readonly from: string
}

/** Opens a connection, lets `script` write to it, and waits for the hub to close it, at most `waitMs`. */
export function overTls(
  way: Way,
  server: DeviceServer,
  script: (socket: TLSSocket) => void,
  waitMs = 5_000,
): Promise<Outcome> {
  const tcp = connectTcp({ host: '127.0.0.1', port: way.port, localAddress: way.from })
  tcp.on('error', () => undefined)
  const socket = connectTls({ socket: tcp, servername: server.hostname, ca: server.authority })
  socket.once('secureConnect', () => script(socket))
  return outcomeOf(socket, waitMs)
}

/** The same without TLS. */
export function overTcp(way: Way, script: (socket: Socket) => void, waitMs = 5_000): Promise<Outcome> {
  const socket = connectTcp({ host: '127.0.0.1', port: way.port, localAddress: way.from })
  socket.once('connect', () => script(socket))
  return outcomeOf(socket, waitMs)
}

function outcomeOf(socket: Socket, waitMs: number): Promise<Outcome> {
  const begun = performance.now()
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  // Resets are one way of being closed.
  socket.on('error', () => undefined)
  return new Promise((resolve) => {
    let isClosed = true
    const timer = setTimeout(() => {
      isClosed = false
      socket.destroy()
    }, waitMs)
    socket.once('close', () => {
      clearTimeout(timer)
      resolve({ received: Buffer.concat(chunks), isClosed, milliseconds: performance.now() - begun })
    })
  })
}

/** The CONNECT of a device that has the right key. */
export function goodConnect(server: DeviceServer, id: string, key: string): Uint8Array {
  const expirySeconds = Math.floor(Date.now() / 1000) + 3_600
  const token = formatSasToken({ resource: `${server.hostname}/devices/${id}`, key, expirySeconds })
  return connectPacket(server, id, Buffer.from(token))
}

/** A CONNECT with any password. */
export function connectPacket(server: DeviceServer, id: string, password: Uint8Array): Uint8Array {
  return encodeConnect({
    clientId: id,
    cleanSession: true,
    keepAliveSeconds: 60,
    username: `${server.hostname}/${id}/?api-version=2021-04-12`,
    password,
  })
}
