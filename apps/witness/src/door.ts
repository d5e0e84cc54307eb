/** HTTPS of the witness: what may come in, how much and how often. C2SP tlog-witness, "HTTP Interface". */

import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Server, createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { type Clock, LruMap, TokenBucket, addressBlock } from '@holdfast/base'
import { WITNESS_REQUEST_BYTES_MAX, formatNote } from '@holdfast/tlog'
import type { ServerCertificate } from './certificates.ts'
import type { WitnessDesk } from './desk.ts'
import {
  ADDRESSES_MAX,
  CONNECTIONS_MAX,
  HEADER_BYTES_MAX,
  HEADER_MS_MAX,
  KEEP_ALIVE_MS,
  REQUESTS_BURST,
  REQUESTS_PER_SECOND,
  REQUEST_MS_MAX,
} from './limits.ts'

const TEXT = 'text/plain; charset=utf-8'

export class Door {
  readonly #desk: WitnessDesk
  readonly #clock: Clock
  readonly #server: Server
  readonly #asked = new LruMap<string, TokenBucket>(ADDRESSES_MAX)

  constructor(desk: WitnessDesk, { clock, tls }: { readonly clock: Clock; readonly tls: ServerCertificate }) {
    this.#desk = desk
    this.#clock = clock
    this.#server = createServer(
      {
        cert: tls.chain,
        key: tls.key,
        minVersion: 'TLSv1.2',
        maxHeaderSize: HEADER_BYTES_MAX,
        headersTimeout: HEADER_MS_MAX,
        requestTimeout: REQUEST_MS_MAX,
        handshakeTimeout: HEADER_MS_MAX,
        keepAliveTimeout: KEEP_ALIVE_MS,
        connectionsCheckingInterval: 1_000,
      },
      (request, response) => void this.#answer(request, response),
    )
    this.#server.maxConnections = CONNECTIONS_MAX
    // A peer that breaks off says nothing of us.
    this.#server.on('tlsClientError', (_error, socket) => socket.destroy())
  }

  /** @returns the port. Rejects when it cannot be had. */
  async listen(port: number, address: string | undefined): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#server.once('error', reject)
    this.#server.listen({ port, ...(address !== undefined && { host: address }) }, resolve)
    await promise
    this.#server.off('error', reject)
    return (this.#server.address() as AddressInfo).port
  }

  /** For connections from now on. */
  renew(tls: ServerCertificate): void {
    this.#server.setSecureContext({ cert: tls.chain, key: tls.key, minVersion: 'TLSv1.2' })
  }

  async close(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#server.close(() => resolve())
    this.#server.closeIdleConnections()
    await promise
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      if (!this.#mayAsk(request.socket.remoteAddress ?? '')) {
        response.setHeader('retry-after', '1')
        return end(response, { status: 429, body: 'too many requests; come again in a second\n' })
      }
      const { method, url = '' } = request
      if (url === '/add-checkpoint') {
        if (method !== 'POST') return notAllowed(response, 'POST')
        const body = await readBody(request, WITNESS_REQUEST_BYTES_MAX)
        if (body === undefined) return end(response, { status: 413, body: 'this is too long for a checkpoint\n' }, true)
        const { status, body: text, contentType } = await this.#desk.addCheckpoint(body)
        return end(response, { status, body: text, contentType })
      }
      if (method !== 'GET') return notAllowed(response, 'GET')
      const [, hash] = /^\/([0-9a-f]{64})\/checkpoint$/.exec(url) ?? []
      const origin = hash === undefined ? undefined : this.#desk.origins.find((one) => hashOf(one) === hash)
      const note = origin === undefined ? undefined : this.#desk.latest(origin)
      if (note === undefined) return end(response, { status: 404, body: 'nothing of this was ever cosigned here\n' })
      response.setHeader('cache-control', 'max-age=5')
      end(response, { status: 200, body: formatNote(note) })
    } catch {
      // Who asked has gone, or was cut off.
      response.destroy()
    }
  }

  #mayAsk(address: string): boolean {
    const now = this.#clock.monotonic()
    const block = addressBlock(address)
    let bucket = this.#asked.get(block)
    if (bucket === undefined) {
      bucket = new TokenBucket(now, { perSecond: REQUESTS_PER_SECOND, burst: REQUESTS_BURST })
      this.#asked.set(block, bucket)
    }
    return bucket.take(now)
  }
}

/** C2SP tlog-witness: a log is asked for by the hash of its origin. */
export function hashOf(origin: string): string {
  return createHash('sha256').update(origin).digest('hex')
}

async function readBody(request: IncomingMessage, bytesMax: number): Promise<Uint8Array | undefined> {
  if (Number(request.headers['content-length'] ?? 0) > bytesMax) return undefined
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request) {
    if (!Buffer.isBuffer(chunk)) continue
    bytes += chunk.length
    if (bytes > bytesMax) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function notAllowed(response: ServerResponse, method: string): void {
  response.setHeader('allow', method)
  end(response, { status: 405, body: `this is asked for with ${method}\n` }, true)
}

function end(
  response: ServerResponse,
  { status, body, contentType = TEXT }: { status: number; body: string; contentType?: string },
  closes = false,
): void {
  response.statusCode = status
  response.setHeader('content-type', contentType)
  response.setHeader('content-length', Buffer.byteLength(body))
  response.setHeader('x-content-type-options', 'nosniff')
  // What is left of a request that was not read must not be taken for the next one.
  if (closes) response.setHeader('connection', 'close')
  response.end(body)
}
