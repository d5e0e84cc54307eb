import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { test } from 'node:test'
import { timestampOf } from '@holdfast/base'
import type { LogEntry } from '@holdfast/review'
import { judgeOtlp, judgeWebhook, otlpMessage, severityOf, syslogFrame, webhookMessage } from './index.ts'
import { fuzzTargets } from './testing/index.ts'

const ORIGIN = { hub: 'hub.example', version: '0.1.0' }
const NOW = timestampOf(Date.UTC(2026, 10, 25, 5, 0, 0, 250))
const ENTRY: LogEntry = {
  index: 41,
  type: 'session.refused',
  version: 1,
  at: timestampOf(Date.UTC(2026, 10, 25, 4, 59, 59, 7)),
  body: {
    subject: 'device/pump-1',
    actor: 'address/10.0.0.7',
    source: 'mqtt/10.0.0.7',
    detail: { code: 'wrong-key', tries: 3, share: 0.5, first: true },
  },
}
const SHREDDED: LogEntry = { ...ENTRY, index: 42, body: undefined }

const bodyOf = ({ body }: { readonly body: Uint8Array }): string => Buffer.from(body).toString('utf8')

test('Standard Webhooks: id, timestamp and body are signed by every secret, base64 after v1', () => {
  const secrets = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)]
  const message = webhookMessage([ENTRY], { origin: ORIGIN, secrets, now: NOW })
  const { 'webhook-id': id = '', 'webhook-timestamp': timestamp = '', 'webhook-signature': signature } = message.headers
  assert.equal(timestamp, '1795582800')
  assert.match(id, /^msg_[\w-]{32}$/)
  const expected = secrets.map(
    (secret) =>
      `v1,${createHmac('sha256', secret)
        .update(`${id}.${timestamp}.${bodyOf(message)}`)
        .digest('base64')}`,
  )
  assert.equal(signature, expected.join(' '))
  assert.deepEqual(JSON.parse(bodyOf(message)), {
    type: 'audit.entries',
    timestamp: '2026-11-25T04:59:59.007Z',
    data: {
      hub: 'hub.example',
      entries: [
        {
          index: 41,
          type: 'session.refused',
          version: 1,
          time: '2026-11-25T04:59:59.007Z',
          subject: 'device/pump-1',
          actor: 'address/10.0.0.7',
          source: 'mqtt/10.0.0.7',
          detail: { code: 'wrong-key', tries: 3, share: 0.5, first: true },
        },
      ],
    },
  })
})

test('Standard Webhooks: a message sent again is the same message, at another time', () => {
  const secrets = [Buffer.alloc(32, 1)]
  const first = webhookMessage([ENTRY], { origin: ORIGIN, secrets, now: NOW })
  const again = webhookMessage([ENTRY], { origin: ORIGIN, secrets, now: timestampOf(NOW + 60_000) })
  assert.equal(first.headers['webhook-id'], again.headers['webhook-id'])
  assert.deepEqual(first.body, again.body)
  assert.notEqual(first.headers['webhook-signature'], again.headers['webhook-signature'])
  const other = webhookMessage([ENTRY, SHREDDED], { origin: ORIGIN, secrets, now: NOW })
  assert.notEqual(first.headers['webhook-id'], other.headers['webhook-id'])
})

test('OTLP: a request as the JSON of Protocol Buffers has it', () => {
  const message = otlpMessage([ENTRY, SHREDDED], { origin: ORIGIN, now: NOW })
  assert.deepEqual(JSON.parse(bodyOf(message)), {
    resourceLogs: [
      {
        resource: {
          attributes: [
            { key: 'service.name', value: { stringValue: 'holdfast' } },
            { key: 'service.version', value: { stringValue: '0.1.0' } },
            { key: 'service.instance.id', value: { stringValue: 'hub.example' } },
          ],
        },
        scopeLogs: [
          {
            scope: { name: 'holdfast.audit' },
            logRecords: [
              {
                timeUnixNano: '1795582799007000000',
                observedTimeUnixNano: '1795582800250000000',
                severityNumber: 13,
                severityText: 'warning',
                eventName: 'session.refused',
                body: { stringValue: 'session.refused of device/pump-1 by address/10.0.0.7' },
                attributes: [
                  { key: 'holdfast.audit.index', value: { intValue: '41' } },
                  { key: 'holdfast.audit.version', value: { intValue: '1' } },
                  { key: 'holdfast.audit.subject', value: { stringValue: 'device/pump-1' } },
                  { key: 'holdfast.audit.actor', value: { stringValue: 'address/10.0.0.7' } },
                  { key: 'holdfast.audit.source', value: { stringValue: 'mqtt/10.0.0.7' } },
                  { key: 'holdfast.detail.code', value: { stringValue: 'wrong-key' } },
                  { key: 'holdfast.detail.tries', value: { intValue: '3' } },
                  { key: 'holdfast.detail.share', value: { doubleValue: 0.5 } },
                  { key: 'holdfast.detail.first', value: { boolValue: true } },
                ],
              },
              {
                timeUnixNano: '1795582799007000000',
                observedTimeUnixNano: '1795582800250000000',
                severityNumber: 13,
                severityText: 'warning',
                eventName: 'session.refused',
                body: { stringValue: 'session.refused' },
                attributes: [
                  { key: 'holdfast.audit.index', value: { intValue: '42' } },
                  { key: 'holdfast.audit.version', value: { intValue: '1' } },
                  { key: 'holdfast.audit.shredded', value: { boolValue: true } },
                ],
              },
            ],
          },
        ],
      },
    ],
  })
})

test('answers: what takes, what is tried again, what is refused for good', () => {
  const answer = (status: number, body: string | object = '', retryAfter = '5') => ({
    status,
    retryAfter,
    body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
  })
  for (const status of [200, 202, 204]) assert.equal(judgeWebhook(answer(status), NOW).kind, 'taken')
  for (const status of [301, 307, 401, 403, 404, 408, 410, 429, 500, 502, 503, 504]) {
    assert.deepEqual(judgeOtlp(answer(status), NOW), { kind: 'failed', reason: `HTTP ${status}`, retryAfterMs: 5_000 })
  }
  for (const status of [400, 413, 422]) assert.equal(judgeOtlp(answer(status), NOW).kind, 'refused')
  const partial = (partialSuccess: unknown): unknown => judgeOtlp(answer(200, { partialSuccess }), NOW)
  assert.deepEqual(partial({ rejectedLogRecords: '2', errorMessage: 'too\nold\u202e' }), {
    kind: 'partly',
    refused: 2,
    reason: 'too?old?',
  })
  assert.equal(Reflect.get(Object(partial({ rejectedLogRecords: 2 })), 'refused'), 2)
  for (const nothing of [
    undefined,
    {},
    null,
    'x',
    [],
    { rejectedLogRecords: '0', errorMessage: 'a warning' },
    { rejectedLogRecords: -1 },
  ]) {
    assert.deepEqual(partial(nothing), { kind: 'taken' })
  }
  for (const body of ['', '{', '<html>', 'null']) assert.deepEqual(judgeOtlp(answer(200, body), NOW), { kind: 'taken' })
})

test('syslog: header and structured data say what it is, the text is the entry as JSON', () => {
  const frame = Buffer.from(syslogFrame(ENTRY, ORIGIN)).toString('utf8')
  const [, head, text = ''] = /^(.*?) \ufeff(.*)$/s.exec(frame) ?? []
  assert.equal(
    head?.replace(/^\d+ /, ''),
    '<108>1 2026-11-25T04:59:59.007Z hub.example holdfast - session.refused ' +
      '[holdfast@32473 index="41" type="session.refused" version="1" subject="device/pump-1" actor="address/10.0.0.7" source="mqtt/10.0.0.7"]',
  )
  assert.equal(Reflect.get(Object(JSON.parse(text)), 'index'), 41)
  assert.match(Buffer.from(syslogFrame(SHREDDED, ORIGIN)).toString(), /shredded="true"/)
})

test('syslog: a message too long for receivers leaves its details out and says so', () => {
  const body = { subject: 'device/a', actor: 'hub', detail: { code: 'x'.repeat(16_000) } }
  const frame = Buffer.from(syslogFrame({ ...ENTRY, body }, ORIGIN)).toString()
  assert.match(frame, /truncated="true"/)
  assert.ok(frame.length < 8_192 && frame.endsWith('"time":"2026-11-25T04:59:59.007Z"}'))
})

test('what an operator should look at is louder than what goes its way', () => {
  const loud: Readonly<Record<string, string>> = {
    'session.opened': 'informational',
    'session.refused': 'warning',
    'policy.key-changed': 'notice',
    'audit.blocked': 'critical',
    'canary.used': 'alert',
    toString: 'informational',
  }
  for (const [type, severity] of Object.entries(loud)) assert.equal(severityOf(type), severity, type)
})

test('whatever the texts and the answers are', () => {
  let state = 7
  const next = (): number => (state = (state * 48_271) % 2_147_483_647)
  for (const target of fuzzTargets) {
    for (const seed of target.seeds) target.run(seed)
    const rounds = target.name === 'forwarding-delivery' ? 60 : 1_000
    for (let round = 0; round < rounds; round += 1) {
      target.run(Uint8Array.from({ length: next() % 80 }, () => next() & 0xff))
    }
  }
})
