import assert from 'node:assert/strict'
import { test } from 'node:test'
import { timestampOf } from '@holdfast/base'
import { COMMAND_BYTES_MAX } from '@holdfast/iothub'
import type { CommandDraft } from './command.ts'
import { checkDraft } from './draft.ts'
import { CommandError, type CommandErrorCode } from './errors.ts'

const now = timestampOf(1_764_000_000_000)
const HOUR = 3_600_000
const body = new Uint8Array(0)
const key = { deviceId: 'd' }

function check(draft: Partial<CommandDraft>): ReturnType<typeof checkDraft> {
  return checkDraft({ key, body, ...draft }, now, () => 'made-up')
}

function refused(code: CommandErrorCode, draft: Partial<CommandDraft>): void {
  assert.throws(
    () => check(draft),
    (error) => error instanceof CommandError && error.code === code,
    JSON.stringify(draft).slice(0, 200),
  )
}

test('a message lives an hour unless told; told, a minute to two days', () => {
  assert.equal(check({}).expires, now + HOUR)
  for (const lifeMs of [60_000, HOUR, 48 * HOUR]) assert.equal(check({ lifeMs }).expires, now + lifeMs)
  for (const lifeMs of [0, -1, 59_999, 48 * HOUR + 1, 60_000.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    refused('invalid', { lifeMs })
  }
})

test('a time of expiry in the past is taken, one after two days is cut to them', () => {
  assert.equal(check({ expires: timestampOf(now - HOUR) }).expires, now - HOUR)
  assert.equal(check({ expires: timestampOf(now + 1) }).expires, now + 1)
  assert.equal(check({ expires: timestampOf(now + 72 * HOUR) }).expires, now + 48 * HOUR)
  assert.equal(check({ expires: timestampOf(8_640_000_000_000_000) }).expires, now + 48 * HOUR)
})

test('whoever wants feedback and gives no message id gets one', () => {
  assert.equal(check({ ack: 'full' }).messageId, 'made-up')
  assert.equal(check({ ack: 'full', messageId: '' }).messageId, 'made-up')
  assert.equal(check({ ack: 'full', messageId: 'own' }).messageId, 'own')
  assert.equal('messageId' in check({}), false)
  const odd: unknown = 'sometimes'
  refused('invalid', { ack: odd as 'full' })
})

test('ids and content fields are bounded text; empty is as good as absent', () => {
  const taken = check({ messageId: 'x'.repeat(128), correlationId: 'ü', userId: '', contentType: 'a/b' })
  assert.deepEqual(
    [taken.messageId?.length, taken.correlationId, 'userId' in taken, taken.contentType],
    [128, 'ü', false, 'a/b'],
  )
  for (const name of ['messageId', 'correlationId', 'userId', 'contentType', 'contentEncoding'] as const) {
    for (const value of ['x'.repeat(257), 'a\r\nSet-Cookie: x', 'a\u0000b', '\ud800', '\u007f']) {
      refused('invalid', { [name]: value })
    }
  }
})

test('a property is an HTTP token with any text that has no control characters', () => {
  const properties = [
    ["!#$%&'*+-.^_`|~09AZaz", 'Zürich – 東京 🔩 /#+'],
    ['empty', ''],
    ['twice', '1'],
    ['twice', '2'],
    ['__proto__', 'x'],
  ] as const
  assert.deepEqual(check({ properties }).properties, properties)
  for (const name of ['', 'with space', 'a=b', 'a:b', 'a/b', 'ü', 'a\n', '$.mid', '$.', '"', 'x'.repeat(257)]) {
    refused('invalid', { properties: [[name, 'x']] })
  }
  for (const value of ['a\r\nb', '\u0000', '\ud800x', '\u001b[31m']) refused('invalid', { properties: [['a', value]] })
})

test('how it is acknowledged no property can say', () => {
  assert.deepEqual(
    check({
      properties: [
        ['iothub-ack', 'full'],
        ['IoTHub-Ack', 'none'],
        ['a', 'b'],
      ],
    }).properties,
    [['a', 'b']],
  )
  assert.equal(check({ properties: [['iothub-ack', 'full']] }).ack, 'none')
})

test('body, system values, names and values together have 64 KiB, and not a byte more', () => {
  const properties = [['name', 'ü']] as const
  const room = COMMAND_BYTES_MAX - 'name'.length - 2 - 'id'.length
  assert.equal(check({ messageId: 'id', properties, body: new Uint8Array(room) }).body.length, room)
  refused('too-large', { messageId: 'id', properties, body: new Uint8Array(room + 1) })
  refused('too-large', { body: new Uint8Array(COMMAND_BYTES_MAX + 1) })
  assert.equal(check({ body: new Uint8Array(COMMAND_BYTES_MAX) }).body.length, COMMAND_BYTES_MAX)
})

test('properties that would not fit in a topic are too large, though their bytes are few', () => {
  refused('too-large', { properties: [['a', '東'.repeat(10_000)]] })
  assert.equal(check({ properties: [['a', '東'.repeat(7_000)]] }).properties.length, 1)
})

test('ids that no device can have are refused', () => {
  for (const deviceId of ['', '.', '..', 'a/b', 'ü', 'x'.repeat(129), 'a b']) {
    refused('invalid', { key: { deviceId } })
    refused('invalid', { key: { deviceId: 'd', moduleId: deviceId } })
  }
})
