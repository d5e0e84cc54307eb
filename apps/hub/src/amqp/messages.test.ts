/** Messages in both directions: telemetry as readers get it, and what back ends send to devices. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type AmqpMessage, decodeMessage, encodeMessage, Uuid, type Value } from '@holdfast/amqp'
import { timestampOf } from '@holdfast/base'
import type { TelemetryMessage } from '@holdfast/messaging'
import { draftOf } from './command-link.ts'
import { EventEncoder } from './event-encoder.ts'

const STORED: TelemetryMessage = {
  partition: 1,
  sequenceNumber: 4_294_967_299,
  offset: 9_007_199_254_740_000,
  enqueuedTime: timestampOf(1_700_000_000_123),
  deviceId: 'pump-1',
  generationId: '42',
  authMethod: '{"scope":"device"}',
  bag: '',
  isWill: false,
  isRetained: false,
  body: Buffer.from('{"a":1}'),
}

function encoded(changes: Partial<TelemetryMessage>): AmqpMessage {
  return decodeMessage(new EventEncoder().encode({ ...STORED, ...changes }))
}

test('place, time, device and the way it came stand in annotations, with their types', () => {
  const { messageAnnotations, body } = encoded({ moduleId: 'm', modelId: 'dtmi:a;1' })
  assert.deepEqual(Object.fromEntries(messageAnnotations.entries().map(([key, value]) => [key as string, value])), {
    'x-opt-sequence-number': 4_294_967_299,
    'x-opt-offset': '9007199254740000',
    'x-opt-enqueued-time': 1_700_000_000_123,
    'iothub-connection-device-id': 'pump-1',
    'iothub-connection-auth-method': '{"scope":"device"}',
    'iothub-connection-auth-generation-id': '42',
    'iothub-enqueuedtime': 1_700_000_000_123,
    'iothub-message-source': 'Telemetry',
    'iothub-connection-module-id': 'm',
    'dt-dataschema': 'dtmi:a;1',
  })
  assert.ok(body.kind === 'data' && Buffer.from(body.bytes).toString() === '{"a":1}')
})

test('a bag becomes properties, annotations and application properties', () => {
  const bag =
    '%24.mid=m%201&%24.cid=c&%24.uid=u&%24.to=t&%24.ct=a%2Fb&%24.ce=utf-8&%24.sub=comp&%24.ifid=i&%24.exp=2026-01-02T03%3A04%3A05Z&a=1&b=&c&a=2&%24.other=x&constructor=y'
  const message = encoded({ bag, isWill: true, isRetained: true })
  assert.equal(message.messageId, 'm 1')
  assert.equal(message.correlationId, 'c')
  assert.equal(Buffer.from(message.userId ?? []).toString(), 'u')
  assert.equal(message.to, 't')
  assert.equal(message.contentType, 'a/b')
  assert.equal(message.contentEncoding, 'utf-8')
  assert.equal(message.absoluteExpiryTime, Date.parse('2026-01-02T03:04:05Z'))
  assert.equal(message.messageAnnotations.get('dt-subject'), 'comp')
  assert.equal(message.messageAnnotations.get('iothub-interface-id'), 'i')
  assert.deepEqual(
    [...message.applicationProperties],
    [
      ['a', '2'],
      ['b', ''],
      ['c', null],
      ['constructor', 'y'],
      ['iothub-MessageType', 'Will'],
      ['mqtt-retain', 'true'],
    ],
  )
})

test('a body of 256 KB and an empty one go as they are', () => {
  for (const length of [0, 1, 255, 256, 262_144]) {
    const { body } = encoded({ body: Buffer.alloc(length, 7) })
    assert.ok(body.kind === 'data' && body.bytes.length === length)
  }
})

test('who asks is told where the partition ends', () => {
  const last = { sequenceNumber: 9, offset: 8, enqueuedTime: 7, retrievedAt: 6 }
  const bytes = new EventEncoder().encode(STORED, last)
  assert.ok(bytes.includes('last_enqueued_sequence_number'))
  decodeMessage(bytes)
})

function message(
  changes: Partial<AmqpMessage> & { readonly properties?: readonly (readonly [Value, Value])[] },
): AmqpMessage {
  const { properties = [], ...rest } = changes
  return {
    to: '/devices/pump-1/messages/deviceBound',
    messageAnnotations: new Map(),
    applicationProperties: new Map(properties),
    body: { kind: 'data', bytes: Buffer.from('x') },
    bytes: 1,
    ...rest,
  }
}

test('a message to a device says to whom, when it ends and what is wanted', () => {
  const draft = draftOf(
    message({
      to: '/devices/a%2Fb/modules/m%20n/messages/devicebound',
      messageId: new Uuid(Buffer.alloc(16, 0xab)),
      correlationId: 7n,
      userId: Buffer.from('u'),
      absoluteExpiryTime: 1e300,
      properties: [
        ['iothub-ack', 'full'],
        ['n', 5],
        ['t', true],
        ['s', 'x'],
      ],
    }),
  )
  assert.ok(!('condition' in draft))
  assert.deepEqual(draft.key, { deviceId: 'a/b', moduleId: 'm n' })
  assert.equal(draft.messageId, 'abababab-abab-abab-abab-abababababab')
  assert.equal(draft.correlationId, '7')
  assert.equal(draft.userId, 'u')
  assert.equal(draft.ack, 'full')
  assert.equal(draft.expires, 8_640_000_000_000_000)
  assert.deepEqual(draft.properties, [
    ['n', '5'],
    ['t', 'true'],
    ['s', 'x'],
  ])
})

test('what is no message to a device is refused as an argument', () => {
  for (const bad of [
    { to: '' },
    { to: '/devices/d/messages/events' },
    { to: '/devices/d/modules/m/messages' },
    { to: '/devices/d/messages/deviceBound/more' },
    { body: { kind: 'value', value: 'text' } as const },
    { properties: [['iothub-ack', 'loudly'] as const] },
    { properties: [[5, 'x'] as const] },
    { properties: [['list', [] as readonly Value[]] as const] },
  ]) {
    const outcome = draftOf(message(bad))
    assert.ok('condition' in outcome && outcome.condition === 'com.microsoft:argument-error', JSON.stringify(bad))
  }
})

test('what was encoded is read again', () => {
  const read = decodeMessage(
    encodeMessage({ correlationId: new Uuid(Buffer.alloc(16, 1)), body: (values) => values.string('ü'.repeat(100)) }),
  )
  assert.equal(String(read.correlationId), '01010101-0101-0101-0101-010101010101')
  assert.deepEqual(read.body, { kind: 'value', value: 'ü'.repeat(100) })
})
