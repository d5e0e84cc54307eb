/** Sinks and reviews on the real tables. */

import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { timestampOf } from '@holdfast/base'
import type { Sink } from '@holdfast/forwarding'
import { openStateStore } from './state-store.ts'
import { random, testKeys, withFile, withStore } from './testing.ts'

const sink = (change: Partial<Sink> = {}): Sink => ({
  name: 'siem',
  kind: 'webhook',
  address: 'https://siem.example/in',
  filter: { types: ['identity.*'] },
  isEnabled: true,
  allowPrivate: false,
  secrets: { signing: [{ key: 'very secret', createdTime: timestampOf(7) }], headers: {} },
  etag: 'e1',
  createdTime: timestampOf(7),
  updatedTime: timestampOf(8),
  ...change,
})
const absent = { kind: 'absent' } as const
const aside = { first: 3, last: 5, count: 2, reason: 'HTTP 400', at: timestampOf(9) }

test('a sink is read back as it was written, with its cursor, which only goes forward', async () => {
  await withStore(async ({ sinks }) => {
    assert.equal(await sinks.writeSink(sink(), { expected: absent, cursor: 40 }), 'written')
    assert.equal(await sinks.writeSink(sink(), { expected: absent, cursor: 0 }), 'conflict')
    assert.deepEqual(await sinks.listSinks(), [{ ...sink(), cursor: 40, setAside: 0 }])
    assert.equal(await sinks.moveSink(sink(), { cursor: 50 }), true)
    assert.equal(await sinks.moveSink(sink(), { cursor: 49 }), false)
    assert.equal(await sinks.moveSink(sink({ createdTime: timestampOf(6) }), { cursor: 90 }), false, 'of a former one')
    const changed = sink({ etag: 'e2', address: 'https://other.example/' })
    assert.equal(await sinks.writeSink(changed, { expected: { kind: 'etag', etag: 'e0' }, cursor: 0 }), 'conflict')
    assert.equal(await sinks.writeSink(changed, { expected: { kind: 'etag', etag: 'e1' }, cursor: 0 }), 'written')
    assert.deepEqual(await sinks.listSinks(), [{ ...changed, cursor: 50, setAside: 0 }])
  })
})

test('what is set aside comes with the cursor in one step, is listed in order, and goes with its sink', async () => {
  await withStore(async ({ sinks }) => {
    await sinks.writeSink(sink(), { expected: absent, cursor: 0 })
    await sinks.moveSink(sink(), { cursor: 6, setAside: aside })
    await sinks.moveSink(sink(), { cursor: 8, setAside: { ...aside, first: 7, last: 7, count: 1 } })
    const listed = await sinks.listSetAside('siem', { after: 0, limit: 10 })
    assert.deepEqual(
      listed.map(({ sequence, first, last, count }) => [sequence, first, last, count]),
      [
        [1, 3, 5, 2],
        [2, 7, 7, 1],
      ],
    )
    assert.equal((await sinks.listSinks())[0]?.setAside, 2)
    assert.equal(await sinks.removeSetAside('other', [1, 2]), 0)
    assert.equal(await sinks.removeSetAside('siem', [1, 99]), 1)
    assert.equal((await sinks.listSetAside('siem', { after: 0, limit: 10 })).length, 1)
    assert.equal(await sinks.deleteSink('siem', 'e0'), 'conflict')
    assert.equal(await sinks.deleteSink('siem', 'e1'), 'deleted')
    await sinks.writeSink(sink(), { expected: absent, cursor: 0 })
    assert.deepEqual(await sinks.listSetAside('siem', { after: 0, limit: 10 }), [])
  })
})

test('a write brings its events, a refused one none', async () => {
  const told: unknown[] = []
  const event = {
    type: 'hub.stopped',
    at: timestampOf(1),
    subject: 'hub',
    actor: 'operator/local',
    detail: {},
  } as const
  await withFile(async (file) => {
    const store = await openStateStore({ file, keys: testKeys(1), random, told: (events) => told.push(...events) })
    await store.sinks.writeSink(sink(), { expected: absent, cursor: 0 }, event)
    await store.sinks.writeSink(sink(), { expected: absent, cursor: 0 }, event)
    await store.sinks.moveSink(sink({ createdTime: timestampOf(1) }), { cursor: 5 }, event)
    await store.close()
  })
  assert.equal(told.length, 1)
})

test('documents are sealed, move to a new key, and open nowhere else', async () => {
  await withFile(async (file) => {
    const store = await openStateStore({ file, keys: testKeys(1), random })
    await store.sinks.writeSink(sink(), { expected: absent, cursor: 0 })
    const record = { kind: 'finding', id: 'f1', isOpen: true, document: '{"text":"very secret"}' } as const
    await store.reviews.changeReviewRecords({ put: [record, { ...record, id: 'f2', isOpen: false }], remove: [] })
    await store.replaceKeys(testKeys(1, 2))
    for (let isDone = false; !isDone; ) ({ isDone } = await store.reseal())
    assert.deepEqual(await store.sealEpochs(), [2])
    assert.deepEqual(await store.reviews.readReviewRecord('finding', 'f1'), record)
    const ids = async (isOpen?: boolean) =>
      (
        await store.reviews.listReviewRecords({
          kind: 'finding',
          limit: 9,
          ...(isOpen === undefined ? {} : { isOpen }),
        })
      ).map(({ id }) => id)
    assert.deepEqual([await ids(), await ids(true), await ids(false)], [['f1', 'f2'], ['f1'], ['f2']])
    await store.reviews.changeReviewRecords({ put: [], remove: [{ kind: 'finding', id: 'f2' }] })
    assert.deepEqual(await ids(), ['f1'])
    await store.close()
    const database = new DatabaseSync(file)
    const whole = Buffer.from(JSON.stringify(database.prepare('SELECT document FROM sink').all()))
    assert.ok(!whole.includes('very secret') && !whole.includes('siem.example'))
    database.exec(`UPDATE review_record SET kind = 'review'`)
    database.close()
    const again = await openStateStore({ file, keys: testKeys(2), random })
    await assert.rejects(again.reviews.readReviewRecord('review', 'f1'), { name: 'StoreDamagedError' })
    await again.close()
  })
})
