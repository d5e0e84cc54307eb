import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { parseQuery } from '@holdfast/iothub'
import { Kysely } from 'kysely'
import { Migrator } from 'kysely/migration'
import { NodeSqliteDialect } from '../dialect.ts'
import { MIGRATIONS } from '../migrations.ts'
import { openStateStore } from '../state-store.ts'
import { random, testKeys, withFile } from '../testing.ts'

test('the twins of a database of the first release are found by their tags at once, and those written later too', async () => {
  await withFile(async (file) => {
    const database = new DatabaseSync(file)
    const old = new Kysely<unknown>({ dialect: new NodeSqliteDialect({ database, file, remedy: '' }) })
    const first = MIGRATIONS['0001-first']
    assert.ok(first !== undefined)
    const getMigrations = async () => ({ '0001-first': first })
    assert.equal((await new Migrator({ db: old, provider: { getMigrations } }).migrateToLatest()).error, undefined)
    for (const [id, tags] of [
      ['a', { site: 'x', n: 1 }],
      ['b', { site: 'x', n: 2 }],
      ['c', {}],
    ] as const) {
      database
        .prepare(`INSERT INTO identity (device_id, module_id, generation_id, etag, status, status_updated_time, created_time,
          authentication, iot_edge) VALUES (?, '', 'g', 'e', 'enabled', 900, 900, 'none', 0)`)
        .run(id)
      database
        .prepare(`INSERT INTO twin (device_id, module_id, version, tags, desired, desired_metadata, desired_version, reported,
          reported_metadata, reported_version) VALUES (?, '', 3, ?, '{"k":[1]}', '{}', 2, '{}', '{}', 1)`)
        .run(id, JSON.stringify(tags))
    }
    await old.destroy()

    const store = await openStateStore({ file, keys: testKeys(1), random })
    const ids = async (where: string): Promise<readonly string[]> => {
      const text = `SELECT deviceId FROM devices WHERE ${where}`
      const outcome = await store.queryTwins({ query: parseQuery(text), text, limit: 100 })
      assert.ok(outcome.kind === 'page')
      return outcome.items.map((item) => (JSON.parse(item) as { deviceId: string }).deviceId)
    }
    assert.deepEqual(await ids("tags.site = 'x'"), ['a', 'b'])
    assert.deepEqual(await ids("tags.site = 'x' AND tags.n = 2"), ['b'])
    await store.writeTwin({ deviceId: 'c' }, { tags: '{"site":"x"}', desired: '{}' })
    await store.deleteIdentity({ deviceId: 'a' }, { kind: 'any' })
    assert.deepEqual(await ids("tags.site = 'x'"), ['b', 'c'])
    assert.deepEqual(await ids('is_array(properties.desired.k)'), ['b'])
    await store.close()
  })
})
