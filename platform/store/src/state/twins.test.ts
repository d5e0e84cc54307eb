import assert from 'node:assert/strict'
import { test } from 'node:test'
import { device } from './contract.ts'
import { withStore } from './testing.ts'

const absent = { kind: 'absent' } as const
const whatever = { kind: 'any' } as const
const EMPTY = { version: 1, tags: '{}', desired: '{}', desiredVersion: 1, reported: '{}', reportedVersion: 1 }

test('every identity has a twin, made and deleted with it', async () => {
  await withStore(async (store) => {
    const key = { deviceId: 'd' }
    const module = { deviceId: 'd', moduleId: 'm' }
    assert.equal(await store.readTwin(key), undefined)
    await store.writeIdentity(device('d'), absent)
    await store.writeIdentity(device('d', { moduleId: 'm' }), absent)
    assert.deepEqual({ ...(await store.readTwin(key)) }, EMPTY)
    assert.deepEqual({ ...(await store.readTwin(module)) }, EMPTY)
    await store.deleteIdentity(key, whatever)
    assert.equal(await store.readTwin(key), undefined)
    assert.equal(await store.readTwin(module), undefined)
  })
})

test('an initial twin replaces what is there, and versions go up', async () => {
  await withStore(async (store) => {
    const key = { deviceId: 'd' }
    await store.writeIdentity(device('d'), absent)
    await store.writeTwin(key, { tags: '{"site":"a"}', desired: '{"on":true}' })
    assert.deepEqual(
      { ...(await store.readTwin(key)) },
      {
        version: 2,
        tags: '{"site":"a"}',
        desired: '{"on":true}',
        desiredVersion: 2,
        reported: '{}',
        reportedVersion: 2,
      },
    )
    await store.writeIdentity(device('d', { etag: 'e2' }), whatever)
    assert.equal((await store.readTwin(key))?.tags, '{"site":"a"}', 'an update of the identity leaves the twin')
  })
})

test('a twin of nobody is not kept, and one that is no JSON is refused', async () => {
  await withStore(async (store) => {
    await store.writeTwin({ deviceId: 'nobody' }, { tags: '{}', desired: '{}' })
    assert.equal(await store.readTwin({ deviceId: 'nobody' }), undefined)
    await store.writeIdentity(device('d'), absent)
    await assert.rejects(store.writeTwin({ deviceId: 'd' }, { tags: '{', desired: '{}' }), /CHECK/)
    assert.deepEqual({ ...(await store.readTwin({ deviceId: 'd' })) }, EMPTY)
  })
})

test('a session goes with its identity, and one of nobody is not kept', async () => {
  await withStore(async (store) => {
    await store.writeSession({ deviceId: 'nobody' }, [])
    assert.equal(await store.readSession({ deviceId: 'nobody' }), undefined)
    await store.writeIdentity(device('d'), absent)
    await store.writeIdentity(device('d', { moduleId: 'm' }), absent)
    await store.writeSession({ deviceId: 'd' }, [])
    await store.writeSession({ deviceId: 'd', moduleId: 'm' }, [])
    await store.deleteIdentity({ deviceId: 'd' }, whatever)
    await store.writeIdentity(device('d', { generationId: 'g2' }), absent)
    await store.writeIdentity(device('d', { moduleId: 'm', generationId: 'g2' }), absent)
    assert.equal(await store.readSession({ deviceId: 'd' }), undefined)
    assert.equal(await store.readSession({ deviceId: 'd', moduleId: 'm' }), undefined)
  })
})

test('settings are text by name', async () => {
  await withStore(async (store) => {
    assert.equal(await store.readSetting('idScope'), undefined)
    await store.writeSetting('idScope', '0ne00000001')
    await store.writeSetting('idScope', '0ne00000002')
    assert.equal(await store.readSetting('idScope'), '0ne00000002')
    await assert.rejects(store.writeSetting('x'.repeat(101), ''), TypeError)
    await assert.rejects(store.writeSetting('x', 'y'.repeat(70_000)), TypeError)
  })
})

test('a page has 1 to 1,000 records', async () => {
  await withStore(async (store) => {
    for (const limit of [0, -1, 1_001, 1.5, Number.NaN]) {
      await assert.rejects(store.listDevices({ limit }), TypeError)
      await assert.rejects(store.listEnrollments('group', { limit }), TypeError)
      await assert.rejects(store.listRegistrations('g', { limit }), TypeError)
    }
  })
})
