import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type ClientRequest, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { MessageChannel } from 'node:worker_threads'
import type { PeerFacts } from '@holdfast/messaging'
import { BodyBudget } from './body-budget.ts'
import { answerThrough, askThrough, exchange, type HttpHandler } from './http-exchange.ts'

const PEER: PeerFacts = { address: 'a', port: 1, transport: 'https', tlsVersion: '', tlsFingerprint: '' }

/** A server with a port between it and who answers, as in the hub. */
async function stage(context: TestContext, handler: HttpHandler): Promise<(path: string) => ClientRequest> {
  const { port1, port2 } = new MessageChannel()
  answerThrough(port1, handler, () => undefined)
  const parts = { peer: PEER, handler: askThrough(port2), bodies: new BodyBudget(), stalledMs: 60_000 }
  const server = createServer((incoming, response) => {
    exchange(incoming, response, parts).catch(() => response.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  context.after(() => {
    server.closeAllConnections()
    server.close()
    port1.close()
  })
  const { port } = server.address() as AddressInfo
  return (path) => {
    const asked = request({ port, host: '127.0.0.1', method: 'POST', path, agent: false })
    asked.on('error', () => undefined)
    asked.end('body')
    return asked
  }
}

test('who answers is told that whoever asked has gone, and of nobody else', async (context) => {
  const signals = new Map<string, AbortSignal>()
  let asked = (): void => undefined
  const come = new Promise<void>((resolve) => {
    asked = resolve
  })
  let finish = (): void => undefined
  const finished = new Promise<void>((resolve) => {
    finish = resolve
  })
  const ask = await stage(context, async ({ target }, signal) => {
    assert.ok(signal !== undefined)
    signals.set(target, signal)
    if (signals.size === 2) asked()
    await (target === '/stays' ? finished : once(signal, 'abort'))
    return { status: 200, headers: [], body: undefined }
  })
  const stays = ask('/stays')
  const goes = ask('/goes')
  await come
  const left = signals.get('/goes')
  assert.ok(left !== undefined)
  const told = once(left, 'abort')
  goes.destroy()
  await told
  assert.equal(signals.get('/stays')?.aborted, false)
  finish()
  const [answer] = await once(stays, 'response')
  assert.equal(answer.statusCode, 200)
  answer.resume()
  await once(answer, 'end')
  // An answered request is over: that its connection ends says nothing.
  stays.destroy()
  const after = ask('/stays')
  await once(after, 'response')
  assert.equal(signals.get('/stays')?.aborted, false)
})
