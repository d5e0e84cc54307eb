import assert from 'node:assert/strict'
import { test } from 'node:test'
import { timestampOf } from '@holdfast/base'
import { StoreUnavailableError } from '../damaged.ts'
import { device } from './contract.ts'
import { openStateDatabase, type StateDatabase } from './open-database.ts'
import { StateStore } from './state-store.ts'
import { random, testKeys, withFile } from './testing.ts'
import { ValueSealer } from './value-sealer.ts'
import { WriteGroup } from './write-group.ts'

async function withState(use: (store: StateStore, state: StateDatabase) => Promise<void>): Promise<void> {
  await withFile(async (file) => {
    const state = await openStateDatabase(file)
    const store = new StateStore(state, new ValueSealer(file, testKeys(1), random), random)
    await use(store, state)
    await store.close()
  })
}

const absent = { kind: 'absent' } as const

test('when the disk is full nothing of the group is kept, callers are told, and it goes on when there is room', async () => {
  await withState(async (store, { database }) => {
    await store.writeIdentity(device('before'), absent)
    const pages = Number(database.prepare('PRAGMA page_count').get()?.page_count)
    database.exec(`PRAGMA max_page_count = ${pages}`)
    const outcomes = await Promise.allSettled(
      Array.from({ length: 200 }, (_, i) => store.writeIdentity(device(`d${i}`), absent)),
    )
    for (const outcome of outcomes) {
      assert.ok(outcome.status === 'rejected')
      const error: unknown = outcome.reason
      assert.ok(error instanceof StoreUnavailableError && error.reason === 'disk-full', String(error))
    }
    assert.deepEqual(await store.countDevices(), { total: 1, enabled: 1 })
    assert.notEqual(await store.readIdentity({ deviceId: 'before' }), undefined)
    database.exec('PRAGMA max_page_count = 1000000')
    assert.equal(await store.writeIdentity(device('after'), absent), 'written')
    assert.equal((await store.countDevices()).total, 2)
  })
})

test('a write that fails by itself does not take the others of its group with it', async () => {
  await withState(async (store) => {
    const bad = device('bad', { createdTime: timestampOf(0), status: 'neither' as 'enabled' })
    const outcomes = await Promise.allSettled([
      store.writeIdentity(device('a'), absent),
      store.writeIdentity(bad, absent),
      store.writeIdentity(device('b'), absent),
    ])
    assert.deepEqual(
      outcomes.map((outcome) => outcome.status),
      ['fulfilled', 'rejected', 'fulfilled'],
    )
    assert.equal((await store.countDevices()).total, 2)
  })
})

test('writes of one caller are seen in the order they were asked for', async () => {
  await withState(async (store) => {
    await Promise.all(Array.from({ length: 1_000 }, (_, i) => store.writeSetting('n', String(i))))
    assert.equal(await store.readSetting('n'), '999')
  })
})

test('waiting writes are bounded', async () => {
  await withState(async (_, { db }) => {
    const group = new WriteGroup(db, async () => () => {}, 3)
    const outcomes = await Promise.allSettled(Array.from({ length: 5 }, (_, i) => group.run(async () => i)))
    const refused = outcomes
      .filter((outcome) => outcome.status === 'rejected')
      .map((outcome): unknown => outcome.reason)
    assert.equal(refused.length, 2)
    for (const error of refused) assert.ok(error instanceof StoreUnavailableError && error.reason === 'busy')
    assert.equal(await group.run(async () => 'again'), 'again')
  })
})

test('closing waits for what is under way', async () => {
  await withFile(async (file) => {
    const keys = testKeys(1)
    const state = await openStateDatabase(file)
    const store = new StateStore(state, new ValueSealer(file, keys, random), random)
    const writes = Promise.all(Array.from({ length: 600 }, (_, i) => store.writeSetting(`s${i}`, 'x')))
    await store.close()
    await writes
    const again = await openStateDatabase(file)
    assert.equal(again.database.prepare('SELECT count(*) AS n FROM setting').get()?.n, 600)
    await again.db.destroy()
  })
})
