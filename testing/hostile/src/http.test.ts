import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { countOf, eventsFrom, Stage } from './stage.ts'
import { type Outcome, overTls } from './stranger.ts'

const SOON_MS = 3_000
/** The hub's patience with a request is 30 s for the whole and 10 s for its head, looked at every few seconds. */
const HEAD_MS_MAX = 25_000

const request = (line: string, headers: readonly string[] = [], body: string | Buffer = ''): Buffer =>
  Buffer.concat([
    Buffer.from(`${[`${line} HTTP/1.1`, 'host: localhost', ...headers].join('\r\n')}\r\n\r\n`),
    Buffer.from(body),
  ])
const upgrade = (path: string, ...headers: string[]): Buffer =>
  request(`GET ${path}`, [
    'connection: upgrade',
    'upgrade: websocket',
    'sec-websocket-version: 13',
    'sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==',
    ...headers,
  ])
const WEB_SOCKET = upgrade('/$iothub/websocket', 'sec-websocket-protocol: mqtt')

/** A masked frame (RFC 6455 §5.2) with a head as given and a mask of zeros. */
const frame = (...head: number[]): Buffer => Buffer.from([...head, 0, 0, 0, 0])

test('whatever a peer says by HTTP or WebSocket is refused or closed, and nobody else feels it', async (context) => {
  const stage = await Stage.open(context)
  const { server, httpsPort } = stage
  let host = 40
  const way = (): { readonly port: number; readonly from: string } => ({ port: httpsPort, from: `127.0.0.${host++}` })

  await context.test('requests that are wrong get the status that says so', async () => {
    const close = 'connection: close'
    const requests: readonly (readonly [name: string, bytes: Buffer, status: number])[] = [
      ['noise', randomBytes(300), 400],
      ['no right', request('GET /api/v1/devices', [close]), 401],
      [
        'a wrong token',
        request('GET /api/v1/devices', [close, 'authorization: SharedAccessSignature sr=a&sig=b&se=1']),
        401,
      ],
      ['nothing there', request('GET /nothing', [close]), 404],
      ['a method of nobody', request('TRACE /api/v1/devices', [close]), 501],
      ['headers of 64 KiB', request('GET /health/live', [close, `x: ${'a'.repeat(65_536)}`]), 431],
      [
        '1,000 headers',
        request('GET /health/live', [close, ...Array.from({ length: 1_000 }, (_, n) => `x-${n}: some thing`)]),
        431,
      ],
      ['a target of 8 KiB', request(`GET /health/live?${'a'.repeat(8_192)}`, [close]), 414],
      [
        'a body of 2 MiB',
        request('POST /api/v1/devices', [close, `content-length: ${2 ** 21}`], Buffer.alloc(2 ** 21)),
        413,
      ],
      [
        'two lengths',
        request('POST /api/v1/devices', [close, 'content-length: 5', 'content-length: 6'], 'abcdef'),
        400,
      ],
      [
        'a length and chunks',
        request('POST /api/v1/devices', [close, 'content-length: 5', 'transfer-encoding: chunked'], '0\r\n\r\n'),
        400,
      ],
      [
        'a chunk without a length',
        request('POST /api/v1/devices', [close, 'transfer-encoding: chunked'], 'zz\r\n'),
        400,
      ],
      ['a path that leads elsewhere', request('GET /../../etc/passwd', [close]), 404],
      ['metrics', request('GET /metrics', [close]), 404],
    ]
    const ways = requests.map(way)
    const { result, lines } = await stage.during('wrong requests', () =>
      Promise.all(
        requests.map(([, bytes], index) => overTls(ways[index] ?? way(), server, (socket) => socket.write(bytes))),
      ),
    )
    for (const [index, [name, , status]] of requests.entries()) {
      const { isClosed, received } = outcomeAt(result, index)
      assert.equal(statusOf(received), status, `${name}: ${received.toString('latin1').slice(0, 300)}`)
      assert.ok(isClosed, `${name}: closed`)
      if ([400, 401, 431].includes(status)) {
        const from = ways[index]?.from ?? ''
        const events = [
          ...eventsFrom(lines, 'request.refused', from),
          ...eventsFrom(lines, 'connection.turned-away', from),
        ]
        assert.equal(events.length, 1, `${name}: the log says who`)
      }
      assert.doesNotMatch(received.toString('latin1'), /node:|at .*\.ts:/, `${name}: and nothing of our inside`)
    }
  })

  await context.test('WebSockets that are wrong are refused or closed, with an event', async () => {
    const refused: readonly (readonly [name: string, bytes: Buffer])[] = [
      ['another path', upgrade('/elsewhere', 'sec-websocket-protocol: mqtt')],
      ['no sub-protocol', upgrade('/$iothub/websocket')],
      ['another sub-protocol', upgrade('/$iothub/websocket', 'sec-websocket-protocol: chat')],
    ]
    const frames: readonly (readonly [name: string, bytes: Buffer])[] = [
      ['a frame without a mask', Buffer.from([0x82, 2, 1, 2])],
      ['reserved bits', frame(0xf2, 0x80)],
      ['a reserved code', frame(0x83, 0x80)],
      ['a frame of text', Buffer.concat([frame(0x81, 0x82), Buffer.from('hi')])],
      ['a frame of 2^62 bytes', frame(0x82, 0xff, 0x40, 0, 0, 0, 0, 0, 0, 0)],
      ['a frame of 100 MiB', frame(0x82, 0xff, 0, 0, 0, 0, 6, 0x40, 0, 0)],
      ['a ping in two parts', frame(0x09, 0x80)],
      ['a part of nothing', frame(0x80, 0x80)],
      ['noise in a frame', Buffer.concat([frame(0x82, 0x84), Buffer.from([0, 1, 2, 3])])],
      [
        'half a frame of a CONNECT that is too large',
        Buffer.concat([frame(0x82, 0xff, 0, 0, 0, 0, 0, 4, 0, 0), Buffer.alloc(250_000)]),
      ],
    ]
    const ways = frames.map(way)
    const { result, lines } = await stage.during('wrong WebSockets', async () => {
      const upgrades = await Promise.all(
        refused.map(([, bytes]) => overTls(way(), server, (socket) => socket.write(bytes))),
      )
      const sockets = await Promise.all(
        frames.map(([, bytes], index) =>
          overTls(
            ways[index] ?? way(),
            server,
            (socket) => {
              socket.write(WEB_SOCKET)
              socket.once('data', () => socket.write(bytes))
            },
            14_000,
          ),
        ),
      )
      return { upgrades, sockets }
    })
    for (const [index, [name]] of refused.entries()) {
      const { isClosed, received } = outcomeAt(result.upgrades, index)
      assert.equal(statusOf(received), 400, name)
      assert.ok(isClosed, `${name}: closed`)
    }
    for (const [index, [name]] of frames.entries()) {
      const { isClosed, received, milliseconds } = outcomeAt(result.sockets, index)
      assert.equal(statusOf(received), 101, name)
      assert.ok(isClosed && milliseconds < SOON_MS, `${name}: closed after ${milliseconds} ms`)
      assert.ok(
        eventsFrom(lines, 'connection.turned-away', ways[index]?.from ?? '').length > 0,
        `${name}: the log says who`,
      )
    }
  })

  await context.test('a flood of requests from one address is answered or refused, within bounds', async () => {
    const from = '127.0.0.100'
    const { result } = await stage.during('a flood', async () => {
      const until = performance.now() + 5_000
      let answers = 0
      const statuses = new Map<number, number>()
      const lane = async (): Promise<void> => {
        while (performance.now() < until) {
          const some = Array.from({ length: 10 }, () => request('GET /api/v1/status'))
          const { received } = await overTls({ port: httpsPort, from }, server, (socket) => {
            socket.write(Buffer.concat([...some, request('GET /nothing', ['connection: close'])]))
          })
          for (const [, status] of received.toString('latin1').matchAll(/HTTP\/1\.1 (\d{3})/g)) {
            answers += 1
            statuses.set(Number(status), (statuses.get(Number(status)) ?? 0) + 1)
          }
        }
      }
      await Promise.all(Array.from({ length: 20 }, lane))
      return { answers, statuses: [...statuses] }
    })
    context.diagnostic(JSON.stringify(result))
    assert.ok(result.answers > 100)
    assert.ok(result.statuses.every(([status]) => [401, 404, 429, 503].includes(status)))
  })

  await context.test('connections that say nothing, or their requests slowly, are closed in time', async () => {
    const from = '127.0.0.101'
    const { result } = await stage.during('slow requests', async () => {
      const slow = Array.from({ length: 150 }, () =>
        overTls(
          { port: httpsPort, from },
          server,
          (socket) => {
            socket.write('GET /health/live HTTP/1.1\r\nhost: localhost\r\n')
            const timer = setInterval(() => socket.write('x'), 1_000)
            socket.once('close', () => clearInterval(timer))
          },
          HEAD_MS_MAX,
        ),
      )
      const silent = Array.from({ length: 150 }, () =>
        overTls({ port: httpsPort, from }, server, () => undefined, HEAD_MS_MAX),
      )
      return { slow: await Promise.all(slow), silent: await Promise.all(silent) }
    })
    assert.deepEqual(
      {
        slow: result.slow.filter((it) => !it.isClosed).length,
        silent: result.silent.filter((it) => !it.isClosed).length,
      },
      { slow: 0, silent: 0 },
      'still open',
    )
  })

  await context.test('connections that send request after request unanswered are closed, with an event', async () => {
    const from = '127.0.0.102'
    const many = Buffer.concat(Array.from({ length: 2_000 }, () => request('GET /api/v1/status')))
    const { result, lines } = await stage.during('request after request', () =>
      Promise.all(
        Array.from({ length: 20 }, () => overTls({ port: httpsPort, from }, server, (socket) => socket.write(many))),
      ),
    )
    assert.ok(result.every(({ isClosed, milliseconds }) => isClosed && milliseconds < SOON_MS))
    assert.equal(countOf(eventsFrom(lines, 'connection.turned-away', from)), 20)
  })
})

function statusOf(received: Buffer): number {
  return Number(/^HTTP\/1\.1 (\d{3})/.exec(received.toString('latin1'))?.[1])
}

function outcomeAt(outcomes: readonly Outcome[], index: number): Outcome {
  const outcome = outcomes[index]
  assert.ok(outcome !== undefined)
  return outcome
}
