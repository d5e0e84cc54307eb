import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { connect as connectTls } from 'node:tls'
import { requireTool } from '@holdfast/testing-tidy'
import { formatSasToken } from '@holdfast/tokens'
import { guessByHttps, guessByMqtt } from './guesser.ts'
import { clientHello, halfOpen } from './half-open.ts'
import { countOf, eventsFrom, Stage, until } from './stage.ts'
import { goodConnect, overTcp, overTls } from './stranger.ts'

/** The hub's patience with a handshake is 10 s; its timers and a busy machine come on top. */
const HANDSHAKE_MS_MAX = 16_000

test('whoever fails at the door costs little, is told of, and is in nobody’s way', async (context) => {
  const stage = await Stage.open(context)
  const { server, httpsPort, api } = stage

  await context.test('half-open connections by the thousand: most are closed at once, the rest in time', async () => {
    const silent = { port: server.port, from: '127.0.0.20' }
    const hello = await clientHello()
    const { lines } = await stage.during('half-open', async () => {
      const floods = await Promise.all([
        halfOpen(silent, 2_000, Buffer.alloc(0)),
        halfOpen({ port: server.port, from: '127.0.0.21' }, 1_000, hello),
        halfOpen({ port: httpsPort, from: '127.0.0.21' }, 1_000, hello),
      ])
      const closed = (): number => floods.reduce((sum, flood) => sum + flood.closed(), 0)
      await until(() => closed() === 4_000, 'all are closed by the hub', HANDSHAKE_MS_MAX)
    })
    assertSummary(lines, silent.from, 2_000)
    assertSummary(lines, '127.0.0.21', 2_000)
  })

  await context.test('bad passwords from one address by the thousand: refused or turned away unheard', async () => {
    await api.createDevice('guessed')
    const guessing = { server, milliseconds: 5_000, lanes: 64, password: guess }
    const ways = [
      { name: 'MQTT', tries: () => guessByMqtt({ ...guessing, way: { port: server.port, from: '127.0.0.22' } }) },
      { name: 'HTTPS', tries: () => guessByHttps({ ...guessing, way: { port: httpsPort, from: '127.0.0.24' } }) },
    ]
    for (const { name, tries } of ways) {
      const { result, lines, seconds } = await stage.during(`bad passwords by ${name}`, tries)
      context.diagnostic(
        `${name}: ${result.tries} tries, ${(result.tries / 5).toFixed(0)}/s, ${result.refused} answered`,
      )
      assert.deepEqual(result.others, [], name)
      assert.ok(result.tries > 300, `${name}: ${result.tries} tries`)
      const events = lines.filter(
        ({ event, actor }) =>
          (event === 'session.refused' || event === 'connection.turned-away' || event === 'request.refused') &&
          actor?.startsWith('address/127.0.0.2') === true,
      )
      assert.ok(events.length > 0 && events.length < 60, `${name}: ${events.length} lines in ${seconds} s`)
    }
  })

  await context.test(
    'a device with the right key is let in when the flood is over, from the same address too',
    async () => {
      const key = await api.createDevice('patient')
      const way = { port: server.port, from: '127.0.0.22' }
      let answer: Uint8Array = Buffer.alloc(0)
      const again = setInterval(() => {
        void overTls(way, server, (socket) => socket.write(goodConnect(server, 'patient', key)), 1_000).then((it) => {
          if (it.received.length > 0) answer = it.received
        })
      }, 500)
      await until(() => answer.length > 0, 'let in', 10_000).finally(() => clearInterval(again))
      assert.deepEqual([...answer], [0x20, 2, 0, 0])
    },
  )

  await context.test('plain text to the TLS ports: closed, nothing served', async () => {
    for (const port of [server.port, httpsPort]) {
      for (const text of [
        'GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n',
        '\u0010\u000c\u0000\u0004MQTT\u0004\u0002\u0000<\u0000\u0000',
      ]) {
        const { received, isClosed } = await overTcp({ port, from: '127.0.0.23' }, (socket) => socket.write(text))
        assert.ok(isClosed)
        // At most a TLS alert, never an answer in plain text.
        assert.ok(received.length === 0 || received[0] === 0x15, received.toString('latin1'))
      }
    }
  })

  await context.test('TLS 1.1 is refused, 1.2 and 1.3 are accepted', { skip: requireTool('openssl') }, async () => {
    for (const port of [server.port, httpsPort]) {
      assert.equal(await handshake(port, '-tls1_1'), undefined)
      assert.equal(await handshake(port, '-tls1_2'), 'TLSv1.2')
      assert.equal(await handshake(port, '-tls1_3'), 'TLSv1.3')
    }
  })

  await context.test('a client that offers only suites without forward secrecy is refused', async () => {
    for (const ciphers of ['AES128-GCM-SHA256', 'ECDHE-ECDSA-AES128-SHA', 'ECDHE-RSA-AES256-SHA384']) {
      await assert.rejects(
        new Promise((resolve, reject) => {
          const socket = connectTls(
            {
              host: '127.0.0.1',
              port: server.port,
              servername: server.hostname,
              ca: server.authority,
              ciphers,
              maxVersion: 'TLSv1.2',
            },
            () => resolve(socket.destroy()),
          )
          socket.once('error', reject)
        }),
        /handshake failure|ECONNRESET/i,
        ciphers,
      )
    }
  })
})

/** A token of the right form. */
function guess(): string {
  const key = randomBytes(32).toString('base64')
  const expirySeconds = Math.floor(Date.now() / 1000) + 3_600
  return formatSasToken({ resource: 'localhost/devices/guessed', key, expirySeconds })
}

/** One address, one kind of trouble: a few lines, which count what they stand for. */
function assertSummary(lines: Parameters<typeof eventsFrom>[0], address: string, count: number): void {
  const events = eventsFrom(lines, 'connection.turned-away', address)
  assert.ok(events.length > 0 && events.length < 60, `${events.length} lines for ${count} connections`)
  assert.ok(countOf(events) >= count * 0.9, `${countOf(events)} of ${count} connections are accounted for`)
}

/** The version agreed on; undefined when the handshake failed. */
function handshake(port: number, version: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const child = execFile(
      'openssl',
      ['s_client', '-connect', `127.0.0.1:${port}`, '-servername', 'localhost', version, '-cipher', 'ALL:@SECLEVEL=0'],
      { timeout: 10_000 },
      (_error, stdout) => {
        const found = /Cipher is (?!\(NONE\))/.test(stdout) ? /New, (TLSv1\.\d)/.exec(stdout)?.[1] : undefined
        resolve(found)
      },
    )
    child.stdin?.end()
  })
}
