/** Somebody who tries passwords from one address, as fast as it can: what it costs him is kept low, not what it costs us. */

import { connect as connectTcp } from 'node:net'
import { connect as connectTls, createSecureContext, type SecureContext, type TLSSocket } from 'node:tls'
import type { DeviceServer } from '@holdfast/testing-crash'
import { connectPacket, type Way } from './stranger.ts'

export interface Guesses {
  readonly tries: number
  /** Of these, answered with a refusal; the others were turned away unheard. */
  readonly refused: number
  /** What was neither: there must be none. */
  readonly others: readonly string[]
}

/** A try that the hub does not answer or close is given up, in milliseconds. */
const ANSWER_MS_MAX = 5_000
const REFUSED = '20020005'

/** One CONNECT a connection, over TLS sessions that are resumed where the hub lets them be. */
export async function guessByMqtt(
  way: Way,
  server: DeviceServer,
  { milliseconds, lanes, password }: { milliseconds: number; lanes: number; password: () => string },
): Promise<Guesses> {
  const guesses = { tries: 0, refused: 0, others: [] as string[] }
  const secureContext = createSecureContext({ ca: server.authority })
  const end = performance.now() + milliseconds
  const lane = async (): Promise<void> => {
    let session: Buffer | undefined
    while (performance.now() < end) {
      const socket = open(way, server, secureContext, session)
      socket.once('session', (fresh) => {
        session = fresh
      })
      socket.once('secureConnect', () => socket.write(connectPacket(server, 'guessed', Buffer.from(password()))))
      const answer = await lastWords(socket)
      guesses.tries += 1
      if (answer === REFUSED) guesses.refused += 1
      else if (answer !== '') guesses.others.push(answer)
    }
  }
  await Promise.all(Array.from({ length: lanes }, lane))
  return guesses
}

/** Requests one after the other on connections that are kept. */
export async function guessByHttps(
  way: Way,
  server: DeviceServer,
  { milliseconds, lanes, password }: { milliseconds: number; lanes: number; password: () => string },
): Promise<Guesses> {
  const guesses = { tries: 0, refused: 0, others: [] as string[] }
  const secureContext = createSecureContext({ ca: server.authority })
  const end = performance.now() + milliseconds
  const lane = async (): Promise<void> => {
    while (performance.now() < end) {
      const socket = open(way, server, secureContext, undefined)
      const ask = (): void => {
        socket.write(
          'GET /devices/guessed/messages/devicebound?api-version=2021-04-12 HTTP/1.1\r\n' +
            `host: ${server.hostname}\r\nauthorization: ${password()}\r\n\r\n`,
        )
      }
      socket.once('secureConnect', ask)
      socket.on('data', (chunk: Buffer) => {
        const status = /^HTTP\/1\.1 (\d+)/.exec(chunk.toString('latin1'))?.[1]
        if (status === undefined) return // More of the answer before.
        guesses.tries += 1
        if (status === '401' || status === '429') guesses.refused += 1
        else guesses.others.push(status)
        if (performance.now() < end) ask()
        else socket.destroy()
      })
      await lastWords(socket)
    }
  }
  await Promise.all(Array.from({ length: lanes }, lane))
  return guesses
}

function open(way: Way, server: DeviceServer, secureContext: SecureContext, session: Buffer | undefined): TLSSocket {
  const tcp = connectTcp({ host: '127.0.0.1', port: way.port, localAddress: way.from })
  tcp.on('error', () => undefined)
  const socket = connectTls({ socket: tcp, servername: server.hostname, secureContext, ...(session && { session }) })
  // Resets are one way of being closed.
  socket.on('error', () => undefined)
  return socket
}

/** Hex of what the hub said first, once it has closed the connection. */
function lastWords(socket: TLSSocket): Promise<string> {
  let words = ''
  socket.once('data', (chunk: Buffer) => {
    words = chunk.toString('hex')
  })
  socket.setTimeout(ANSWER_MS_MAX, () => socket.destroy())
  return new Promise((resolve) => {
    socket.once('close', () => resolve(words))
  })
}
