import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Api } from '@holdfast/api'
import { renderLine, renderStatus } from './render-status.ts'
import { Painter, startStatusView } from './status-view.ts'

const status: Api.Status = {
  hostname: 'localhost',
  idScope: '0ne12345678',
  version: '0.1.0',
  pid: 1,
  uptimeSeconds: 3_725,
  conditions: [],
  notices: [],
  connected: 8,
  devices: { total: 9, enabled: 9 },
  messages: { stored: 1_234_567, perSecond: 3.94, bytesSealed: 2_621_440 },
  refused: { total: 12, perSecond: 0.1 },
  throttled: { total: 0, perSecond: 0, operations: {} },
  partitions: [
    { partition: 0, firstSequence: 0, nextSequence: 100 },
    { partition: 1, firstSequence: 50, nextSequence: 100 },
  ],
  ports: { mqtt: 8883, amqp: 0, https: 8443 },
  memory: { residentBytes: 104_857_600 },
  certificate: { notAfter: '2027-01-01T00:00:00Z', sha256: 'AB'.repeat(32) },
}

const event: Api.Event = {
  type: 'session.refused',
  time: '2026-11-24T12:00:01.000Z',
  subject: 'device/demo-intruder',
  actor: 'address/127.0.0.1',
  detail: { reason: 'bad-signature' },
}

test('the view tells what is connected, stored, sealed and refused, and what to do next', () => {
  const text = renderStatus(status, [event], 120).join('\n')
  for (const part of [
    'up 1 h 2 min',
    'MQTT 8883 · HTTPS 8443',
    '8 of 9 devices',
    '1,234,567 messages',
    '3.9 a second',
    '2.5 MiB',
    '12, 0.1 a second',
    '12:00:01 session.refused device/demo-intruder reason=bad-signature',
    './holdfast device create my-device',
    './holdfast device connection-string my-device',
    'partitions 0: 100 kept 1: 50 kept',
    './holdfast messages read --follow',
    './holdfast operator link',
  ]) {
    assert.ok(text.includes(part), part)
  }
  assert.ok(
    renderStatus(status, [], 120, { data: '/srv/h' }).join('\n').includes('connection-string my-device --data /srv/h'),
  )
})

test('what keeps the hub from taking telemetry is on the picture and on the line', () => {
  const ill = { ...status, conditions: [{ code: 'disk-full', detail: 'no room' }] }
  assert.ok(renderStatus(ill, [], 80).includes('! disk-full: no room'))
  assert.match(renderLine(ill), /condition disk-full/)
})

test('no line is wider than the terminal, and no name of a peer steers it', () => {
  const hostile = { ...event, subject: `device/\u001b[2J\u009b${'x'.repeat(300)}\n` }
  for (const columns of [10, 40, 80]) {
    for (const line of renderStatus(status, [hostile], columns)) {
      assert.ok(line.length <= Math.max(40, columns))
      assert.doesNotMatch(line, /\p{Cc}/u)
    }
  }
})

// oxlint-disable-next-line no-control-regex -- the sequences of a terminal are what it reads
const TOKENS = /\u001b\[(\d*)([A-Z])|\n|\r|[^\u001b\n\r]+/g

/** A terminal of so many rows that knows just the sequences the painter uses. */
class Terminal {
  readonly isTTY = true
  readonly columns = 80
  readonly rows: number
  readonly lines: string[] = ['']
  #row = 0

  constructor(rows: number) {
    this.rows = rows
  }

  write(text: string): void {
    for (const [token] of text.matchAll(TOKENS)) {
      if (token === '\n') this.#row += 1
      else if (token.endsWith('A') && token.startsWith('\u001b')) this.#row -= Number(token.slice(2, -1))
      else if (token === '\u001b[J') this.lines.length = this.#row + 1
      else if (!token.startsWith('\u001b') && token !== '\r') this.lines[this.#row] = token
      else if (token === '\u001b[K' && this.lines[this.#row] === undefined) this.lines[this.#row] = ''
      this.lines[this.#row] ??= ''
    }
  }
}

test('a picture replaces the one before, and a logged line stays above it', () => {
  const terminal = new Terminal(24)
  const painter = new Painter(terminal)
  painter.above('begins')
  painter.paint(['a', 'b', 'c'])
  painter.paint(['d', 'e'])
  painter.above('happened')
  assert.deepEqual(terminal.lines.slice(0, 4), ['begins', 'happened', 'd', 'e'])
  painter.release()
  painter.above('ends')
  assert.deepEqual(terminal.lines.slice(0, 5), ['begins', 'happened', 'd', 'e', 'ends'])
})

test('a picture is cut to a small terminal, so that it can be found again', () => {
  const terminal = new Terminal(3)
  new Painter(terminal).paint(['a', 'b', 'c', 'd'])
  assert.deepEqual(
    terminal.lines.filter((line) => line !== ''),
    ['a', 'b'],
  )
})

test('piped, what to do next is told once', (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const written: string[] = []
  startStatusView({
    output: { write: (text) => written.push(text) },
    read: () => ({ status, events: [] }),
    hints: { data: '/srv/hub' },
  })
  assert.equal(written.length, 1)
  assert.match(written[0] ?? '', /^ {2}\.\/holdfast device connection-string my-device --data \/srv\/hub$/m)
})

test('piped, the view writes plain lines alone, and a failing source nothing', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const written: string[] = []
  let fails = false
  const view = startStatusView({
    output: { write: (text) => written.push(text) },
    read: () => {
      if (fails) throw new Error('not yet')
      return { status, events: [] }
    },
  })
  t.mock.timers.tick(4_999)
  assert.equal(written.length, 0)
  t.mock.timers.tick(1)
  await Promise.resolve()
  await Promise.resolve()
  assert.deepEqual(written, ['connected 8, stored 1234567, messages/s 3.9, sealed 2.5 MiB, refused 12\n'])
  fails = true
  await view.stop()
  assert.equal(written.length, 1)
})

test('the whole picture fits a terminal of 80 columns and 24 rows', () => {
  const many = Array.from({ length: 20 }, () => event)
  assert.ok(renderStatus({ ...status, conditions: [{ code: 'disk-full', detail: 'no room' }] }, many, 80).length <= 23)
})
