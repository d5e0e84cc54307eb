/** Listeners meet peers that do not keep to the rules. Over real sockets: what is shown is the libraries' doing too. */

import assert from 'node:assert/strict'
import { type AddressInfo, createServer } from 'node:net'
import { after, before, test } from 'node:test'
import { connect, type TLSSocket } from 'node:tls'
import { encodePem, ROOT_AUTHORITY, SERVER_CERTIFICATE } from '@holdfast/pki'
import { issue } from '@holdfast/pki/testing'
import { timestampOf } from '@holdfast/base'
import { WebSocket } from 'ws'
import { systemClock } from './clock.ts'
import { type Fault, FrontDriver } from './front-driver.ts'
import type { HttpRequest } from './http-exchange.ts'
import { Listeners } from './listeners.ts'

const asked: HttpRequest[] = []
const faults: Fault[] = []
const lengths: number[] = []
const turnedAway: { readonly address: string; readonly detail: string }[] = []
let cancelled = 0
let port = 0
let listeners: Listeners
const open = new Set<TLSSocket | WebSocket>()

before(async () => {
  const [mqttPort, amqpPort, httpsPort] = [await freePort(), await freePort(), await freePort()]
  port = httpsPort
  const now = timestampOf(Date.now())
  const issuer = await issue({ profile: ROOT_AUTHORITY, commonName: 'Test Root', now })
  const { certificate, signer } = await issue({
    profile: SERVER_CERTIFICATE,
    commonName: 'localhost',
    issuer,
    now,
    alternativeNames: [{ kind: 'dns', name: 'localhost' }],
  })
  const driver = new FrontDriver(systemClock)
  driver.drive({
    opened: () => undefined,
    received: (_connection, bytes) => void lengths.push(bytes.length),
    peerClosed: () => undefined,
    fail: (connection, fault) => {
      faults.push(fault)
      driver.close(connection)
    },
    tick: () => undefined,
    endOfTurn: () => undefined,
    deadline: undefined,
  })
  listeners = new Listeners(
    {
      address: '127.0.0.1',
      mqttPort,
      amqpPort,
      httpsPort,
      tls: {
        key: signer.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
        certificate: encodePem('CERTIFICATE', certificate.der),
        ticketKeys: new Uint8Array(48),
      },
    },
    {
      driver,
      http: (request) => {
        asked.push(request)
        return answerTo(request)
      },
      amqp: () => Promise.reject(new Error('not here')),
      turnedAway: (address, detail) => void turnedAway.push({ address, detail }),
      certificateFacts: () => undefined,
    },
  )
  await listeners.listen()
})

after(() => {
  for (const one of open)
    if (one instanceof WebSocket) one.terminate()
    else one.destroy()
  listeners.close()
})

/** Path `/stream`: a stream that says one word and then nothing, begun late enough for who asked to be gone. */
async function answerTo({ target }: HttpRequest): Promise<{
  readonly status: number
  readonly headers: readonly string[]
  readonly body: Uint8Array | ReadableStream<Uint8Array> | undefined
}> {
  if (target !== '/stream') return { status: 200, headers: [], body: Buffer.from('whole') }
  await new Promise((resolve) => {
    setTimeout(resolve, 50)
  })
  const body = new ReadableStream<Uint8Array>({ cancel: () => void (cancelled += 1) })
  return { status: 200, headers: [], body }
}

test('a refused upgrade is answered and closed, although the peer does not close', async () => {
  const socket = await dial({ allowHalfOpen: true })
  socket.write('GET /elsewhere HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
  assert.match(await readAll(socket), /^HTTP\/1\.1 400 /)
  const from = Date.now()
  await closed(socket)
  assert.ok(Date.now() - from < 5_000, 'the hub lets go of it')
})

test('a stream is ended when who asked has gone before it began', async () => {
  const socket = await dial()
  socket.write('GET /stream HTTP/1.1\r\nHost: x\r\n\r\n')
  await until(() => asked.some(({ target }) => target === '/stream'))
  socket.destroy()
  await until(() => cancelled === 1)
})

test('an answer that is whole says how long it is', async () => {
  const socket = await dial()
  socket.write('GET /whole HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
  assert.match(await readAll(socket), /content-length: 5\r\n/i)
})

test('what cannot be read as a request is answered, told once with its address, and closed', async () => {
  const head = 'GET /unread HTTP/1.1\r\nHost: x\r\n'
  const requests: readonly (readonly [bytes: string, status: number, detail: RegExp])[] = [
    ['\u0000\u0001\u0002 noise\r\n\r\n more of it', 400, /^HPE_/],
    [`${head}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab`, 400, /^HPE_/],
    [`${head}X: ${'a'.repeat(65_536)}\r\n\r\n`, 431, /^HPE_HEADER_OVERFLOW$/],
  ]
  for (const [bytes, status, detail] of requests) {
    turnedAway.length = 0
    const socket = await dial()
    socket.on('error', () => undefined)
    socket.write(bytes)
    assert.match(await readAll(socket), new RegExp(`^HTTP/1.1 ${status} `))
    await closed(socket)
    assert.equal(turnedAway.length, 1)
    assert.equal(turnedAway[0]?.address, '127.0.0.1')
    assert.match(turnedAway[0]?.detail ?? '', detail)
  }
  assert.ok(!asked.some(({ target }) => target === '/unread'))
})

test('RFC 9112 §9.3.2: a few requests may follow each other unanswered, a flood of them ends the connection', async () => {
  const request = 'GET /piped HTTP/1.1\r\nHost: x\r\n'
  const polite = await dial()
  polite.write(`${`${request}\r\n`.repeat(9)}${request}Connection: close\r\n\r\n`)
  assert.equal((await readAll(polite)).match(/HTTP\/1\.1 200 /g)?.length, 10)
  const before = asked.length
  turnedAway.length = 0
  const flood = await dial()
  flood.on('error', () => undefined)
  flood.write(`${request}\r\n`.repeat(1_000))
  await closed(flood)
  assert.ok(asked.length - before <= 32, `${asked.length - before} were asked`)
  assert.deepEqual(turnedAway, [{ address: '127.0.0.1', detail: 'too many requests at once' }])
})

test('a body over the bound is refused with 413', async () => {
  const socket = await dial()
  socket.on('error', () => undefined)
  socket.write('POST /large HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\n')
  socket.write(Buffer.alloc(1_500_000))
  assert.match(await readAll(socket), /^HTTP\/1\.1 413 /)
  assert.ok(!asked.some(({ target }) => target === '/large'))
})

test('who is still sending a body that is too large reads the refusal, and not a reset', async () => {
  const socket = await dial()
  const errors: Error[] = []
  socket.on('error', (error) => errors.push(error))
  socket.write('POST /large HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n\r\n')
  for (let sent = 0; sent < 10_000_000; sent += 1_000_000) {
    socket.write(Buffer.alloc(1_000_000))
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  assert.match(await readAll(socket), /^HTTP\/1\.1 413 [^]*larger than 1 MiB/)
  assert.deepEqual(errors, [])
})

test('[MQTT-6.0.0-1] a text frame ends the connection', async () => {
  const webSocket = await dialWebSocket()
  webSocket.send('text')
  assert.equal(await closeCode(webSocket), 1003)
  assert.deepEqual(faults, [{ reason: 'protocol-violation', detail: 'a WebSocket frame of text' }])
})

test('whoever has not been answered yet cannot make us hold a large message', async () => {
  const webSocket = await dialWebSocket()
  const before = lengths.length
  // The first part of a message; the library would hold it until the last has come.
  webSocket.send(Buffer.alloc(100_000), { fin: false })
  assert.equal(await closeCode(webSocket), 1006)
  assert.equal(lengths.length, before)
})

test('TLS 1.2 cannot be negotiated anew', async () => {
  const socket = await dial({ maxVersion: 'TLSv1.2' })
  const error = await new Promise((resolve) => {
    socket.once('error', resolve)
    socket.renegotiate({ rejectUnauthorized: false }, resolve)
  })
  assert.ok(error instanceof Error)
})

async function dial(
  options: { readonly allowHalfOpen?: boolean; readonly maxVersion?: 'TLSv1.2' } = {},
): Promise<TLSSocket> {
  const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ...options })
  open.add(socket)
  await new Promise((resolve, reject) => {
    socket.once('secureConnect', resolve)
    socket.once('error', reject)
  })
  return socket
}

async function dialWebSocket(): Promise<WebSocket> {
  const url = `wss://127.0.0.1:${port}/$iothub/websocket`
  const webSocket = new WebSocket(url, 'mqtt', { rejectUnauthorized: false })
  open.add(webSocket)
  await new Promise((resolve, reject) => {
    webSocket.once('open', resolve)
    webSocket.once('error', reject)
  })
  webSocket.on('error', () => undefined)
  return webSocket
}

function closeCode(webSocket: WebSocket): Promise<number> {
  return new Promise((resolve) => {
    webSocket.once('close', resolve)
  })
}

function readAll(socket: TLSSocket): Promise<string> {
  return new Promise((resolve) => {
    let text = ''
    socket.on('data', (bytes: Buffer) => (text += bytes.toString('latin1')))
    socket.once('end', () => resolve(text))
    socket.once('close', () => resolve(text))
  })
}

async function closed(socket: TLSSocket): Promise<void> {
  // Half open, it notices when it writes.
  const timer = setInterval(() => socket.write('x'), 100)
  socket.on('error', () => undefined)
  if (!socket.destroyed) await new Promise((resolve) => socket.once('close', resolve))
  clearInterval(timer)
}

async function until(isSo: () => boolean): Promise<void> {
  const end = Date.now() + 5_000
  while (!isSo()) {
    assert.ok(Date.now() < end, 'it did not come to that in five seconds')
    await new Promise((resolve) => {
      setTimeout(resolve, 10)
    })
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const { port: free } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return free
}
