/** What a peer says that is no HTTP, or too much of it, or too slowly: answered as HTTP where it can be, told, closed. */

import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import { codeOf, type TurnedAway } from './handshake-gate.ts'
import { endSocket } from './transport.ts'

/** Status by the code of Node's parser; whatever else it says of a request is 400. */
const STATUS: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: '413 Content Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
}

/** Watches the requests of `server`; those that cannot be read never reach its listeners. */
export function answerBadRequests(server: Server, turnedAway: TurnedAway): void {
  const answers = new WeakMap<Duplex, ServerResponse>()
  /** What they still send until they close, or their time is over, fails again. */
  const ending = new WeakSet<Duplex>()
  server.on('request', ({ socket }: IncomingMessage, response: ServerResponse) => answers.set(socket, response))
  server.on('clientError', (error: Error, socket: Duplex) => {
    if (ending.has(socket)) return
    const code = codeOf(error)
    // Failed handshakes come by here too, which the gate has told, and connections that were lost.
    if (!/^(?:HPE|ERR_HTTP)_/.test(code) || !socket.writable) {
      socket.destroy()
      return
    }
    turnedAway((socket as TLSSocket).remoteAddress ?? 'unknown', code)
    const answer = answers.get(socket)
    // In the middle of an answer another one would look like part of it.
    if (answer !== undefined && answer.headersSent && !answer.writableEnded) {
      socket.destroy()
      return
    }
    ending.add(socket)
    socket.write(`HTTP/1.1 ${STATUS[code] ?? '400 Bad Request'}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`)
    endSocket(socket)
  })
}
