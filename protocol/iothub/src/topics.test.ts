import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  HubFormatError,
  eventsTopicPrefix,
  formatBag,
  formatCertificateResponseTopic,
  formatDesiredPatchTopic,
  formatDeviceboundTopic,
  formatInputTopic,
  formatMethodTopic,
  formatTwinResponseTopic,
  parsePublishTopic,
  parseSubscription,
  telemetryBag,
} from './index.ts'
import type { DeviceOrModule, HubFormatErrorCode } from './index.ts'

const DEVICE: DeviceOrModule = { deviceId: 'a' }
const MODULE: DeviceOrModule = { deviceId: 'a', moduleId: 'm' }

function refuses(run: () => unknown, code: HubFormatErrorCode, about: string): void {
  assert.throws(run, (error) => error instanceof HubFormatError && error.code === code, about)
}

test('telemetry topics with and without a bag, a last slash, encoded ids', () => {
  const bag = (topic: string, identity: DeviceOrModule): string => {
    const parsed = parsePublishTopic(topic, identity)
    assert.equal(parsed.kind, 'telemetry')
    return parsed.kind === 'telemetry' ? parsed.bag : ''
  }
  assert.equal(bag('devices/a/messages/events/', DEVICE), '')
  assert.equal(bag('devices/a/messages/events', DEVICE), '')
  assert.equal(bag('devices/a/messages/events/x=1&y', DEVICE), 'x=1&y')
  assert.equal(bag('devices/a/messages/events/$.ct=application/json', DEVICE), '$.ct=application/json')
  assert.equal(bag('devices/a/modules/m/messages/events/%24.on=out/', MODULE), '%24.on=out')
  assert.equal(bag('devices/a/modules/m/messages/events//', MODULE), '')
  assert.equal(bag('devices/a%3Ab/messages/events/', { deviceId: 'a:b' }), '')
  assert.equal(bag('devices/a:b/messages/events/', { deviceId: 'a:b' }), '')
  assert.equal(bag('devices/a%2Bb/messages/events/', { deviceId: 'a+b' }), '')
  assert.equal(bag('devices/a%b/messages/events/', { deviceId: 'a%b' }), '')
})

test('the fast way gives the same bag, and nothing for any other topic', () => {
  const prefix = eventsTopicPrefix(DEVICE)
  assert.equal(prefix, 'devices/a/messages/events/')
  assert.equal(eventsTopicPrefix(MODULE), 'devices/a/modules/m/messages/events/')
  assert.equal(telemetryBag('devices/a/messages/events/', prefix), '')
  assert.equal(telemetryBag('devices/a/messages/events/x=1', prefix), 'x=1')
  assert.equal(telemetryBag('devices/a/messages/events/x=1/', prefix), 'x=1')
  for (const topic of ['devices/a/messages/events', 'devices/b/messages/events/', '$iothub/twin/GET/?$rid=1', '']) {
    assert.equal(telemetryBag(topic, prefix), undefined)
  }
})

test('topics of twins, methods and certificates', () => {
  assert.deepEqual(parsePublishTopic('$iothub/twin/GET/?$rid=0f-1', DEVICE), { kind: 'twin-get', requestId: '0f-1' })
  assert.deepEqual(parsePublishTopic('$iothub/twin/GET/?%24rid=a%24b', DEVICE), {
    kind: 'twin-get',
    requestId: 'a%24b',
  })
  assert.deepEqual(parsePublishTopic('$iothub/twin/PATCH/properties/reported/?$rid=1', MODULE), {
    kind: 'reported-patch',
    requestId: '1',
  })
  assert.deepEqual(parsePublishTopic('$iothub/twin/PATCH/properties/reported/?$rid=1&$version=7', DEVICE), {
    kind: 'reported-patch',
    requestId: '1',
    version: 7,
  })
  assert.deepEqual(parsePublishTopic('$iothub/methods/res/200/?$rid=1', DEVICE), {
    kind: 'method-response',
    requestId: '1',
    status: 200,
  })
  // What samples of the C client answer to a method they do not know.
  assert.deepEqual(parsePublishTopic('$iothub/methods/res/-1/?$rid=1', DEVICE), {
    kind: 'method-response',
    requestId: '1',
    status: -1,
  })
  assert.deepEqual(parsePublishTopic('$iothub/credentials/POST/issueCertificate/?$rid=1', DEVICE), {
    kind: 'certificate-request',
    requestId: '1',
  })
})

test('topics of others are told apart from topics of nobody', () => {
  for (const [topic, identity] of [
    ['devices/b/messages/events/', DEVICE],
    ['devices/A/messages/events/', DEVICE],
    ['devices/a/modules/m/messages/events/', DEVICE],
    ['devices/a/messages/events/', MODULE],
    ['devices/a/modules/n/messages/events/', MODULE],
    ['devices/%/messages/events/', DEVICE],
  ] as const) {
    refuses(() => parsePublishTopic(topic, identity), 'foreign-topic', topic)
  }
  for (const topic of [
    '',
    'x',
    'devices/a/messages/devicebound/',
    'devices/a/messages/eventsx/',
    'devices//messages/events/',
    '/devices/a/messages/events/',
    'Devices/a/messages/events/',
    '$iothub/',
    '$iothub/twin/res/200/?$rid=1',
    '$iothub/twin/get/?$rid=1',
    '$iothub/methods/POST/x/?$rid=1',
    '$iothub/methods/res/--1/?$rid=1',
    '$iothub/methods/res/12345678901/?$rid=1',
    '$SYS/x',
    '$dps/registrations/PUT/iotdps-register/?$rid=1',
    `devices/a/messages/events/${'x'.repeat(70_000)}`,
  ]) {
    refuses(() => parsePublishTopic(topic, DEVICE), 'unknown-topic', topic.slice(0, 60))
  }
})

test('a request needs an id of at most 256 characters, once', () => {
  for (const topic of [
    '$iothub/twin/GET/',
    '$iothub/twin/GET/?',
    '$iothub/twin/GET/?$rid=',
    '$iothub/twin/GET/?$rid',
    '$iothub/twin/GET/?$rid=1&$rid=2',
    `$iothub/twin/GET/?$rid=${'x'.repeat(257)}`,
    `$iothub/twin/GET/?$rid=1${'&a=1'.repeat(20)}`,
    '$iothub/twin/PATCH/properties/reported/?$rid=1&$version=x',
    '$iothub/twin/PATCH/properties/reported/?$rid=1&$version=99999999999999999',
    '$iothub/methods/res/200/$rid=1',
  ]) {
    refuses(() => parsePublishTopic(topic, DEVICE), 'bad-topic', topic.slice(0, 60))
  }
})

test('filters of the SDKs, and of nobody else', () => {
  assert.deepEqual(parseSubscription('devices/a/messages/devicebound/#', DEVICE), {
    kind: 'devicebound',
    base: 'devices/a/messages/devicebound/',
  })
  assert.deepEqual(parseSubscription('devices/a%3Ab/messages/devicebound/#', { deviceId: 'a:b' }), {
    kind: 'devicebound',
    base: 'devices/a%3Ab/messages/devicebound/',
  })
  assert.deepEqual(parseSubscription('devices/a/modules/m/inputs/#', MODULE), {
    kind: 'inputs',
    base: 'devices/a/modules/m/inputs/',
  })
  assert.deepEqual(parseSubscription('devices/a/modules/m/#', MODULE), {
    kind: 'inputs',
    base: 'devices/a/modules/m/inputs/',
  })
  assert.equal(parseSubscription('$iothub/twin/res/#', DEVICE).kind, 'twin-responses')
  assert.equal(parseSubscription('$iothub/twin/PATCH/properties/desired/#', MODULE).kind, 'desired-patches')
  assert.equal(parseSubscription('$iothub/methods/POST/#', DEVICE).kind, 'methods')
  assert.equal(parseSubscription('$iothub/credentials/res/#', DEVICE).kind, 'certificate-responses')
  for (const [filter, identity] of [
    ['devices/b/messages/devicebound/#', DEVICE],
    ['devices/+/messages/devicebound/#', DEVICE],
    ['devices/a/messages/devicebound/#', MODULE],
    ['devices/a/modules/m/inputs/#', DEVICE],
    ['devices/a/modules/n/#', MODULE],
    ['devices/a/modules/+/#', MODULE],
  ] as const) {
    refuses(() => parseSubscription(filter, identity), 'foreign-topic', filter)
  }
  for (const filter of [
    '#',
    '+/#',
    'devices/#',
    'devices/a/#',
    '$iothub/#',
    '$iothub/twin/+/#',
    '$iothub/twin/res/+',
    'devices/a/messages/devicebound/+',
    'devices/a/messages/events/#',
    'devices/a/messages/#',
    '',
    'x'.repeat(70_000),
  ]) {
    refuses(() => parseSubscription(filter, DEVICE), 'unknown-topic', filter.slice(0, 60))
  }
})

test('a device whose id is a wildcard gets no wildcard for it', () => {
  // The codec takes the filter for one with a wildcard; compared as text, it is the device's own.
  assert.equal(parseSubscription('devices/%2B/messages/devicebound/#', { deviceId: '+' }).kind, 'devicebound')
  refuses(() => parseSubscription('devices/+/messages/devicebound/#', { deviceId: 'x' }), 'foreign-topic', '+')
  // Its own id, which a filter may hold, and the name of a topic may not.
  for (const [filter, identity] of [
    ['devices/+/messages/devicebound/#', { deviceId: '+' }],
    ['devices/+/modules/+/#', { deviceId: '+', moduleId: '+' }],
    ['devices/a/modules/+/inputs/#', { deviceId: 'a', moduleId: '+' }],
  ] as const) {
    const topic = parseSubscription(filter, identity)
    assert.ok('base' in topic)
    assert.doesNotMatch(topic.base, /[+#]/)
    assert.ok(topic.base.split('/').length >= filter.split('/').length)
  }
})

test('topics that go out have the exact form that the SDKs parse', () => {
  const bag = formatBag([
    { name: '$.mid', value: '1' },
    { name: '$.to', value: '/devices/a/messages/deviceBound' },
    { name: 'a b', value: 'c/d' },
  ])
  assert.equal(
    formatDeviceboundTopic({ base: 'devices/a/messages/devicebound/' }, bag),
    'devices/a/messages/devicebound/%24.mid=1&%24.to=%2Fdevices%2Fa%2Fmessages%2FdeviceBound&a%20b=c%2Fd',
  )
  assert.equal(
    formatInputTopic({ base: 'devices/a/modules/m/inputs/' }, 'in/1', 'x=1'),
    'devices/a/modules/m/inputs/in%2F1/x=1',
  )
  assert.equal(formatTwinResponseTopic({ status: 200, requestId: '1' }), '$iothub/twin/res/200/?$rid=1')
  assert.equal(
    formatTwinResponseTopic({ status: 204, requestId: '1', version: 3 }),
    '$iothub/twin/res/204/?$rid=1&$version=3',
  )
  assert.equal(formatDesiredPatchTopic(3), '$iothub/twin/PATCH/properties/desired/?$version=3')
  assert.equal(formatMethodTopic({ name: 'reboot', requestId: '1' }), '$iothub/methods/POST/reboot/?$rid=1')
  assert.equal(formatMethodTopic({ name: 'a/#', requestId: '1' }), '$iothub/methods/POST/a%2F%23/?$rid=1')
  // Clients that do not decode find the name as it is.
  assert.equal(formatMethodTopic({ name: 'öffne 50%', requestId: '1' }), '$iothub/methods/POST/öffne%2050%25/?$rid=1')
  assert.equal(formatCertificateResponseTopic({ status: 202, requestId: '1' }), '$iothub/credentials/res/202/?$rid=1')
  assert.throws(() => formatMethodTopic({ name: '', requestId: '1' }), TypeError)
})
