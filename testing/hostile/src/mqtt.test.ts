import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { encodePublish, encodeSubscribe } from '@holdfast/mqtt'
import type { LogLine } from '@holdfast/testing-hub'
import { formatSasToken } from '@holdfast/tokens'
import { countOf, eventsFrom, Stage, until } from './stage.ts'
import { connectPacket, goodConnect, type Outcome, overTls } from './stranger.ts'

/** CONNACK, accepted. */
const LET_IN = Buffer.from([0x20, 2, 0, 0])
/** CONNACK codes of §3.2.2.3: an identifier that none can have, a password that none can be, and all that is wrong. */
const IDENTIFIER = 2
const MALFORMED = 4
const REFUSED = 5
const NOTHING = Buffer.alloc(0)
const PINGREQ = Buffer.from([0xc0, 0])
const SOON_MS = 3_000
const SLOW_READER_MS_MAX = 30_000

type Bytes = Uint8Array
const publish = (topic: string, payload: Bytes): Bytes =>
  encodePublish({ topic, payload, qos: 1, packetId: 1, retain: false })

test('whatever a peer says by MQTT ends its own connection at most, with an event, and nobody else feels it', async (context) => {
  const stage = await Stage.open(context)
  const { server, api } = stage
  let host = 10
  const way = (): { readonly port: number; readonly from: string } => ({
    port: server.port,
    from: `127.0.0.${host++}`,
  })

  await context.test('before CONNECT: closed at once without a word, and the log says who and why', async () => {
    const strangers: readonly (readonly [name: string, bytes: Bytes])[] = [
      ['noise', Buffer.concat([Buffer.from([0]), randomBytes(400)])],
      ['HTTP', Buffer.from('GET / HTTP/1.1\r\nhost: x\r\n\r\n')],
      ['PUBLISH first', publish('devices/good-0/messages/events/', NOTHING)],
      ['a length of five bytes', Buffer.from([0x10, 0xff, 0xff, 0xff, 0xff, 1])],
      ['a CONNECT of 256 MiB', Buffer.from([0x10, 0xff, 0xff, 0xff, 0x7f])],
      ['MQTT 3.1', Buffer.from([0x10, 15, 0, 6, ...Buffer.from('MQIsdp'), 3, 2, 0, 60, 0, 1, 0x61])],
      ['text that is no UTF-8', Buffer.from([0x10, 13, 0, 4, ...Buffer.from('MQTT'), 4, 2, 0, 60, 0, 1, 0xff])],
      ['a reserved type', Buffer.from([0xf0, 0])],
    ]
    const ways = strangers.map(way)
    const { result, lines } = await stage.during('before CONNECT', () =>
      Promise.all(strangers.map(([, bytes], index) => overTls(ways[index] ?? way(), server, (it) => it.write(bytes)))),
    )
    for (const [index, [name]] of strangers.entries()) {
      const { isClosed, milliseconds, received } = outcomeAt(result, index)
      assert.ok(isClosed && milliseconds < SOON_MS, `${name}: closed at once`)
      assert.deepEqual(received, NOTHING, name)
      const events = eventsFrom(lines, 'connection.turned-away', ways[index]?.from ?? '')
      assert.equal(events.length, 1, `${name}: the log says who`)
      assert.ok(events[0]?.detail?.['reason'], `${name}: and why`)
    }
  })

  await context.test(
    'wrong ids and wrong tokens: CONNACK 5 whatever of them is wrong, and the log says who and why',
    async () => {
      const key = await api.createDevice('door')
      const otherKey = await api.createDevice('window')
      const token = (resource: string, signedWith: string, seconds: number): Bytes =>
        Buffer.from(
          formatSasToken({ resource, key: signedWith, expirySeconds: Math.floor(Date.now() / 1000) + seconds }),
        )
      const own = `${server.hostname}/devices/door`
      const passwords: readonly (readonly [name: string, id: string, password: Bytes, code?: number])[] = [
        ['a device that is not there', 'nobody', token(`${server.hostname}/devices/nobody`, key, 3_600)],
        ["another device's key", 'door', token(own, otherKey, 3_600)],
        ["another device's token", 'door', token(`${server.hostname}/devices/window`, otherKey, 3_600)],
        ['a token that has expired', 'door', token(own, key, -3_600)],
        ["another hub's token", 'door', token('elsewhere.example/devices/door', key, 3_600)],
        ['the key itself', 'door', Buffer.from(key)],
        ['no text', 'door', randomBytes(64), MALFORMED],
        ['nothing', 'door', NOTHING],
        ['a token without end', 'door', Buffer.from(`SharedAccessSignature sr=${'a'.repeat(8_000)}`)],
        ['an id with a wildcard', '#', token(`${server.hostname}/devices/#`, key, 3_600)],
        [
          'an id that leads elsewhere',
          '../window',
          token(`${server.hostname}/devices/window`, otherKey, 3_600),
          IDENTIFIER,
        ],
      ]
      const ways = passwords.map(way)
      const { result, lines } = await stage.during('wrong tokens', () =>
        Promise.all(
          passwords.map(([, id, password], index) =>
            overTls(ways[index] ?? way(), server, (it) => it.write(connectPacket(server, id, password))),
          ),
        ),
      )
      for (const [index, [name, , , code = REFUSED]] of passwords.entries()) {
        const { isClosed, milliseconds, received } = outcomeAt(result, index)
        assert.ok(isClosed && milliseconds < SOON_MS, `${name}: closed at once`)
        assert.deepEqual([...received], [0x20, 2, 0, code], name)
        const from = ways[index]?.from ?? ''
        const events = [
          ...eventsFrom(lines, 'session.refused', from),
          ...eventsFrom(lines, 'connection.turned-away', from),
        ]
        assert.equal(events.length, 1, `${name}: the log says who`)
        const said = JSON.stringify(events)
        assert.ok(!said.includes(key) && !said.includes('sig='), `${name}: and no secret`)
      }
    },
  )

  await context.test('after CONNECT: closed, nothing of it is kept, and the log says who and why', async () => {
    const devices: readonly (readonly [name: string, bytes: (id: string) => Bytes])[] = [
      ['a second CONNECT', () => connectPacket(server, 'good-0', NOTHING)],
      ['QoS 2', (id) => Buffer.from(publish(`devices/${id}/messages/events/`, NOTHING)).fill(0x34, 0, 1)],
      ['400 KiB', (id) => publish(`devices/${id}/messages/events/`, Buffer.alloc(400 * 1024))],
      ['a topic of nobody', () => publish('a/b', NOTHING)],
      ["another device's topic", () => publish('devices/good-0/messages/events/', NOTHING)],
      ['properties that are no properties', (id) => publish(`devices/${id}/messages/events/%zz=%`, NOTHING)],
      ['noise', () => Buffer.concat([Buffer.from([0]), randomBytes(400)])],
    ]
    const keys = await Promise.all(devices.map((_, index) => api.createDevice(`bad-${index}`)))
    const { result, lines } = await stage.during('after CONNECT', () =>
      Promise.all(
        devices.map(([, bytes], index) =>
          overTls(way(), server, (socket) => {
            socket.write(goodConnect(server, `bad-${index}`, keys[index] ?? ''))
            socket.once('data', () => socket.write(bytes(`bad-${index}`)))
          }),
        ),
      ),
    )
    for (const [index, [name]] of devices.entries()) {
      const { isClosed, milliseconds, received } = outcomeAt(result, index)
      assert.ok(isClosed && milliseconds < SOON_MS, `${name}: closed at once`)
      assert.deepEqual(received, LET_IN, `${name}: let in, and nothing acknowledged`)
      const closed = lines.filter((it) => it.event === 'session.closed' && it.subject === `device/bad-${index}`)
      assert.equal(closed.length, 1, `${name}: the log says who`)
      assert.notEqual(closed[0]?.detail?.['reason'], 'peer-closed', `${name}: and why`)
      for await (const message of api.messages({ device: `bad-${index}` })) assert.fail(JSON.stringify(message))
    }
  })

  await context.test('a flood of SUBSCRIBE is throttled', async () => {
    const key = await api.createDevice('eager')
    const filters = Array.from({ length: 100 }, () => ({
      filter: 'devices/eager/messages/devicebound/#',
      qos: 1 as const,
    }))
    const { result, lines } = await stage.during('SUBSCRIBE', () =>
      overTls(way(), server, (socket) => {
        socket.write(goodConnect(server, 'eager', key))
        socket.once('data', () => {
          for (let number = 1; number <= 5_000; number++) socket.write(encodeSubscribe(number, filters))
        })
      }),
    )
    const answers = (result.received.length - LET_IN.length) / (2 + 2 + filters.length)
    assert.ok(answers < 100, 'a few are answered')
    const closed = lines.filter((it) => it.event === 'session.closed' && it.subject === 'device/eager')
    assert.deepEqual(
      closed.map(({ detail }) => detail?.['reason']),
      ['throttled'],
    )
  })

  await context.test(
    'slow writers are closed when their CONNECT takes too long; many of them cost little',
    async () => {
      const { result, lines } = await stage.during('slow writers', () =>
        Promise.all(
          Array.from({ length: 200 }, () =>
            overTls(
              { port: server.port, from: '127.0.0.200' },
              server,
              (socket) => {
                const bytes = [...connectPacket(server, 'slow', randomBytes(64))]
                const timer = setInterval(() => socket.write(Buffer.from([bytes.shift() ?? 0])), 1_000)
                socket.once('close', () => clearInterval(timer))
              },
              20_000,
            ),
          ),
        ),
      )
      assert.ok(result.every(({ isClosed, milliseconds }) => isClosed && milliseconds < 16_000))
      const events = eventsFrom(lines, 'connection.turned-away', '127.0.0.200')
      assert.ok(events.length >= 1 && events.length < 20, `${events.length} events for 200 connections`)
      assert.equal(countOf(events), 200)
    },
  )

  await context.test('slow readers are closed when too much waits for them', async () => {
    const ids = Array.from({ length: 4 }, (_, index) => `deaf-${index}`)
    const keys = await Promise.all(ids.map((id) => api.createDevice(id)))
    const closed = (): readonly LogLine[] =>
      stage.hub.lines.filter((it) => it.event === 'session.closed' && it.subject?.startsWith('device/deaf-'))
    const pings = Buffer.concat(Array.from({ length: 32_768 }, () => PINGREQ))
    await stage.during('slow readers', async () => {
      const sockets: { destroy(): unknown }[] = []
      for (const [index, id] of ids.entries()) {
        void overTls(
          way(),
          server,
          (socket) => {
            sockets.push(socket)
            socket.write(goodConnect(server, id, keys[index] ?? ''))
            socket.once('data', () => {
              socket.pause()
              flood(socket, pings, 128)
            })
          },
          SLOW_READER_MS_MAX,
        )
      }
      // Who does not read does not see that it was closed: the log tells.
      await until(() => closed().length === ids.length, 'all are closed', SLOW_READER_MS_MAX)
      for (const socket of sockets) socket.destroy()
    })
    assert.deepEqual(
      closed().map(({ detail }) => detail?.['reason']),
      ids.map(() => 'slow-reader'),
    )
  })
})

function outcomeAt(outcomes: readonly Outcome[], index: number): Outcome {
  const outcome = outcomes[index]
  assert.ok(outcome !== undefined)
  return outcome
}

/** Writes `bytes` that many times, no faster than they are taken. */
function flood(
  socket: { write(bytes: Bytes, done: () => void): boolean; readonly destroyed: boolean },
  bytes: Bytes,
  times: number,
): void {
  if (times > 0 && !socket.destroyed) socket.write(bytes, () => flood(socket, bytes, times - 1))
}
