/**
 * An HTTP request and its answer as plain data that can cross between threads: a front parses and bounds a request, the
 * core answers it. Bodies of answers are bytes or a stream (transferred, with its backpressure).
 */

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { MessagePort } from 'node:worker_threads'
import type { PeerFacts } from '@holdfast/messaging'
import { Outbox } from './threads/outbox.ts'
import type { BodyBudget, BodyShare } from './body-budget.ts'
import { StreamedBody, type StreamCount } from './streamed-body.ts'

export interface HttpRequest {
  readonly method: string
  /** Path and query as received. */
  readonly target: string
  /** Names and values in turn: thousands of requests a second cross between threads, and a pair costs an object. */
  readonly headers: readonly string[]
  /** A stream where the listener was told so of the address; whoever answers reads it, cancels it, or leaves it. */
  readonly body: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>
  readonly peer: PeerFacts
}

export interface HttpAnswer {
  readonly status: number
  /** Names and values in turn. */
  readonly headers: readonly string[]
  readonly body: Uint8Array | ReadableStream<Uint8Array> | undefined
}

/** @param signal aborted when whoever asked has gone: nobody reads the answer. Not of requests whose body is a stream. */
export type HttpHandler = (request: HttpRequest, signal?: AbortSignal) => Promise<HttpAnswer>

/** Largest request body, in bytes: the largest documented one (a bulk of 100 identities with twins) fits. */
export const HTTP_BODY_BYTES_MAX = 1_048_576
/**
 * Requests one front has under way at the core; one more is answered 503. Twice the method calls that may wait for
 * devices, which all may have come through one front: other requests must find room beside them.
 */
const REQUESTS_MAX = 8_192
/**
 * How long the core may take for its answer, in milliseconds: a method call waits up to ten minutes for its device, and
 * meanwhile silence is ours, not the peer's.
 */
const ANSWER_MS_MAX = 620_000
/** How long a body that is read whole may take, in milliseconds. */
const BODY_MS_MAX = 30_000
/**
 * What is read and thrown away of a body that is too large, in bytes, and for how long, in milliseconds: a connection that
 * is closed while its peer still sends is reset, and the answer lost with it.
 */
const DRAINED_BYTES_MAX = 16 * 1_048_576
const DRAINED_MS_MAX = 2_000

export interface Exchange {
  readonly peer: PeerFacts
  readonly handler: HttpHandler
  readonly bodies: BodyBudget
  /** How long the connection may stand still while it is the peer's turn, in milliseconds; 0 for ever. */
  readonly stalledMs: number
  /** Which bodies are streams; without it there are none. */
  readonly streams?: StreamCount
  /** Told when a body did not come in time. */
  readonly late?: () => void
}

/** Hands a request on and writes the answer. Answers 408, 413, 400 and 503 itself. */
export async function exchange(request: IncomingMessage, response: ServerResponse, parts: Exchange): Promise<void> {
  const isStreamed = parts.streams?.isStreamed(request.method ?? '', request.url ?? '') ?? false
  await (isStreamed ? exchangeStreamed(request, response, parts) : exchangeWhole(request, response, parts))
}

async function exchangeStreamed(
  request: IncomingMessage,
  response: ServerResponse,
  { peer, handler, streams, stalledMs }: Exchange,
): Promise<void> {
  if (streams?.open() !== true) {
    refuse(response, 503, 'Too many uploads are under way. Try again shortly.')
    return
  }
  const body = new StreamedBody(request)
  // From the end of the body it is ours to say something: the disk may take its time.
  request.once('end', () => response.socket?.setTimeout(ANSWER_MS_MAX))
  try {
    const answer = await handler({ ...headOf(request, peer), body: body.stream })
    response.socket?.setTimeout(stalledMs)
    await writeAnswer(response, answer)
  } catch {
    if (!response.headersSent) refuse(response, 503, 'The hub cannot answer just now. Try again shortly.')
  } finally {
    streams.close()
    body.end()
  }
}

function headOf(request: IncomingMessage, peer: PeerFacts): Omit<HttpRequest, 'body'> {
  return { method: request.method ?? 'GET', target: request.url ?? '/', headers: request.rawHeaders, peer }
}

/** Reads a request whole before it hands it on. */
async function exchangeWhole(
  request: IncomingMessage,
  response: ServerResponse,
  { peer, handler, bodies, stalledMs, late }: Exchange,
): Promise<void> {
  const share = bodies.open(peer.address)
  const timer = setTimeout(() => {
    late?.()
    refuse(response, 408, 'The request body did not come in time.')
  }, BODY_MS_MAX)
  const gone = new AbortController()
  const leave = (): void => gone.abort()
  response.once('close', leave)
  let answer: HttpAnswer
  try {
    const body = await readBody(request, share)
    clearTimeout(timer)
    if (response.headersSent) return
    if (body === 'too-large') {
      refuseEarly(request, response, 413, 'The request body is larger than 1 MiB. Send less at once.')
      return
    }
    if (body === 'no-room') {
      refuse(response, 503, 'Too many large requests are under way. Try again shortly.')
      return
    }
    response.socket?.setTimeout(ANSWER_MS_MAX)
    answer = await handler({ ...headOf(request, peer), body }, gone.signal)
    response.socket?.setTimeout(stalledMs)
  } catch {
    if (!response.headersSent) refuse(response, 503, 'The hub cannot answer just now. Try again shortly.')
    return
  } finally {
    response.off('close', leave)
    clearTimeout(timer)
    share.end()
  }
  await writeAnswer(response, answer)
}

async function readBody(
  request: IncomingMessage,
  share: BodyShare,
): Promise<Uint8Array<ArrayBuffer> | 'too-large' | 'no-room'> {
  const chunks: Buffer[] = []
  let bytes = 0
  // Not destroyed when the loop is left: the socket is to carry the refusal.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > HTTP_BODY_BYTES_MAX) return 'too-large'
    if (!share.grow(bytes)) return 'no-room'
    chunks.push(chunk)
  }
  return new Uint8Array(Buffer.concat(chunks))
}

async function writeAnswer(response: ServerResponse, answer: HttpAnswer): Promise<void> {
  const { body, headers } = answer
  if (!(body instanceof ReadableStream)) {
    // 204 and 304 have no body by definition, and say nothing of its length (RFC 9110 §8.6).
    const hasLength = answer.status !== 204 && answer.status !== 304
    response.writeHead(answer.status, [...headers, ...(hasLength ? ['content-length', `${body?.length ?? 0}`] : [])])
    response.end(body)
    return
  }
  const reader = body.getReader()
  const cancel = (): void => void reader.cancel().catch(() => undefined)
  // Who asked may have gone while the answer was made; 'close' was then, and nobody would ever end the stream.
  if (response.destroyed) {
    cancel()
    return
  }
  response.on('close', cancel)
  // Silence is in the nature of a stream that follows.
  response.socket?.setTimeout(0)
  response.writeHead(answer.status, [...headers])
  response.flushHeaders()
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done || response.destroyed) break
      if (!response.write(value)) await new Promise((resolve) => response.once('drain', resolve).once('close', resolve))
    }
    response.end()
  } catch {
    // The answer broke off in the middle: the client must see that, not a clean end.
    response.destroy()
  }
}

/** Refuses while the body is still coming; the connection closes when that has ended, or after a bound. */
function refuseEarly(request: IncomingMessage, response: ServerResponse, status: number, detail: string): void {
  const done = (): void => {
    clearTimeout(timer)
    response.end()
  }
  const timer = setTimeout(done, DRAINED_MS_MAX)
  let drained = 0
  request.on('data', (chunk: Buffer) => {
    drained += chunk.length
    if (drained > DRAINED_BYTES_MAX) done()
  })
  for (const event of ['end', 'close', 'error'] as const) request.once(event, done)
  response.write(refusalOf(response, status, detail))
}

function refuse(response: ServerResponse, status: number, detail: string): void {
  response.end(refusalOf(response, status, detail))
}

/** Says the head of a refusal; its body is to follow. */
function refusalOf(response: ServerResponse, status: number, detail: string): Buffer {
  const body = Buffer.from(JSON.stringify({ type: 'about:blank', title: 'Refused', status, detail }))
  response.writeHead(status, {
    'content-type': 'application/problem+json',
    'content-length': body.length,
    'cache-control': 'no-store',
    connection: 'close',
  })
  return body
}

interface Ask {
  readonly id: number
  readonly request: HttpRequest
}

/** Whoever asked has gone. */
interface Left {
  readonly id: number
  readonly request?: undefined
}

interface Reply {
  readonly id: number
  readonly answer: HttpAnswer | undefined
}

/** The front's end: a handler that asks the other thread. */
export function askThrough(port: MessagePort): HttpHandler {
  const pending = new Map<number, { resolve(answer: HttpAnswer): void; reject(error: Error): void }>()
  const asks = new Outbox<Ask | Left>(port)
  let nextId = 0
  port.on('message', (replies: readonly Reply[]) => {
    for (const { id, answer } of replies) {
      const waiter = pending.get(id)
      pending.delete(id)
      if (answer === undefined) waiter?.reject(new Error('the handler failed'))
      else waiter?.resolve(answer)
    }
  })
  return (request, signal) =>
    new Promise((resolve, reject) => {
      if (pending.size >= REQUESTS_MAX) {
        reject(new Error('too many requests under way'))
        return
      }
      const id = nextId++
      pending.set(id, { resolve, reject })
      const { body } = request
      if (body instanceof ReadableStream) port.postMessage([{ id, request } satisfies Ask], [body])
      else asks.put({ id, request })
      const left = (): void => {
        if (pending.has(id)) asks.put({ id })
      }
      signal?.addEventListener('abort', left, { once: true })
    })
}

/** The core's end: answers what comes through `port` with `handler`. */
export function answerThrough(port: MessagePort, handler: HttpHandler, failed: (error: unknown) => void): void {
  const replies = new Outbox<Reply>(port)
  const underWay = new Map<number, AbortController>()
  const answer = async ({ id, request }: Ask): Promise<void> => {
    const asker = new AbortController()
    underWay.set(id, asker)
    try {
      const answer = await handler(request, asker.signal)
      if (answer.body instanceof ReadableStream) port.postMessage([{ id, answer } satisfies Reply], [answer.body])
      else replies.put({ id, answer })
    } catch (error) {
      failed(error)
      replies.put({ id, answer: undefined })
    } finally {
      underWay.delete(id)
    }
  }
  port.on('message', (asks: readonly (Ask | Left)[]) => {
    for (const ask of asks) {
      if (ask.request === undefined) underWay.get(ask.id)?.abort()
      else void answer(ask)
    }
  })
}
