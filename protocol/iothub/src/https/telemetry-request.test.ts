import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HubFormatError } from '../errors.ts'
import { formatBag, isWellFormedBag } from '../property-bag.ts'
import { readTelemetryBatch, readTelemetryHeaders, telemetryBytes } from './telemetry-request.ts'

function refuses(what: () => unknown): void {
  assert.throws(what, (error) => error instanceof HubFormatError && error.code === 'bad-message')
}

function headers(...pairs: readonly (readonly [string, string])[]): readonly (readonly [string, string | null])[] {
  return readTelemetryHeaders(pairs, 'd 1').map(({ name, value }) => [name, value])
}

test('headers of a message become its properties; names keep their case, and other headers are none (§4)', () => {
  assert.deepEqual(
    headers(
      ['Host', 'hub'],
      ['Authorization', 'SharedAccessSignature'],
      ['IoTHub-App-Alert', 'yes'],
      ['iothub-app-alert', ''],
      ['IoTHub-MessageId', 'm'],
      ['IOTHUB-CORRELATIONID', 'c'],
      ['iothub-userid', 'u'],
      ['iothub-contenttype', 'application/json'],
      ['iothub-contentencoding', 'utf-8'],
      ['iothub-interface-id', 'i'],
      ['dt-subject', 's'],
      ['iothub-ack', 'full'],
      ['iothub-unknown', 'x'],
    ),
    [
      ['Alert', 'yes'],
      ['alert', ''],
      ['$.mid', 'm'],
      ['$.cid', 'c'],
      ['$.uid', 'u'],
      ['$.ct', 'application/json'],
      ['$.ce', 'utf-8'],
      ['$.ifid', 'i'],
      ['$.sub', 's'],
      ['iothub-ack', 'full'],
    ],
  )
})

test('iothub-to is a property unless it is where the request goes', () => {
  assert.deepEqual(headers(['iothub-to', '/devices/d%201/messages/events']), [])
  assert.deepEqual(headers(['iothub-to', '/devices/other/messages/events']), [
    ['$.to', '/devices/other/messages/events'],
  ])
})

test('an expiry of any form is kept in that of ISO 8601', () => {
  for (const text of ['2031-05-06T07:08:09Z', 'Tue May 06 2031 07:08:09 GMT+0000 (Coordinated Universal Time)']) {
    assert.deepEqual(headers(['iothub-expiry', text]), [['$.exp', '2031-05-06T07:08:09.000Z']])
  }
  assert.deepEqual(headers(['iothub-expiry', 'tomorrow']), [['$.exp', 'tomorrow']])
})

test('header bytes that are UTF-8 are read as that, others as Latin-1', () => {
  const utf8 = Buffer.from('Zürich 東京').toString('latin1')
  assert.deepEqual(headers(['iothub-app-a', utf8], ['iothub-app-b', 'Zürich']), [
    ['a', 'Zürich 東京'],
    ['b', 'Zürich'],
  ])
})

test('a nameless property, a system property by the back door, and too many are refused', () => {
  refuses(() => headers(['iothub-app-', 'x']))
  refuses(() => headers(['iothub-app-$.mid', 'x']))
  refuses(() => headers(...Array.from({ length: 1_025 }, (_, at) => [`iothub-app-${at}`, ''] as const)))
})

function batch(value: unknown): { readonly entries: unknown; readonly text: string }[] {
  return readTelemetryBatch(Buffer.from(JSON.stringify(value)), 'd').map(({ entries, body }) => ({
    entries,
    text: Buffer.from(body).toString(),
  }))
}

test('a batch as Node writes it (base64, nothing said) and as C does (text)', () => {
  assert.deepEqual(
    batch([
      { body: 'YQ==', properties: { 'iothub-app-Case': 'v', 'dt-subject': 's', 'iothub-messageid': 'm', other: 'x' } },
      { body: 'Yg', base64Encoded: true },
      { body: 'straße', base64Encoded: false },
      { body: '' },
      {},
    ]),
    [
      {
        entries: [
          { name: 'Case', value: 'v' },
          { name: '$.sub', value: 's' },
          { name: '$.mid', value: 'm' },
        ],
        text: 'a',
      },
      { entries: [], text: 'b' },
      { entries: [], text: 'straße' },
      { entries: [], text: '' },
      { entries: [], text: '' },
    ],
  )
})

test('a batch of another form is refused, whole', () => {
  for (const value of [
    null,
    {},
    [],
    [1],
    [null],
    [[]],
    [{ body: 1 }],
    [{ body: 'a b' }],
    [{ body: 'A' }],
    [{ body: 'YQ===' }],
    [{ body: 'Y=Q=' }],
    [{ body: '', base64Encoded: 'true' }],
    [{ body: '', properties: [] }],
    [{ body: '', properties: { 'iothub-app-a': 1 } }],
    [{ body: '', properties: { 'iothub-app-': '' } }],
    Array.from({ length: 1_001 }, () => ({})),
  ]) {
    refuses(() => batch(value))
  }
  for (const bytes of ['', '[', '[{}] x', '\ufeff[{}]']) refuses(() => readTelemetryBatch(Buffer.from(bytes), 'd'))
  refuses(() => readTelemetryBatch(Uint8Array.of(0xff), 'd'))
  refuses(() => readTelemetryBatch(Buffer.from('[{"body":"\\ud800","base64Encoded":false}]'), 'd'))
  refuses(() => readTelemetryBatch(Buffer.from('[{"properties":{"iothub-app-a":"\\ud800"}}]'), 'd'))
})

test('what an object inherits, or a name like it, is no property of anything', () => {
  const [item] = readTelemetryBatch(
    Buffer.from('[{"__proto__":{"body":"YQ=="},"properties":{"iothub-app-__proto__":"x"}}]'),
    'd',
  )
  assert.equal(item?.body.length, 0)
  assert.deepEqual(item?.entries, [{ name: '__proto__', value: 'x' }])
})

test('size counts body, names and values in UTF-8; every bag that is made is well-formed', () => {
  const item = {
    entries: [
      { name: 'ü', value: 'a&b=c/%' },
      { name: 'n', value: null },
    ],
    body: Buffer.from('abc'),
  }
  assert.equal(telemetryBytes(item), 3 + 2 + 7 + 1)
  assert.ok(isWellFormedBag(formatBag(item.entries)))
})
