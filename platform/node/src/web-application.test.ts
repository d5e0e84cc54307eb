import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { HttpRequest } from './http-exchange.ts'
import { webHandler } from './web-application.ts'

const paths: string[] = []
const handler = webHandler(
  {
    fetch: (request) => {
      paths.push(new URL(request.url).pathname)
      return new Response('here')
    },
  },
  'https://hub.example',
)

function request(method: string, target: string): HttpRequest {
  const peer = { address: '10.0.0.1', port: 1, transport: 'https', tlsVersion: 'TLSv1.3', tlsFingerprint: 'f' } as const
  return { method, target, headers: [], body: new Uint8Array(0), peer }
}

test('RFC 9112 §3.2: a path and a whole address are taken, and no host in a path', async () => {
  for (const target of ['/a', '//other/a', 'http://other/a'])
    assert.equal((await handler(request('GET', target))).status, 200)
  assert.deepEqual(paths, ['/a', '//other/a', '/a'])
})

test('an address that cannot be read is the fault of who sent it', async () => {
  for (const target of ['*', 'http://[', 'a', 'file:///etc/passwd', '']) {
    assert.equal((await handler(request('GET', target))).status, 400, target)
  }
})

test('a method that no application can be asked with is refused', async () => {
  for (const method of ['TRACE', 'CONNECT', 'TRACK']) assert.equal((await handler(request(method, '/a'))).status, 501)
})
