/** Owner levels, start positions, addresses and claims: what a reader may have, and from where. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Described, type Value } from '@holdfast/amqp'
import { eventsOf } from '@holdfast/audit'
import { covers, linkTargetOf, pathOf } from './address.ts'
import { Claims } from './claims.ts'
import { ConsumerGroups } from './consumer-groups.ts'
import type { AmqpAbout } from './contract.ts'
import { ReaderRegistry } from './reader-registry.ts'
import { startPositionOf } from './start-position.ts'

const ABOUT: AmqpAbout = {
  hostName: 'hub.example',
  amqpPort: 5671,
  entity: 'hub',
  partitions: 4,
  createdAt: 0,
  groups: ['$Default'],
}

function reader(number: number, options: { epoch?: number; group?: string; partition?: number; front?: number } = {}) {
  const { group = '$Default', partition = 0, front = 0, epoch } = options
  return { front, reader: number, group, partition, name: `r${number}`, ...(epoch === undefined ? {} : { epoch }) }
}

test('a level displaces readers without one and those of its own or a lower level, on every front', () => {
  const readers = new ReaderRegistry()
  for (const number of [1, 2]) assert.equal(readers.open(reader(number, { front: number })).verdict.kind, 'in')
  const first = readers.open(reader(3, { epoch: 0 }))
  assert.deepEqual(
    first.displaced.map(({ front, reader: number }) => [front, number]),
    [
      [1, 1],
      [2, 2],
    ],
  )
  assert.deepEqual(
    readers.open(reader(4, { epoch: 0 })).displaced.map(({ reader: number }) => number),
    [3],
  )
  assert.deepEqual(
    readers.open(reader(5, { epoch: 7, group: '$DEFAULT' })).displaced.map(({ reader: number }) => number),
    [4],
  )
  assert.equal(readers.readers, 1)
})

test('a lower level, and none at all, are refused while a higher one is there', () => {
  const readers = new ReaderRegistry()
  readers.open(reader(1, { epoch: 5 }))
  for (const options of [{ epoch: 4 }, {}]) {
    const { verdict, displaced } = readers.open(reader(2, options))
    assert.ok(verdict.kind === 'refused' && verdict.condition === 'amqp:link:stolen')
    assert.deepEqual(displaced, [])
  }
  readers.close(0, 1)
  assert.equal(readers.open(reader(3)).verdict.kind, 'in')
})

test('partitions and groups are places of their own; five readers without a level share one', () => {
  const readers = new ReaderRegistry()
  readers.open(reader(1, { epoch: 5 }))
  assert.deepEqual(readers.open(reader(2, { epoch: 9, partition: 1 })).displaced, [])
  assert.deepEqual(readers.open(reader(3, { epoch: 9, group: 'other' })).displaced, [])
  for (let number = 10; number < 15; number += 1)
    assert.equal(readers.open(reader(number, { partition: 3 })).verdict.kind, 'in')
  const sixth = readers.open(reader(15, { partition: 3 })).verdict
  assert.ok(sixth.kind === 'refused' && sixth.condition === 'amqp:resource-limit-exceeded')
  readers.close(0, 12)
  assert.equal(readers.open(reader(16, { partition: 3 })).verdict.kind, 'in')
})

function filter(text: Value, key: Value = 'apache.org:selector-filter:string'): ReadonlyMap<Value, Value> {
  return new Map([[key, new Described(0x468c_0000_0004, text)]])
}

test('every form of selector says where to start', () => {
  const at = (text: string) => startPositionOf(filter(text))
  assert.deepEqual(startPositionOf(new Map()), { kind: 'sequence', from: 0 })
  assert.deepEqual(at("amqp.annotation.x-opt-offset > '-1'"), { kind: 'sequence', from: 0 })
  assert.deepEqual(at("amqp.annotation.x-opt-offset > '@latest'"), { kind: 'latest' })
  assert.deepEqual(at("amqp.annotation.x-opt-offset > '120'"), { kind: 'offset', after: 120 })
  assert.deepEqual(at("amqp.annotation.x-opt-offset >= '120'"), { kind: 'offset', after: 119 })
  assert.deepEqual(at("amqp.annotation.x-opt-sequence-number > '7'"), { kind: 'sequence', from: 8 })
  assert.deepEqual(at("amqp.annotation.x-opt-sequence-number >= '7'"), { kind: 'sequence', from: 7 })
  assert.deepEqual(at("amqp.annotation.x-opt-sequence-number > '-1'"), { kind: 'sequence', from: 0 })
  assert.deepEqual(at("amqp.annotation.x-opt-enqueued-time > '1700000000000'"), {
    kind: 'enqueued',
    after: 1_700_000_000_000,
  })
  assert.deepEqual(at('amqp.annotation.x-opt-enqueued-time >= 1700000000000'), {
    kind: 'enqueued',
    after: 1_699_999_999_999,
  })
})

test('selectors that are not known are no position', () => {
  for (const text of [
    '',
    "x-opt-offset > '1'",
    "amqp.annotation.x-opt-offset < '1'",
    "amqp.annotation.x-opt-offset > '1' OR 1=1",
    "amqp.annotation.x-opt-sequence-number > '@latest'",
    "amqp.annotation.x-opt-partition > '1'",
    "amqp.annotation.x-opt-offset > '99999999999999999999'",
  ]) {
    assert.equal(startPositionOf(filter(text)), undefined, text)
  }
})

test('addresses are known in any case, with or without scheme and host', () => {
  const of = (address: string) => linkTargetOf(pathOf(address), ABOUT)
  assert.deepEqual(of('$cbs'), { kind: 'cbs' })
  assert.deepEqual(of('/messages/deviceBound'), { kind: 'command-sender' })
  assert.deepEqual(of('/messages/serviceBound/feedback'), { kind: 'queue', queue: 'feedback' })
  assert.deepEqual(of('/messages/servicebound/fileNotifications'), { kind: 'queue', queue: 'file-notifications' })
  assert.deepEqual(of('amqps://hub.example/messages/events/$management'), {
    kind: 'events-on-hub',
    rest: '$management',
  })
  assert.deepEqual(of('HUB/consumergroups/$default/partitions/3'), { kind: 'reader', group: '$default', partition: 3 })
  assert.deepEqual(of('hub/ConsumerGroups/g/Partitions/4'), { kind: 'reader', group: 'g', partition: undefined })
  assert.deepEqual(of('hub/ConsumerGroups/g/Partitions/0x1'), { kind: 'reader', group: 'g', partition: undefined })
  assert.deepEqual(of('amqps://hub.example:5671/hub/$management'), { kind: 'management' })
  assert.deepEqual(of('hub/Partitions/1'), { kind: 'event-sender' })
  assert.equal(of('/devices/d/messages/devicebound').kind, 'later')
  assert.equal(of('0ne00000001/registrations/r').kind, 'later')
  for (const address of ['', '/', 'other/ConsumerGroups/g/Partitions/0', '%zz', 'a/'.repeat(40)]) {
    assert.deepEqual(of(address), { kind: 'unknown' }, address)
  }
})

const CLAIM = { kind: 'allowed', policy: 'service', slot: 'primary', hasServiceConnect: true, asOf: 0 } as const

test('a claim covers what it names and what lies in it, until it ends', () => {
  const claims = new Claims()
  claims.put({ ...CLAIM, path: ['hub', 'ConsumerGroups', 'g'], expires: 10 })
  assert.ok(claims.covering(['HUB', 'consumergroups', 'g', 'Partitions', '1']) !== undefined)
  assert.equal(claims.covering(['hub', 'ConsumerGroups', 'gg', 'Partitions', '1']), undefined)
  assert.equal(claims.covering([]), undefined)
  claims.put({ ...CLAIM, path: [], expires: 20 })
  assert.equal(claims.covering(['hub', 'ConsumerGroups', 'g'])?.expires, 20)
  assert.equal(claims.restsOn('service', 'primary'), true)
  assert.equal(claims.restsOn('service', 'secondary'), false)
  claims.expire(20)
  assert.equal(claims.size, 0)
  assert.equal(covers([], ['a']), true)
})

test('one connection holds a bounded number of claims; a renewal takes the place of what it renews', () => {
  const claims = new Claims()
  for (let index = 0; index < 256; index += 1)
    assert.equal(claims.put({ ...CLAIM, path: [String(index)], expires: 1 }), true)
  assert.equal(claims.put({ ...CLAIM, path: ['more'], expires: 1 }), false)
  assert.equal(claims.put({ ...CLAIM, path: ['0'], expires: 2 }), true)
})

test('consumer groups are made, listed, kept and deleted; $Default stays', async () => {
  const kept = new Map<string, string>()
  const types: string[] = []
  const open = () =>
    ConsumerGroups.open({
      store: {
        readSetting: async (name) => kept.get(name),
        writeSetting: async (name, value, because) => {
          kept.set(name, value)
          types.push(...eventsOf(because).map(({ type }) => type))
        },
      },
      clock: { monotonic: () => 0 as never, wall: () => 0 as never },
    })
  const groups = await open()
  assert.equal(await groups.create('dashboards', 'operator/local'), 'done')
  assert.equal(await groups.create('DASHBOARDS', 'operator/local'), 'exists')
  for (const name of ['', '$x', 'a/b', 'x'.repeat(51), '-a', 'a-']) {
    assert.equal(await groups.create(name, 'operator/local'), 'invalid', name)
  }
  assert.deepEqual((await open()).list(), ['$Default', 'dashboards'])
  assert.equal(await groups.delete('$default', 'operator/local'), 'default')
  assert.equal(await groups.delete('nobody', 'operator/local'), 'missing')
  assert.equal(await groups.delete('Dashboards', 'operator/local'), 'done')
  assert.deepEqual((await open()).list(), ['$Default'])
  const outcomes = await Promise.all(
    Array.from({ length: 25 }, (_, index) => groups.create(`g${index}`, 'operator/local')),
  )
  assert.equal(outcomes.filter((outcome) => outcome === 'done').length, 19)
  assert.equal(outcomes.at(-1), 'too-many')
  assert.deepEqual(types.slice(0, 2), ['consumer-group.created', 'consumer-group.deleted'])
})
