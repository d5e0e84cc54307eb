/** Over real sockets and real certificates: what a hostile name server, certificate or receiver comes to. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Server as HttpsServer } from 'node:https'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo, Server } from 'node:net'
import { after, test } from 'node:test'
import { createServer as createTlsServer, type TLSSocket } from 'node:tls'
import { requireTool } from '@holdfast/testing-tidy'
import { EgressFault, faultOfTrust, post, type PostAnswer, sendFrames, type Sending } from './index.ts'
import { type Certificates, makeCertificates } from './testing/index.ts'

const skip = requireTool('openssl')
let made: Certificates | undefined
const certificates = (): Certificates => (made ??= makeCertificates())
after(() => made?.end())

const refused = (code: string) => (error: unknown) => error instanceof EgressFault && error.code === code

type Handler = (request: IncomingMessage, response: ServerResponse) => void

async function withHttps(
  handler: Handler,
  use: (port: number, server: HttpsServer) => Promise<void>,
  more: object = {},
): Promise<void> {
  const { certificate: cert, key } = certificates().server
  const server = createServer({ cert, key, ...more }, handler)
  await listening(server, () => use(portOf(server), server))
}

async function listening(server: Server, use: () => Promise<void>): Promise<void> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  try {
    await use()
  } finally {
    if ('closeAllConnections' in server && typeof server.closeAllConnections === 'function')
      server.closeAllConnections()
    server.close()
  }
}

const portOf = (server: Server): number => (server.address() as AddressInfo).port

const sending = (port: number, change: Partial<Sending> = {}): Sending => ({
  destination: { scheme: 'https', host: 'logs.example', port, target: '/in?a=1' },
  trust: { authorities: certificates().authority },
  allowPrivate: true,
  turn: 0,
  signal: new AbortController().signal,
  resolver: async () => ['127.0.0.1'],
  patienceMs: 5_000,
  ...change,
})

const send = (port: number, change: Partial<Sending> = {}): Promise<PostAnswer> =>
  post(sending(port, change), Buffer.from('{"a":1}'), { 'content-type': 'application/json' })

test('a request goes to the address that was judged, by the name that the certificate is for', { skip }, async () => {
  const seen: unknown[] = []
  const handler: Handler = (request, response) => {
    const name: unknown = Reflect.get(request.socket, 'servername')
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString()))
    request.on('end', () => {
      seen.push([request.method, request.url, request.headers.host, name, body])
      response.writeHead(202, { 'retry-after': '7' }).end('taken')
    })
  }
  await withHttps(handler, async (port) => {
    let asked = 0
    const resolver = async (): Promise<readonly string[]> => {
      asked += 1
      // A name server that answers with another address the second time is never asked a second time.
      return asked === 1 ? ['127.0.0.1'] : ['10.255.255.1']
    }
    const answer = await send(port, { resolver })
    assert.equal(asked, 1)
    assert.deepEqual(seen, [['POST', '/in?a=1', `logs.example:${port}`, 'logs.example', '{"a":1}']])
    assert.deepEqual([answer.status, answer.retryAfter, Buffer.from(answer.body).toString()], [202, '7', 'taken'])
  })
})

test('nothing is sent where an address may not be called', { skip }, async () => {
  let requests = 0
  await withHttps(
    (_request, response) => {
      requests += 1
      response.end()
    },
    async (port) => {
      await assert.rejects(send(port, { allowPrivate: false }), refused('address-refused'))
      const mixed = async (): Promise<readonly string[]> => ['127.0.0.1', '169.254.169.254']
      await assert.rejects(send(port, { resolver: mixed }), refused('address-refused'))
      const disguised = async (): Promise<readonly string[]> => ['::ffff:127.0.0.1']
      await assert.rejects(send(port, { resolver: disguised }), refused('address-refused'))
    },
  )
  assert.equal(requests, 0)
})

test('a redirection is an answer, and is not followed', { skip }, async () => {
  let requests = 0
  const handler: Handler = (request, response) => {
    requests += 1
    response.writeHead(307, { location: `https://${request.headers.host}/elsewhere` }).end()
  }
  await withHttps(handler, async (port) => {
    assert.equal((await send(port)).status, 307)
  })
  assert.equal(requests, 1)
})

test('no proxy of the environment is used', { skip }, async () => {
  const before = { ...process.env }
  for (const name of ['HTTPS_PROXY', 'https_proxy', 'ALL_PROXY']) process.env[name] = 'http://127.0.0.1:1'
  process.env.NODE_USE_ENV_PROXY = '1'
  try {
    await withHttps(
      (_request, response) => response.end(),
      async (port) => assert.equal((await send(port)).status, 200),
    )
  } finally {
    for (const name of ['HTTPS_PROXY', 'https_proxy', 'ALL_PROXY', 'NODE_USE_ENV_PROXY']) {
      if (before[name] === undefined) delete process.env[name]
      else process.env[name] = before[name]
    }
  }
})

test('a receiver is who its certificate says, by the authority that was given, over TLS 1.2 or later', {
  skip,
}, async () => {
  const handler: Handler = (_request, response) => response.end()
  await withHttps(handler, async (port) => {
    const destination = { scheme: 'https', host: 'other.example', port, target: '/' } as const
    await assert.rejects(send(port, { destination }), refused('not-trusted'))
    await assert.rejects(send(port, { trust: {} }), refused('not-trusted'), 'the public roots do not know it')
    const literal = { scheme: 'https', host: '127.0.0.1', port, target: '/' } as const
    assert.equal(
      (await send(port, { destination: literal })).status,
      200,
      'an address is looked for in the certificate',
    )
  })
  const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }
  await withHttps(handler, async (port) => assert.rejects(send(port), refused('not-trusted')), old)
})

test('who asks for a certificate gets the one of the sink', { skip }, async () => {
  const { authority, client } = certificates()
  const handler: Handler = (_request, response) => response.end()
  await withHttps(
    handler,
    async (port) => {
      await assert.rejects(send(port), (error: unknown) => error instanceof EgressFault)
      const trust = { authorities: authority, client: { certificate: client.certificate, key: client.key } }
      assert.equal((await send(port, { trust })).status, 200)
    },
    { requestCert: true, rejectUnauthorized: true, ca: authority },
  )
  assert.equal(faultOfTrust({ authorities: authority, client }), undefined)
  assert.equal(faultOfTrust({ authorities: 'nonsense' }), 'authorities')
  assert.equal(faultOfTrust({ client: { certificate: client.certificate, key: 'nonsense' } }), 'client')
  const other = certificates().server.key
  assert.equal(faultOfTrust({ client: { certificate: client.certificate, key: other } }), 'client', 'of another key')
})

test('an answer is bounded in bytes and in time, and one that breaks off is none', { skip }, async () => {
  const endless: Handler = (_request, response) => {
    const more = (): void => {
      while (response.write('x'.repeat(16_384)));
      response.once('drain', more)
    }
    more()
  }
  await withHttps(endless, async (port) => assert.rejects(send(port), refused('answer-too-large')))
  const slow: Handler = (_request, response) => response.write('x')
  await withHttps(slow, async (port) => assert.rejects(send(port, { patienceMs: 200 }), refused('timed-out')))
  const silent: Handler = () => undefined
  await withHttps(silent, async (port) => assert.rejects(send(port, { patienceMs: 200 }), refused('timed-out')))
  const header: Handler = (_request, response) => response.writeHead(200, { x: 'y'.repeat(20_000) }).end()
  await withHttps(header, async (port) => assert.rejects(send(port), refused('answer-too-large')))
  const broken: Handler = (request, response) => {
    response.writeHead(200, { 'content-length': '100' })
    response.write('x')
    setImmediate(() => request.socket.destroy())
  }
  await withHttps(broken, async (port) => assert.rejects(send(port), refused('not-reached')))
  await assert.rejects(send(1), refused('not-reached'), 'where nobody listens')
})

async function withTls(connected: (socket: TLSSocket) => void, use: (port: number) => Promise<void>): Promise<void> {
  const { certificate: cert, key } = certificates().server
  const sockets = new Set<TLSSocket>()
  const server = createTlsServer({ cert, key }, (socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    connected(socket)
  })
  await listening(server, () => use(portOf(server)))
  for (const socket of sockets) socket.destroy()
}

const frames = Array.from({ length: 200 }, (_, at) => Buffer.from(`5 ${String(at).padStart(5, '0')}`))

test('RFC 5425 §4.4: frames count as taken when the receiver ends in kind, not before', { skip }, async () => {
  let read = ''
  const whole = (socket: TLSSocket): void => {
    socket.on('data', (chunk: Buffer) => (read += chunk.toString()))
  }
  await withTls(whole, async (port) => sendFrames(sending(port), frames))
  assert.equal(read, Buffer.concat(frames).toString())
  const rude = (socket: TLSSocket): void => void socket.once('data', () => socket.destroy())
  await withTls(rude, async (port) => {
    const much = Array.from({ length: 500 }, () => Buffer.alloc(8_192, 'x'))
    await assert.rejects(sendFrames(sending(port), much), (error: unknown) => error instanceof EgressFault)
  })
  // Reads nothing at all, and never ends.
  const deaf = (socket: TLSSocket): void => void socket.pause()
  await withTls(deaf, async (port) => {
    const much = Array.from({ length: 2_000 }, () => Buffer.alloc(8_192, 'x'))
    await assert.rejects(sendFrames(sending(port, { patienceMs: 300 }), much), refused('timed-out'))
  })
})
