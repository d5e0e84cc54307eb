import assert from 'node:assert/strict'
import { test } from 'node:test'
import { timestampOf } from '@holdfast/base'
import { device } from './contract.ts'
import { openStateStore, type StateStore } from './state-store.ts'
import { random, testKeys, withFile, withStore } from './testing.ts'

const ENTRY = { deviceId: 'a', reason: 'a copy', at: timestampOf(5), actor: 'hub' }

test('who is in quarantine is after a restart, and is not when the identity is made anew', async () => {
  await withFile(async (file) => {
    const open = (): Promise<StateStore> => openStateStore({ file, keys: testKeys(1), random })
    const store = await open()
    await store.writeIdentity(device('a'), { kind: 'absent' })
    await store.writeIdentity(device('a', { moduleId: 'm' }), { kind: 'absent' })
    assert.equal(await store.trust.writeQuarantined(ENTRY), true)
    assert.equal(await store.trust.writeQuarantined({ ...ENTRY, moduleId: 'm', reason: 'too' }), true)
    assert.equal(await store.trust.writeQuarantined({ ...ENTRY, deviceId: 'nobody' }), false)
    assert.equal(await store.trust.writeQuarantined({ ...ENTRY, reason: 'another' }), true)
    await store.close()
    const again = await open()
    assert.deepEqual(await again.trust.listQuarantined(), [
      { ...ENTRY, reason: 'another' },
      { ...ENTRY, moduleId: 'm', reason: 'too' },
    ])
    assert.equal(await again.trust.deleteQuarantined({ deviceId: 'a', moduleId: 'm' }), true)
    assert.equal(await again.trust.deleteQuarantined({ deviceId: 'a', moduleId: 'm' }), false)
    await again.writeIdentity(device('a', { etag: 'e2' }), { kind: 'any' })
    assert.equal((await again.trust.listQuarantined()).length, 1, 'a change of the identity lets nobody out')
    await again.deleteIdentity({ deviceId: 'a' }, { kind: 'any' })
    await again.writeIdentity(device('a'), { kind: 'absent' })
    assert.deepEqual(await again.trust.listQuarantined(), [])
    await again.close()
  })
})

test('dossiers are written several at once, replaced, taken away, and of nobody who is not there', async () => {
  await withStore(async (store) => {
    const { trust } = store
    for (const id of ['a', 'b', 'c']) await store.writeIdentity(device(id), { kind: 'absent' })
    await trust.writeDossiers([
      { deviceId: 'nobody', record: '{}' },
      { deviceId: 'a', record: '{"n":1}' },
      { deviceId: 'b', record: '{"n":2}' },
      { deviceId: 'c' },
    ])
    await trust.writeDossiers([{ deviceId: 'a', record: '{"n":3}' }, { deviceId: 'b' }])
    assert.deepEqual(await trust.listDossiers(9), [{ deviceId: 'a', record: '{"n":3}' }])
    assert.equal(await trust.readDossier({ deviceId: 'a' }), '{"n":3}')
    assert.equal(await trust.readDossier({ deviceId: 'b' }), undefined)
    await assert.rejects(trust.writeDossiers([{ deviceId: 'a', record: '{' }]))
    await store.deleteIdentity({ deviceId: 'a' }, { kind: 'any' })
    assert.deepEqual(await trust.listDossiers(9), [])
  })
})

test('a dossier that is written before a twin is on disk before it', async () => {
  await withStore(async (store) => {
    await store.writeIdentity(device('a'), { kind: 'absent' })
    const order: string[] = []
    const dossier = store.trust.writeDossiers([{ deviceId: 'a', record: '{"n":1}' }]).then(() => order.push('dossier'))
    const change = { reported: { kind: 'merge', patch: '{"x":1}' } } as const
    const twin = store
      .changeTwin({ deviceId: 'a' }, change, { at: timestampOf(1), etag: 'e' })
      .then(() => order.push('twin'))
    await Promise.all([dossier, twin])
    assert.deepEqual(order, ['dossier', 'twin'])
  })
})

test('policies of devices are kept one a device, and go with it', async () => {
  await withStore(async (store) => {
    const { trust } = store
    assert.equal(await trust.writeConnectionPolicy('a', '{}'), false)
    await store.writeIdentity(device('a'), { kind: 'absent' })
    assert.equal(await trust.writeConnectionPolicy('a', '{}'), true)
    assert.equal(await trust.writeConnectionPolicy('a', '{"tlsFloor":"1.3"}'), true)
    assert.deepEqual(await trust.listConnectionPolicies(), [{ deviceId: 'a', policy: '{"tlsFloor":"1.3"}' }])
    assert.equal(await trust.deleteConnectionPolicy('a'), true)
    assert.equal(await trust.deleteConnectionPolicy('a'), false)
    await trust.writeConnectionPolicy('a', '{}')
    await store.deleteIdentity({ deviceId: 'a' }, { kind: 'any' })
    assert.deepEqual(await trust.listConnectionPolicies(), [])
  })
})
