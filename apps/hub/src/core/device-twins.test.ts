import assert from 'node:assert/strict'
import { test } from 'node:test'
import { timestampOf } from '@holdfast/base'
import type { IdentityKey, Lane } from '@holdfast/identity'
import { countingRandom, ManualClock } from '@holdfast/identity/testing'
import type { DeviceRequest, Publication } from '@holdfast/messaging'
import type { Verdict } from '@holdfast/throttling'
import { type DesiredChange, Twins } from '@holdfast/twins'
import { MemoryTwinStore } from '@holdfast/twins/testing'
import { DeviceTwins } from './device-twins.ts'

const KEY: IdentityKey = { deviceId: 'd' }

function stage() {
  const store = new MemoryTwinStore()
  const clock = new ManualClock()
  const sent: { readonly topic: string; readonly text: string; readonly qos: number }[] = []
  const faults: unknown[] = []
  let verdict: Verdict = { kind: 'allowed' }
  let lane: Lane = 'full'
  const costs: number[] = []
  const twins: Twins = new Twins({
    store,
    clock,
    random: countingRandom(),
    desiredChanged: (change: DesiredChange) => deviceTwins.desiredChanged(change),
  })
  const deviceTwins = new DeviceTwins({
    twins,
    clock,
    random: countingRandom(),
    publish: (_key, { topic, payload, qos }: Publication) => {
      sent.push({ topic, text: Buffer.from(payload).toString(), qos })
      return true
    },
    throttling: {
      take: (_operation, _principal, cost) => {
        costs.push(cost ?? 1)
        return verdict
      },
    },
    laneOf: () => lane,
    fault: (error) => faults.push(error),
  })
  store.create(KEY, { at: timestampOf(0), etag: 'e' })
  const ask = (request: DeviceRequest, body: string | Uint8Array = ' '): void =>
    deviceTwins.request(KEY, request, typeof body === 'string' ? Buffer.from(body) : body, lane)
  return {
    store,
    twins,
    sent,
    faults,
    costs,
    ask,
    gone: () => deviceTwins.gone(KEY),
    get: (requestId: string) => ask({ kind: 'twin-get', requestId }),
    patch: (requestId: string, body: string | Uint8Array, version?: number) =>
      ask({ kind: 'reported-patch', requestId, ...(version === undefined ? {} : { version }) }, body),
    keepTo: (to: Lane) => {
      lane = to
    },
    throttle: (to: Verdict) => {
      verdict = to
    },
    /** Until everything asked for is answered. */
    settled: async () => {
      for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve))
    },
  }
}

/** The error of an answer: what Python goes by, and what Node does. */
function refusalIn(answer: { readonly topic: string; readonly text: string } | undefined) {
  assert.ok(answer !== undefined)
  const { errorCode, trackingId, message, timestampUtc, ...rest } = JSON.parse(answer.text)
  assert.deepEqual(rest, {})
  assert.match(trackingId, /^[0-9a-f]{32}$/)
  assert.equal(new Date(timestampUtc).toISOString(), timestampUtc)
  return { topic: answer.topic, errorCode, message: String(message) }
}

test('a twin is answered with its properties alone, whatever the request holds', async () => {
  const { get, ask, sent, settled, twins } = stage()
  await twins.write(
    KEY,
    { tags: { kind: 'merge', patch: '{"t":1}' }, desired: { kind: 'merge', patch: '{"a":1}' } },
    'x',
  )
  sent.splice(0)
  get('r1')
  ask({ kind: 'twin-get', requestId: 'r2' }, new Uint8Array([0xff]))
  await settled()
  const text = '{"desired":{"a":1,"$version":2},"reported":{"$version":1}}'
  assert.deepEqual(sent, [
    { topic: '$iothub/twin/res/200/?$rid=r1', text, qos: 0 },
    { topic: '$iothub/twin/res/200/?$rid=r2', text, qos: 0 },
  ])
})

test('a report is 204 with the new version and no body', async () => {
  const { patch, sent, settled, twins } = stage()
  patch('r1', '{"a":1}')
  patch('r2', '{"a":{"b":null}}', 2)
  await settled()
  assert.deepEqual(sent, [
    { topic: '$iothub/twin/res/204/?$rid=r1&$version=2', text: '', qos: 0 },
    { topic: '$iothub/twin/res/204/?$rid=r2&$version=3', text: '', qos: 0 },
  ])
  assert.equal((await twins.read(KEY)).reported.properties, '{"a":{}}')
})

test('a device that reports and asks at once sees what it reported', async () => {
  const { patch, get, sent, settled, store } = stage()
  store.turns = 7
  patch('1', '{"a":1}')
  patch('2', '{"b":2}')
  get('3')
  patch('4', '{"a":null}')
  get('5')
  await settled()
  const answerTo = (requestId: string) => sent.find(({ topic }) => topic.includes(`$rid=${requestId}`))?.text
  assert.equal(JSON.parse(answerTo('3') ?? '').reported.b, 2)
  assert.deepEqual(JSON.parse(answerTo('5') ?? '').reported, { b: 2, $version: 4 })
  assert.equal(sent.length, 5)
})

test('a refusal says why to those who go by the status, and to those who go by the body', async () => {
  const { patch, sent, settled, twins } = stage()
  const bad: readonly (readonly [string | Uint8Array, number, RegExp])[] = [
    ['', 400_006, /not JSON/],
    ['{', 400_006, /not JSON/],
    [new Uint8Array([0x22, 0xff, 0x22]), 400_006, /not UTF-8/],
    ['{"a":1,"a":1}', 400_006, /twice/],
    ['[]', 400_004, /object/],
    ['{"$a":1}', 400_004, /dollar/],
    [`{"a":${'{"a":'.repeat(11)}1${'}'.repeat(11)}}`, 400_004, /levels/],
    [`{"a":"${'x'.repeat(5_000)}"}`, 400_004, /4096/],
    [JSON.stringify({ a: Array.from({ length: 9 }, () => 'x'.repeat(4_000)) }), 400_004, /32768/],
  ]
  for (const [at, [body]] of bad.entries()) patch(`r${at}`, body)
  await settled()
  for (const [at, [, errorCode, message]] of bad.entries()) {
    const told = refusalIn(sent.find(({ topic }) => topic.includes(`$rid=r${at}`)))
    assert.deepEqual([told.topic, told.errorCode], [`$iothub/twin/res/400/?$rid=r${at}`, errorCode])
    assert.match(told.message, message)
  }
  assert.equal((await twins.read(KEY)).version, 1)
})

test('a report on another version than the device thinks is 412, of a device that is gone 404', async () => {
  const { patch, get, sent, settled, store } = stage()
  patch('r1', '{"a":1}', 7)
  await settled()
  const mismatch = refusalIn(sent[0])
  assert.deepEqual([mismatch.topic, mismatch.errorCode], ['$iothub/twin/res/412/?$rid=r1', 412_001])
  store.delete(KEY)
  patch('r2', '{"a":1}')
  get('r3')
  await settled()
  for (const [at, requestId] of ['r2', 'r3'].entries()) {
    const gone = refusalIn(sent[at + 1])
    assert.deepEqual([gone.topic, gone.errorCode], [`$iothub/twin/res/404/?$rid=${requestId}`, 404_001])
  }
})

test('a disk that fails is 503, and is told in the log alone', async () => {
  const { patch, get, sent, settled, store, faults } = stage()
  store.failure = new Error('/secret/path is full')
  patch('r1', '{"a":1}')
  get('r2')
  await settled()
  for (const answer of sent) {
    const told = refusalIn(answer)
    assert.equal(told.errorCode, 503_001)
    assert.match(told.topic, /^\$iothub\/twin\/res\/503\//)
    assert.doesNotMatch(told.message, /secret/)
  }
  assert.deepEqual(faults, [store.failure, store.failure])
})

test('a flood is answered 429, and what was let in is answered', async () => {
  const { patch, get, sent, settled, store, throttle } = stage()
  store.turns = 3
  for (let at = 0; at < 250; at += 1) patch(`r${at}`, '{"a":1}')
  assert.equal(sent.filter(({ topic }) => topic.startsWith('$iothub/twin/res/429/')).length, 150)
  await settled()
  assert.equal(sent.filter(({ topic }) => topic.startsWith('$iothub/twin/res/204/')).length, 100)
  get('later')
  await settled()
  assert.match(sent.at(-1)?.topic ?? '', /res\/200\/\?\$rid=later/)
  throttle({ kind: 'refused', by: 'principal', retryAfterSeconds: 3 })
  get('throttled')
  const told = refusalIn(sent.at(-1))
  assert.equal(told.errorCode, 429_001)
  assert.match(told.message, /3 s/)
})

test('a long twin costs as much as several short ones', async () => {
  const { patch, get, settled, costs } = stage()
  const flags = (count: number): string =>
    JSON.stringify(Object.fromEntries(Array.from({ length: count }, (_, at) => [`flag${at}`, true])))
  patch('r1', flags(100))
  await settled()
  patch('r2', flags(2_000))
  await settled()
  patch('r3', '{"flag0":false}')
  get('r4')
  await settled()
  patch('r5', `{${Array.from({ length: 2_000 }, (_, at) => `"flag${at}":null`).join()}}`)
  await settled()
  get('r6')
  assert.deepEqual(costs, [1, 1, 5, 5, 5, 1])
})

test('what is desired is pushed with its version, before its writer hears of it', async () => {
  const { sent, twins } = stage()
  const writing = twins
    .write(KEY, { desired: { kind: 'merge', patch: '{"a":null,"b":{"c":1}}' } }, 'x')
    .then(() => sent.map(({ topic, text }) => [topic, text]))
  assert.deepEqual(await writing, [
    ['$iothub/twin/PATCH/properties/desired/?$version=2', '{"a":null,"b":{"c":1},"$version":2}'],
  ])
})

test('an answer to a method call is somebody else’s', async () => {
  const { ask, sent, settled, faults } = stage()
  ask({ kind: 'method-response', requestId: 'r', status: 200 })
  await settled()
  assert.deepEqual([sent, faults], [[], []])
})

test('what a connection asked for is answered on that connection, or not at all', async () => {
  const { store, sent, gone, get, patch, settled } = stage()
  store.turns = 5
  patch('1', '{"a":1}')
  patch('2', 'not json')
  get('3')
  gone()
  // The next connection counts from 1 again, as the SDKs for C and Python do.
  get('1')
  await settled()
  assert.deepEqual(
    sent.map(({ topic }) => topic),
    ['$iothub/twin/res/200/?$rid=1'],
  )
  assert.equal(JSON.parse(sent[0]?.text ?? '').reported.a, 1, 'what was asked for is done')
  sent.splice(0)
  get('4')
  gone()
  gone()
  await settled()
  gone()
  assert.deepEqual(sent, [])
})

test('in remediation a device sees and reports the member holdfast alone, and hears of that alone', async () => {
  const { twins, ask, keepTo, get, patch, sent, settled } = stage()
  await twins.write(KEY, { desired: { kind: 'merge', patch: '{"holdfast":{"renew":true},"secret":1}' } }, 'test')
  sent.splice(0)
  keepTo('remediation')
  get('1')
  await settled()
  assert.equal(sent[0]?.text, '{"desired":{"holdfast":{"renew":true},"$version":2},"reported":{"$version":1}}')
  patch('2', '{"holdfast":{"state":"mending"}}')
  patch('3', '{"holdfast":{},"temperature":7}')
  await settled()
  const answers = sent.slice(1).map(({ topic }) => topic)
  assert.ok(answers.includes('$iothub/twin/res/204/?$rid=2&$version=2'), answers.join())
  assert.ok(answers.includes('$iothub/twin/res/403/?$rid=3'), answers.join())
  sent.splice(0)
  await twins.write(KEY, { desired: { kind: 'merge', patch: '{"secret":2}' } }, 'test')
  assert.equal(sent.length, 0)
  await twins.write(KEY, { desired: { kind: 'merge', patch: '{"secret":3,"holdfast":{"renew":null}}' } }, 'test')
  assert.equal(sent[0]?.text, '{"holdfast":{"renew":null},"$version":4}')
  keepTo('renewal')
  sent.splice(0)
  ask({ kind: 'twin-get', requestId: '4' })
  await settled()
  assert.equal(sent[0]?.topic, '$iothub/twin/res/403/?$rid=4')
})
