/** A receiver over HTTPS that keeps what it was sent, and answers as a test says. */

import { execFileSync } from 'node:child_process'
import { createServer, type Server } from 'node:https'
import type { IncomingHttpHeaders } from 'node:http'
import type { Certificates } from '@holdfast/egress/testing'

export interface Received {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

export interface Reply {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

export class Receiver {
  readonly received: Received[] = []
  readonly port: number
  readonly #server: Server

  private constructor(server: Server, port: number) {
    this.#server = server
    this.port = port
  }

  static async start(
    certificates: Certificates,
    { port, reply }: { readonly port: number; readonly reply: (what: Received) => Reply },
  ): Promise<Receiver> {
    const { certificate: cert, key } = certificates.server
    const server = createServer({ cert, key }, (request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.once('end', () => {
        const what = { path: request.url ?? '', headers: request.headers, body: Buffer.concat(chunks) }
        receiver.received.push(what)
        const { status, headers = {}, body = '' } = reply(what)
        response.writeHead(status, headers).end(body)
      })
    })
    const receiver = new Receiver(server, port)
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(port, '127.0.0.1', resolve)
    })
    return receiver
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

/** The signatures of a message as openssl makes them, from the text of a secret as operators are told it. */
export function opensslSignature(secret: string, { headers, body }: Received): string {
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64').toString('hex')
  const signed = `${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${body.toString('utf8')}`
  const mac = execFileSync('openssl', ['dgst', '-sha256', '-mac', 'HMAC', '-macopt', `hexkey:${key}`, '-binary'], {
    input: signed,
  })
  return `v1,${mac.toString('base64')}`
}
