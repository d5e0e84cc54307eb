/** One guarded POST over HTTPS. */

import { Agent, request } from 'node:https'
import { isIP } from 'node:net'
import type { IncomingMessage } from 'node:http'
import type { Destination } from './destination.ts'
import { EgressFault, faultOf } from './egress-fault.ts'
import { ANSWER_BYTES_MAX, ANSWER_HEADER_BYTES_MAX, DELIVERY_MS_MAX } from './limits.ts'
import { pin, type Resolver, systemResolver } from './resolve.ts'
import { contextOf, type Trust } from './trust.ts'

export interface Sending {
  readonly destination: Destination
  readonly trust: Trust
  /** Whether addresses of the hub's own network are called, too. */
  readonly allowPrivate: boolean
  /** How often this was tried before: another address of the name has its turn. */
  readonly turn: number
  /** Ends it. */
  readonly signal: AbortSignal
  readonly resolver?: Resolver
  /** Milliseconds for all of it; DELIVERY_MS_MAX unless told. */
  readonly patienceMs?: number
}

export interface PostAnswer {
  readonly status: number
  /** As it was sent. */
  readonly retryAfter?: string
  readonly contentType?: string
  /** At most ANSWER_BYTES_MAX bytes. */
  readonly body: Uint8Array
}

/**
 * Sends `body` and gives the answer, whatever its status: a redirection is an answer and not followed, no proxy of the
 * environment is used, and the connection is to the address that was judged.
 * @throws EgressFault.
 */
export async function post(
  sending: Sending,
  body: Uint8Array,
  headers: Readonly<Record<string, string>>,
): Promise<PostAnswer> {
  const { destination, trust, allowPrivate, turn } = sending
  const signal = AbortSignal.any([sending.signal, AbortSignal.timeout(sending.patienceMs ?? DELIVERY_MS_MAX)])
  const { host, port, target } = destination
  const address = await pin(host, { allowPrivate, resolver: sending.resolver ?? systemResolver, turn })
  // An agent of its own: no proxy, no connection that somebody else opened.
  const agent = new Agent({ keepAlive: false })
  try {
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const call = request(
        {
          ...contextOf(trust),
          agent,
          host: address,
          // The name is what the certificate must be for; an address is no server name (RFC 6066 §3).
          servername: isIP(host) === 0 ? host : '',
          port,
          path: target,
          method: 'POST',
          headers: { ...headers, host: hostHeader(host, port), 'content-length': body.length },
          maxHeaderSize: ANSWER_HEADER_BYTES_MAX,
          signal,
        },
        resolve,
      )
      call.once('error', reject)
      call.end(body)
    })
    return await read(answer)
  } catch (error) {
    throw signal.aborted && signal.reason instanceof Error && signal.reason.name === 'TimeoutError'
      ? new EgressFault('timed-out', 'the receiver did not answer in time', { cause: error })
      : faultOf(error)
  } finally {
    agent.destroy()
  }
}

async function read(answer: IncomingMessage): Promise<PostAnswer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of answer) {
    if (!Buffer.isBuffer(chunk)) continue
    bytes += chunk.length
    if (bytes > ANSWER_BYTES_MAX) {
      answer.destroy()
      throw new EgressFault('answer-too-large', `the receiver answered with more than ${ANSWER_BYTES_MAX} bytes`)
    }
    chunks.push(chunk)
  }
  if (!answer.complete) throw new EgressFault('not-reached', 'the receiver broke its answer off')
  const retryAfter = answer.headers['retry-after']
  const contentType = answer.headers['content-type']
  return {
    status: answer.statusCode ?? 0,
    ...(retryAfter === undefined ? {} : { retryAfter }),
    ...(contentType === undefined ? {} : { contentType }),
    body: new Uint8Array(Buffer.concat(chunks)),
  }
}

function hostHeader(host: string, port: number): string {
  const name = isIP(host) === 6 ? `[${host}]` : host
  return port === 443 ? name : `${name}:${port}`
}
