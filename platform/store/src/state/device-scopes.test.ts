import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { edgeScope } from '@holdfast/identity'
import { Kysely } from 'kysely'
import { Migrator } from 'kysely/migration'
import { device } from './contract.ts'
import { NodeSqliteDialect } from './dialect.ts'
import { MIGRATIONS } from './migrations.ts'
import { openStateStore } from './state-store.ts'
import { random, testKeys, withFile } from './testing.ts'

/** A database of the first release: edge devices, devices, and a module of each. */
async function makeFirstRelease(file: string): Promise<void> {
  const database = new DatabaseSync(file)
  const db = new Kysely<unknown>({ dialect: new NodeSqliteDialect({ database, file, remedy: '' }) })
  const first = MIGRATIONS['0001-first']
  assert.ok(first !== undefined)
  const getMigrations = async () => ({ '0001-first': first })
  assert.equal((await new Migrator({ db, provider: { getMigrations } }).migrateToLatest()).error, undefined)
  const insert = database.prepare(
    `INSERT INTO identity (device_id, module_id, parent_module, generation_id, etag, status, status_updated_time,
      created_time, authentication, iot_edge) VALUES (?, ?, ?, ?, 'e', 'enabled', 900, 900, 'none', ?)`,
  )
  for (const [id, isEdge] of [
    ['edge-1', 1],
    ['edge-2', 1],
    ['plain', 0],
  ] as const) {
    insert.run(id, '', null, `g-${id}`, isEdge)
    insert.run(id, 'm', '', `g-${id}-m`, 0)
  }
  await db.destroy()
}

test('edge devices of the first release can be parents at once', async () => {
  await withFile(async (file) => {
    await makeFirstRelease(file)
    const store = await openStateStore({ file, keys: testKeys(1), random })
    for (const deviceId of ['edge-1', 'edge-2']) {
      const edge = await store.readIdentity({ deviceId })
      const parentScope = edge && edgeScope(edge)
      assert.ok(parentScope !== undefined)
      const leaf = device(`leaf-of-${deviceId}`, { parentScope })
      assert.equal(await store.writeIdentity(leaf, { kind: 'absent' }), 'written')
    }
    const parentScope = 'ms-azure-iot-edge://plain-g-plain'
    assert.equal(await store.writeIdentity(device('x', { parentScope }), { kind: 'absent' }), 'scope-missing')
    assert.equal((await store.listModules('edge-1')).length, 1)
    assert.equal(await store.deleteIdentity({ deviceId: 'edge-1' }, { kind: 'any' }), 'written')
    assert.equal((await store.readIdentity({ deviceId: 'leaf-of-edge-1' }))?.parentScope, undefined)
    assert.notEqual((await store.readIdentity({ deviceId: 'leaf-of-edge-2' }))?.parentScope, undefined)
    await store.close()
  })
})
