import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { partitionOf } from '@holdfast/messaging'
import { TEST_START } from '@holdfast/identity/testing'
import { STREAMS_MAX } from './open-streams.ts'
import { allLines, linesOf, PARTITIONS, type Stage, stage } from '../../testing/management-stage.ts'

const names = (lines: readonly Record<string, unknown>[]): readonly unknown[] => lines.map((line) => line['body'])
const at = (milliseconds: number): string => new Date(milliseconds).toISOString()

/** The next `count` lines of a stream that goes on. */
async function next(lines: AsyncGenerator<Record<string, unknown>>, count: number): Promise<unknown[]> {
  const taken: unknown[] = []
  for (let left = count; left > 0; left -= 1) {
    const { value, done } = await lines.next()
    if (done === true) break
    taken.push(value['body'] ?? value['type'])
  }
  return taken
}

function fill(hub: Stage, count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => {
    const deviceId = `d${index % 7}`
    hub.telemetry.commit(deviceId, 1_000 + index)
    return `${deviceId}@${1_000 + index}`
  })
}

test('messages of all partitions come once each, oldest first', async () => {
  const hub = await stage()
  const expected = fill(hub, 50)
  const response = await hub.stream('/messages')
  assert.equal(response.headers.get('content-type'), 'application/x-ndjson')
  assert.deepEqual(names(await allLines(response)), expected)
})

test('a line holds what the device said and what the hub knows, and the second stands above the first', async () => {
  const hub = await stage()
  hub.telemetry.commit('d', 1_000, {
    moduleId: 'm',
    bag: 'unit=C&empty=&none&__proto__=x&%24.mid=1&%24.ct=application%2Fjson&%24.iothub-message-source=forged',
    isWill: true,
    isRetained: true,
    modelId: 'dtmi:a;1',
    body: new Uint8Array([0xff, 0x00]),
  })
  hub.telemetry.commit('d', 1_001, { bag: '%ZZ', body: new Uint8Array([0xef, 0xbb, 0xbf, 0x41]) })
  const [first, second] = await allLines(await hub.stream('/messages?device=d'))
  assert.deepEqual(first, {
    deviceId: 'd',
    moduleId: 'm',
    enqueuedTime: '1970-01-01T00:00:01.000Z',
    sequenceNumber: 0,
    offset: '0',
    partition: partitionOf('d', PARTITIONS),
    properties: JSON.parse(
      '{"unit":"C","empty":"","none":null,"__proto__":"x","mqtt-retain":"true","iothub-MessageType":"Will"}',
    ),
    systemProperties: {
      messageId: '1',
      contentType: 'application/json',
      '$.iothub-message-source': 'forged',
      'iothub-connection-device-id': 'd',
      'iothub-connection-module-id': 'm',
      'iothub-connection-auth-method': '{"scope":"device"}',
      'iothub-connection-auth-generation-id': '1',
      'iothub-enqueuedtime': '1970-01-01T00:00:01.000Z',
      'iothub-message-source': 'Telemetry',
      'dt-dataschema': 'dtmi:a;1',
    },
    body: '/wA=',
    bodyEncoding: 'base64',
  })
  assert.deepEqual([second?.['body'], second?.['bodyEncoding'], second?.['properties']], ['\uFEFFA', 'utf8', {}])
})

test('a device, a partition, a time and a limit narrow what is read', async () => {
  const hub = await stage()
  const all = fill(hub, 50)
  const read = async (query: string) => names(await allLines(await hub.stream(`/messages?${query}`)))
  assert.deepEqual(
    await read('device=d3'),
    all.filter((name) => name.startsWith('d3@')),
  )
  const partition = partitionOf('d3', PARTITIONS)
  const inPartition = all.filter((name) => partitionOf(name.split('@')[0] ?? '', PARTITIONS) === partition)
  assert.deepEqual(await read(`partition=${partition}`), inPartition)
  assert.deepEqual(await read(`partition=${partition}&sequence=2&limit=4`), inPartition.slice(2, 6))
  assert.deepEqual(await read(`from=${at(1_010)}&to=${at(1_020)}`), all.slice(10, 20))
  assert.deepEqual(await read(`from=${at(1_010)}&to=${at(1_020)}&device=d3`), ['d3@1010', 'd3@1017'])
  assert.deepEqual(await read('limit=5'), all.slice(0, 5))
  assert.deepEqual(await read('device=ghost'), [])
})

test('nothing is read before it is asked for', async () => {
  const hub = await stage()
  fill(hub, 1_000)
  const response = await hub.stream('/messages?partition=0')
  await setImmediate()
  assert.equal(hub.telemetry.reads, 0)
  const lines = linesOf(response)
  await lines.next()
  await setImmediate()
  assert.ok(hub.telemetry.reads <= 2, String(hub.telemetry.reads))
  await lines.return(undefined)
})

test('a limit ends the reading of the store too', async () => {
  const hub = await stage()
  fill(hub, 1_000)
  await allLines(await hub.stream('/messages?partition=0&limit=1'))
  assert.equal(hub.telemetry.reads, 1)
})

test('reading up to a time ends some minutes behind it, not at the end of the log', async () => {
  const hub = await stage()
  for (let minute = 0; minute < 600; minute += 1) hub.telemetry.commit('d', minute * 60_000)
  const lines = await allLines(await hub.stream(`/messages?to=${at(60_000)}`))
  assert.equal(lines.length, 1)
  assert.ok(hub.telemetry.reads < 20, String(hub.telemetry.reads))
})

test('following begins now and goes on with every commit, in order, without gap or repetition', async () => {
  const hub = await stage()
  fill(hub, 10)
  const lines = linesOf(await hub.stream('/messages?follow=true'))
  const first = next(lines, 3)
  await setImmediate()
  for (const time of [5_000, 5_001, 5_002]) hub.telemetry.commit('d', time)
  assert.deepEqual(await first, ['d@5000', 'd@5001', 'd@5002'])
  const more = next(lines, 2)
  hub.telemetry.commit('e', 5_003)
  hub.telemetry.commit('d', 5_004)
  assert.deepEqual(new Set(await more), new Set(['d@5004', 'e@5003']))
  await lines.return(undefined)
  await setImmediate()
  assert.equal(hub.telemetry.followers, 0)
})

test('following one device from a time joins what was kept to what comes', async () => {
  const hub = await stage()
  const kept = fill(hub, 30).filter((name) => name.startsWith('d3@') && name >= 'd3@1010')
  const lines = linesOf(await hub.stream(`/messages?device=d3&follow=true&from=${at(1_010)}`))
  assert.deepEqual(await next(lines, kept.length), kept)
  const more = next(lines, 2)
  for (const [deviceId, time] of [
    ['d3', 6_000],
    ['d1', 6_001],
    ['d3', 6_002],
  ] as const) {
    hub.telemetry.commit(deviceId, time)
    await setImmediate()
  }
  assert.deepEqual(await more, ['d3@6000', 'd3@6002'])
  await lines.return(undefined)
})

test('following from a sequence number and with a limit ends by itself', async () => {
  const hub = await stage()
  hub.telemetry.commit('d', 1)
  const partition = partitionOf('d', PARTITIONS)
  const response = await hub.stream(`/messages?partition=${partition}&sequence=0&follow=true&limit=2`)
  const all = allLines(response)
  await setImmediate()
  hub.telemetry.commit('d', 2)
  assert.deepEqual(names(await all), ['d@1', 'd@2'])
  assert.equal(hub.telemetry.followers, 0)
})

test('a reader that goes away while nothing happens leaves nothing behind', async () => {
  const hub = await stage()
  for (let round = 0; round < STREAMS_MAX + 5; round += 1) {
    const response = await hub.stream('/messages?follow=true')
    const reader = response.body?.getReader()
    const waiting = reader?.read()
    await setImmediate()
    await reader?.cancel()
    assert.deepEqual(await waiting, { done: true, value: undefined })
  }
  await setImmediate()
  assert.equal(hub.telemetry.followers, 0)
})

test('there are only so many streams at a time', async () => {
  const hub = await stage()
  const open = []
  for (let at = 0; at < STREAMS_MAX; at += 1) open.push(await hub.stream('/messages?follow=true'))
  const refused = await hub.stream('/events?follow=true')
  assert.equal(refused.status, 503)
  await open[0]?.body?.cancel()
  assert.equal((await hub.stream('/events?limit=1')).status, 200)
})

test('a stream ends when the key of its policy is taken away, and that counts as a session', async () => {
  const hub = await stage()
  const lines = linesOf(await hub.stream('/messages?follow=true', { authorization: hub.token('service') }))
  const local = linesOf(await hub.stream('/messages?follow=true'))
  const end = lines.next()
  const goesOn = next(local, 1)
  await setImmediate()
  const secondary = await hub.local('POST', '/policies/service/regenerate-key', { key: 'secondary' })
  assert.equal(secondary.body['sessionsClosed'], 1)
  const primary = await hub.local('POST', '/policies/service/regenerate-key', { key: 'primary' })
  assert.equal(primary.body['sessionsClosed'], 2)
  assert.equal((await end).done, true)
  hub.telemetry.commit('d', 1)
  assert.deepEqual(await goesOn, ['d@1'])
  await local.return(undefined)
})

test('a stream ends with its token', async (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] })
  const hub = await stage()
  const lines = linesOf(
    await hub.stream('/messages?follow=true', { authorization: hub.token('service', { seconds: 60 }) }),
  )
  const end = lines.next()
  await setImmediate()
  context.mock.timers.tick(59_999)
  hub.telemetry.commit('d', TEST_START)
  assert.equal((await end).done, false)
  const last = lines.next()
  context.mock.timers.tick(1)
  assert.equal((await last).done, true)
})

test('a store that fails in the middle breaks the answer off, so that it is not taken for whole', async () => {
  const hub = await stage()
  fill(hub, 20)
  let calls = 0
  const failing: Stage['telemetry'] = Object.assign(Object.create(hub.telemetry), {
    readPartition: async (request: Parameters<Stage['telemetry']['readPartition']>[0]) => {
      calls += 1
      if (calls > 1) throw new Error('io')
      return hub.telemetry.readPartition(request)
    },
  })
  const broken = await stage({ reader: failing })
  await assert.rejects(allLines(await broken.stream('/messages?partition=0')))
})

test('parameters that do not go together are named', async () => {
  const hub = await stage()
  for (const [query, path] of [
    ['device=d&partition=0', '?partition'],
    ['device=a%2Fb', '?device'],
    ['sequence=1', '?sequence'],
    [`partition=0&sequence=1&from=${at(1)}`, '?sequence'],
    [`from=${at(2)}&to=${at(1)}`, '?to'],
    [`follow=true&to=${at(1)}`, '?to'],
    ['partition=4', '?partition'],
    ['from=yesterday', '?from'],
    ['from=2026-13-01T00:00:00Z', '?from'],
    ['from=2026-11-02T12:00:00', '?from'],
    ['follow=yes', '?follow'],
    ['limit=0', '?limit'],
  ] as const) {
    const { status, body } = await hub.local('GET', `/messages?${query}`)
    assert.equal(status, 400, query)
    assert.equal((body['faults'] as { path: string }[])[0]?.path, path, query)
  }
})

test('events come newest last, and go on when followed, each once', async () => {
  const hub = await stage()
  for (const deviceId of ['a', 'b', 'c']) await hub.local('POST', '/devices', { deviceId })
  const recent = await allLines(await hub.stream('/events?limit=2'))
  assert.deepEqual(
    recent.map(({ subject, type, time, actor }) => [subject, type, time, actor]),
    [
      ['device/b', 'identity.created', at(TEST_START), 'operator/local'],
      ['device/c', 'identity.created', at(TEST_START), 'operator/local'],
    ],
  )
  const lines = linesOf(await hub.stream('/events?limit=1&follow=true'))
  assert.deepEqual((await lines.next()).value?.['subject'], 'device/c')
  const following = lines.next()
  await hub.local('DELETE', '/devices/a')
  assert.equal((await following).value?.['type'], 'identity.deleted')
  await lines.return(undefined)
  await setImmediate()
  assert.equal(hub.listeners.size, 0)
})

test('who follows events too slowly is let go rather than given a thinned out story', async () => {
  const hub = await stage()
  const response = await hub.stream('/events?limit=0&follow=true')
  const lines = linesOf(response)
  const first = lines.next()
  await setImmediate()
  const event = { type: 'hub.started', at: hub.clock.wall(), subject: 'hub', actor: 'hub', detail: {} } as const
  for (let count = 0; count < 1_500; count += 1) hub.services.events.sink(event)
  await assert.rejects(async () => {
    await first
    for await (const _ of lines) void _
  })
  await setImmediate()
  assert.equal(hub.listeners.size, 0)
})
