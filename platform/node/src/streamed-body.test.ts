import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Agent, createServer, request, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { MessageChannel } from 'node:worker_threads'
import type { PeerFacts } from '@holdfast/messaging'
import { BodyBudget } from './body-budget.ts'
import {
  answerThrough,
  askThrough,
  exchange,
  type HttpAnswer,
  type HttpHandler,
  type HttpRequest,
} from './http-exchange.ts'
import { StreamCount } from './streamed-body.ts'

const PEER: PeerFacts = { address: 'a', port: 1, transport: 'https', tlsVersion: '', tlsFingerprint: '' }
const MIB = 1_048_576

/** A server whose bodies under `/blobs` are streams, with a port between it and who answers, as in the hub. */
async function stage(context: TestContext, handler: HttpHandler, max = 4): Promise<number> {
  const { port1, port2 } = new MessageChannel()
  answerThrough(port1, handler, () => undefined)
  const ask = askThrough(port2)
  const streams = new StreamCount((method, target) => method === 'PUT' && target.startsWith('/blobs/'), max)
  const bodies = new BodyBudget()
  const server = createServer((incoming, response) => {
    const parts = { peer: PEER, handler: ask, bodies, streams, stalledMs: 60_000 }
    exchange(incoming, response, parts).catch(() => response.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  context.after(() => {
    server.closeAllConnections()
    server.close()
    port1.close()
  })
  return (server.address() as AddressInfo).port
}

async function put(port: number, bytes: number, agent?: Agent): Promise<{ status: number; text: string }> {
  const asked = request({
    port,
    host: '127.0.0.1',
    method: 'PUT',
    path: '/blobs/x',
    agent: agent ?? false,
    headers: { 'content-length': bytes },
  })
  const answered = once(asked, 'response') as Promise<[IncomingMessage]>
  asked.on('error', () => undefined)
  const piece = Buffer.alloc(65_536, 7)
  for (let sent = 0; sent < bytes; sent += piece.length) {
    if (asked.destroyed) break
    const part = piece.subarray(0, Math.min(piece.length, bytes - sent))
    if (!asked.write(part)) await Promise.race([once(asked, 'drain'), once(asked, 'close'), answered])
  }
  asked.end()
  const [answer] = await answered
  let text = ''
  for await (const chunk of answer) text += String(chunk)
  return { status: answer.statusCode ?? 0, text }
}

function streamOf({ body }: HttpRequest): ReadableStream<Uint8Array> {
  assert.ok(body instanceof ReadableStream)
  return body
}

function said(status: number, text: string): HttpAnswer {
  return { status, headers: [], body: Buffer.from(text) }
}

test('a body of many megabytes crosses in pieces, whole, and the next request follows on the connection', async (context) => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  context.after(() => agent.destroy())
  const port = await stage(context, async (asked) => {
    let bytes = 0
    let most = 0
    for await (const chunk of streamOf(asked)) {
      assert.ok(chunk.every((byte) => byte === 7))
      bytes += chunk.length
      most = Math.max(most, chunk.length)
    }
    assert.ok(most <= 1_048_576)
    return said(201, String(bytes))
  })
  for (const bytes of [0, 1, 3 * MIB + 5, 8 * MIB]) {
    assert.deepEqual(await put(port, bytes, agent), { status: 201, text: String(bytes) })
  }
})

test('who reads slowly is not run over: little of a body is on its way', async (context) => {
  const { promise: goOn, resolve } = Promise.withResolvers<void>()
  const port = await stage(context, async (asked) => {
    const reader = streamOf(asked).getReader()
    await reader.read()
    await goOn
    let chunks = 0
    while (!(await reader.read()).done) chunks += 1
    return said(201, String(chunks))
  })
  let sent = 0
  const asked = request({
    port,
    host: '127.0.0.1',
    method: 'PUT',
    path: '/blobs/x',
    agent: false,
    headers: { 'content-length': 64 * MIB },
  })
  const answered = once(asked, 'response') as Promise<[IncomingMessage]>
  const piece = Buffer.alloc(MIB, 7)
  const sending = (async () => {
    for (; sent < 64; sent += 1) if (!asked.write(piece)) await once(asked, 'drain')
    asked.end()
  })()
  await new Promise((done) => {
    setTimeout(done, 300)
  })
  // What the kernel's buffers and a chunk or two take.
  assert.ok(sent < 32, `${sent} MiB were taken of a body that nobody read`)
  resolve()
  await sending
  assert.equal((await answered)[0].statusCode, 201)
})

test('a refusal reaches a client that is still sending', async (context) => {
  const port = await stage(context, async () => said(403, 'no'))
  assert.deepEqual(await put(port, 4 * MIB), { status: 403, text: 'no' })
})

test('a client that goes away breaks the stream, and its place is free again', async (context) => {
  const broken: unknown[] = []
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>()
  const port = await stage(
    context,
    async (asked) => {
      try {
        for await (const _ of streamOf(asked)) begin()
        return said(201, 'whole')
      } catch (error) {
        broken.push(error)
        return said(400, 'broken')
      }
    },
    1,
  )
  const asked = request({
    port,
    host: '127.0.0.1',
    method: 'PUT',
    path: '/blobs/x',
    agent: false,
    headers: { 'content-length': MIB },
  })
  asked.on('error', () => undefined)
  asked.write(Buffer.alloc(1_000))
  await begun
  assert.equal((await put(port, 1)).status, 503)
  asked.destroy()
  for (let at = 0; at < 100 && broken.length === 0; at += 1) {
    await new Promise((done) => {
      setTimeout(done, 20)
    })
  }
  assert.equal(broken.length, 1)
  assert.equal((await put(port, 1)).status, 201)
})
