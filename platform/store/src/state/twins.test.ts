import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { timestampOf } from '@holdfast/base'
import { Kysely } from 'kysely'
import { Migrator } from 'kysely/migration'
import { device } from './contract.ts'
import { NodeSqliteDialect } from './dialect.ts'
import { MIGRATIONS } from './migrations.ts'
import { openStateStore } from './state-store.ts'
import { random, testKeys, withFile, withStore } from './testing.ts'
import { merge, stampAt, twinContract } from './twin-contract.ts'

const absent = { kind: 'absent' } as const
const whatever = { kind: 'any' } as const

twinContract('state.db', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-state-'))
  const store = await openStateStore({ file: join(folder, 'state.db'), keys: testKeys(1), random })
  return {
    store,
    close: async () => {
      await store.close()
      await rm(folder, { recursive: true })
    },
  }
})

test('at a start nobody is connected, and was there until the last activity', async () => {
  await withFile(async (file) => {
    const open = () => openStateStore({ file, keys: testKeys(1), random })
    const first = await open()
    await first.writeIdentity(device('a'), absent)
    await first.writeIdentity(device('b'), absent)
    const [since, lastActivity] = [timestampOf(5), timestampOf(9)]
    await first.writePresence([
      { deviceId: 'a', lastActivity, connection: { isConnected: true, since, generationId: 'g-a' } },
      { deviceId: 'b', lastActivity, connection: { isConnected: false, since, generationId: 'g-b' } },
    ])
    await first.close()
    const second = await open()
    assert.deepEqual(await second.readPresence([{ deviceId: 'a' }, { deviceId: 'b' }]), [
      { deviceId: 'a', isConnected: false, since: 9, lastActivity: 9 },
      { deviceId: 'b', isConnected: false, since: 5, lastActivity: 9 },
    ])
    await second.close()
  })
})

test('twins of a database of before get ETags, metadata and no properties that are null', async () => {
  await withFile(async (file) => {
    await makeFirstRelease(file, 1_203)
    const store = await openStateStore({ file, keys: testKeys(1), random })
    const twins = await Promise.all(['d0', 'd1', 'd1202'].map((deviceId) => store.readTwin({ deviceId })))
    const $lastUpdated = '1970-01-01T00:00:00.900Z'
    assert.deepEqual(
      twins.map((twin) => twin?.desired),
      [
        { properties: '{}', metadata: JSON.stringify({ $lastUpdated }), version: 1 },
        {
          properties: '{"on":true,"a":{"b":1}}',
          metadata: JSON.stringify({
            $lastUpdated,
            $lastUpdatedVersion: 4,
            on: { $lastUpdated, $lastUpdatedVersion: 4 },
            a: { $lastUpdated, $lastUpdatedVersion: 4, b: { $lastUpdated, $lastUpdatedVersion: 4 } },
          }),
          version: 4,
        },
        { properties: '{}', metadata: JSON.stringify({ $lastUpdated }), version: 1 },
      ],
    )
    assert.equal(twins[1]?.tags, '{"site":"x"}')
    assert.equal(new Set(twins.map((twin) => twin?.etag)).size, 3)
    const outcome = await store.changeTwin({ deviceId: 'd1' }, { desired: merge({ on: null }) }, stampAt(5))
    assert.ok(outcome.kind === 'changed')
    assert.deepEqual([outcome.twin.desired.properties, outcome.twin.desired.version], ['{"a":{"b":1}}', 5])
    await store.close()
  })
})

/** A database of the first release with `devices` devices, of which `d1` has a twin from its enrolment. */
async function makeFirstRelease(file: string, devices: number): Promise<void> {
  const database = new DatabaseSync(file)
  const db = new Kysely<unknown>({ dialect: new NodeSqliteDialect({ database, file, remedy: '' }) })
  const first = MIGRATIONS['0001-first']
  assert.ok(first !== undefined)
  const { error } = await new Migrator({
    db,
    provider: { getMigrations: async () => ({ '0001-first': first }) },
  }).migrateToLatest()
  assert.equal(error, undefined)
  database.exec('BEGIN')
  const identity = database.prepare(
    `INSERT INTO identity (device_id, module_id, generation_id, etag, status, status_updated_time, created_time,
      authentication, iot_edge) VALUES (?, '', 'g', 'e', 'enabled', 900, 900, 'none', 0)`,
  )
  const twin = database.prepare(`INSERT INTO twin VALUES (?, '', ?, ?, ?, '{}', ?, '{}', '{}', 1)`)
  for (let at = 0; at < devices; at += 1) {
    identity.run(`d${at}`)
    if (at === 1) twin.run('d1', 4, '{"site":"x"}', '{"on":true,"no":null,"a":{"b":1}}', 4)
    else twin.run(`d${at}`, 1, '{}', '{}', 1)
  }
  database.exec('COMMIT')
  database.close()
}

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
