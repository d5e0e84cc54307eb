import assert from 'node:assert/strict'
import { test } from 'node:test'
import { timestampOf } from '@holdfast/base'
import { encodeFrame, encodeMessage, type SyslogMessage } from './index.ts'
import { fuzzTargets, SYSLOG_MESSAGE } from './testing/index.ts'

const MESSAGE: SyslogMessage = {
  facility: 13,
  severity: 'notice',
  at: timestampOf(Date.UTC(2003, 9, 11, 22, 14, 15, 3)),
  hostname: 'mymachine.example.com',
  appName: 'evntslog',
  processId: '-',
  messageId: 'ID47',
  structuredData: [
    {
      id: 'exampleSDID@32473',
      parameters: [
        ['iut', '3'],
        ['eventSource', 'Application'],
        ['eventID', '1011'],
      ],
    },
  ],
  text: 'An application event log entry...',
}

const text = (change: Partial<SyslogMessage> = {}): string =>
  Buffer.from(encodeMessage({ ...MESSAGE, ...change })).toString('utf8')

test('RFC 5424 §6.5: the third example, with the facility of an audit', () => {
  const expected =
    '<109>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog - ID47 ' +
    '[exampleSDID@32473 iut="3" eventSource="Application" eventID="1011"] \ufeffAn application event log entry...'
  assert.equal(text(), expected)
  assert.deepEqual([...encodeMessage(MESSAGE)].slice(-36, -33), [0xef, 0xbb, 0xbf], 'the mark is UTF-8')
})

test('RFC 5424 §6.3: no structured data is NILVALUE; several elements stand without a blank between them', () => {
  assert.match(text({ structuredData: [] }), / ID47 - \ufeff/)
  const two = [
    { id: 'a@32473', parameters: [] },
    { id: 'b@32473', parameters: [['x', 'y'] as const] },
  ]
  assert.match(text({ structuredData: two }), / \[a@32473\]\[b@32473 x="y"\] /)
})

test('RFC 5424 §6.3.3: a value cannot end its quotes, its element or its message', () => {
  const hostile = 'a"] \\ ]\n<13>1 - - - - - - forged'
  const told = text({ structuredData: [{ id: 'x@32473', parameters: [['v', hostile]] }], text: `b\r\n12 <13>1\u2028` })
  assert.ok(told.includes('v="a\\"\\] \\\\ \\]\\\\u000a<13>1 - - - - - - forged"'))
  assert.ok(told.endsWith('\ufeffb\\u000d\\u000a12 <13>1\\u2028'))
  assert.match(told, SYSLOG_MESSAGE)
})

test('RFC 5424 §6.2: what a header cannot hold is replaced, cut, or NILVALUE', () => {
  const told = text({ hostname: 'ä b'.repeat(100), appName: '', messageId: 'x'.repeat(33), processId: '\u0000' })
  const [, , host, app, process, id] = told.split(' ')
  assert.deepEqual([host?.length, app, process, id], [255, '-', '?', '-'])
})

test('a half of a surrogate pair does not make it anything but UTF-8', () => {
  const bytes = encodeMessage({ ...MESSAGE, text: 'a\ud800b' })
  assert.ok(new TextDecoder('utf-8', { fatal: true }).decode(bytes).endsWith('a\ufffdb'))
})

test('a facility or a name that the standard does not have is a bug of the caller', () => {
  assert.throws(() => encodeMessage({ ...MESSAGE, facility: 24 }), TypeError)
  for (const id of ['', 'a b', 'a=b', 'a]', 'a"', 'ä', 'x'.repeat(33)]) {
    assert.throws(() => encodeMessage({ ...MESSAGE, structuredData: [{ id, parameters: [] }] }), TypeError, id)
  }
})

test('RFC 5425 §4.3.1: a frame counts octets, not characters', () => {
  assert.equal(Buffer.from(encodeFrame(Buffer.from('äb'))).toString('utf8'), '3 äb')
  assert.throws(() => encodeFrame(new Uint8Array()), TypeError)
})

test('whatever the texts are, the message keeps the grammar', () => {
  const [target] = fuzzTargets
  for (const seed of target?.seeds ?? []) target?.run(seed)
  let state = 1
  for (let round = 0; round < 2_000; round += 1) {
    const bytes = Uint8Array.from({ length: round % 64 }, () => (state = (state * 48_271) % 2_147_483_647) & 0xff)
    target?.run(bytes)
  }
})
