/** Somebody who tries passwords from one address, as fast as it can: what it costs him is kept low, not what it costs us. */

import { connect as connectTcp } from 'node:net'
import { connect as connectTls, createSecureContext, type SecureContext, type TLSSocket } from 'node:tls'
import type { DeviceServer } from '@holdfast/testing-hub'
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

export interface Guessing {
  readonly way: Way
  readonly server: DeviceServer
  readonly milliseconds: number
  /** Connections at once. */
  readonly lanes: number
  readonly password: () => string
}

/** One CONNECT a connection, over TLS sessions that are resumed where the hub lets them be. */
export function guessByMqtt(guessing: Guessing): Promise<Guesses> {
  const { server, password } = guessing
  return inLanes(guessing, (connect, guesses) => {
    let session: Buffer | undefined
    return async () => {
      const socket = connect(session)
      socket.once('session', (fresh) => {
        session = fresh
      })
      socket.once('secureConnect', () => socket.write(connectPacket(server, 'guessed', Buffer.from(password()))))
      const answer = await lastWords(socket)
      guesses.tries += 1
      if (answer === REFUSED) guesses.refused += 1
      else if (answer !== '') guesses.others.push(answer)
    }
  })
}

/** Requests one after the other on connections that are kept. */
export function guessByHttps(guessing: Guessing): Promise<Guesses> {
  const { server, password } = guessing
  return inLanes(guessing, (connect, guesses, isOver) => async () => {
    const socket = connect(undefined)
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
      if (isOver()) socket.destroy()
      else ask()
    })
    await lastWords(socket)
  })
}

type Connect = (session: Buffer | undefined) => TLSSocket

interface Count {
  tries: number
  refused: number
  readonly others: string[]
}

async function inLanes(
  { way, server, milliseconds, lanes }: Guessing,
  lane: (connect: Connect, guesses: Count, isOver: () => boolean) => () => Promise<void>,
): Promise<Guesses> {
  const guesses: Count = { tries: 0, refused: 0, others: [] }
  const secureContext = createSecureContext({ ca: server.authority })
  const end = performance.now() + milliseconds
  const isOver = (): boolean => performance.now() >= end
  const run = async (): Promise<void> => {
    const turn = lane((session) => open(way, server, secureContext, session), guesses, isOver)
    while (!isOver()) await turn()
  }
  await Promise.all(Array.from({ length: lanes }, run))
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
