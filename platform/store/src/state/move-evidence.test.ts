import assert from 'node:assert/strict'
import { test } from 'node:test'
import { timestampOf } from '@holdfast/base'
import { device } from './contract.ts'
import type { StateStore } from './state-store.ts'
import { withStore } from './testing.ts'

const at = (ms: number) => timestampOf(ms)

async function addActive(store: StateStore, deviceId: string, lastActivity: number): Promise<void> {
  await store.writeIdentity(device(deviceId), { kind: 'absent' })
  await store.writePresence([{ deviceId, lastActivity: at(lastActivity) }])
}

test('devices that were active are listed by id, page by page, with what was seen of them', async () => {
  await withStore(async (store) => {
    for (const [index, deviceId] of ['a', 'b', 'c'].entries()) await addActive(store, deviceId, index + 1)
    await store.writeIdentity(device('never'), { kind: 'absent' })
    await store.writeMoveEvidence([{ deviceId: 'b', kind: 'renewed', at: at(5) }])
    const first = await store.listActiveDevices({ limit: 2 })
    assert.deepEqual(first, [
      { deviceId: 'a', isConnected: false, lastActivity: 1 },
      { deviceId: 'b', isConnected: false, lastActivity: 2, evidence: 'renewed' },
    ])
    assert.deepEqual(
      (await store.listActiveDevices({ after: 'b', limit: 2 })).map(({ deviceId }) => deviceId),
      ['c'],
    )
  })
})

test('the strongest that was seen of a device stays', async () => {
  await withStore(async (store) => {
    await addActive(store, 'a', 1)
    const evidence = async () => (await store.listActiveDevices({ limit: 1 }))[0]?.evidence
    for (const [kind, expected] of [
      ['fetched', 'fetched'],
      ['connected', 'connected'],
      ['renewed', 'connected'],
    ] as const) {
      await store.writeMoveEvidence([{ deviceId: 'a', kind, at: at(1) }])
      assert.equal(await evidence(), expected)
    }
    await store.clearMoveEvidence()
    assert.equal(await evidence(), undefined)
  })
})

test('what was seen of a device that is deleted is not said of its successor, and of none that is not there', async () => {
  await withStore(async (store) => {
    await addActive(store, 'a', 1)
    await store.writeMoveEvidence([
      { deviceId: 'a', kind: 'connected', at: at(1) },
      { deviceId: 'nobody', kind: 'connected', at: at(1) },
    ])
    await store.deleteIdentity({ deviceId: 'a' }, { kind: 'any' })
    await addActive(store, 'a', 2)
    assert.deepEqual(await store.listActiveDevices({ limit: 9 }), [
      { deviceId: 'a', isConnected: false, lastActivity: 2 },
    ])
  })
})
