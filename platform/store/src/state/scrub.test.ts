import assert from 'node:assert/strict'
import { readFileSync, statSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { device } from './contract.ts'
import { openStateStore } from './state-store.ts'
import { random, testKeys, withFile } from './testing.ts'

/** The sealed keys of a device as they stand in the file. */
function sealedKeys(file: string, deviceId: string): readonly Buffer[] {
  const database = new DatabaseSync(file, { readOnly: true })
  const row = database.prepare('SELECT primary_key, secondary_key FROM identity WHERE device_id = ?').get(deviceId)
  database.close()
  return Object.values(row ?? {}).map((value) => {
    assert.ok(value instanceof Uint8Array)
    return Buffer.from(value)
  })
}

test('a value that was re-sealed leaves nothing of the old one', async () => {
  await withFile(async (file) => {
    let store = await openStateStore({ file, keys: testKeys(1), random })
    for (let index = 0; index < 50; index += 1) await store.writeIdentity(device(`d${index}`), { kind: 'absent' })
    await store.close()
    const secrets = sealedKeys(file, 'd7')
    assert.equal(secrets.length, 2)
    store = await openStateStore({ file, keys: testKeys(1, 2), random })
    while (!(await store.reseal()).isDone);
    await store.scrub()
    for (const path of [file, `${file}-wal`]) {
      for (const secret of secrets) assert.ok(!readFileSync(path).includes(secret))
    }
    await store.close()
  })
})

test('a value that was deleted is gone from every byte of file and log once scrubbed', async () => {
  await withFile(async (file) => {
    let store = await openStateStore({ file, keys: testKeys(1), random })
    await store.writeIdentity(device('gone'), { kind: 'absent' })
    await store.writeIdentity(device('stays'), { kind: 'absent' })
    await store.close()
    const gone = sealedKeys(file, 'gone')
    const stays = sealedKeys(file, 'stays')
    const holds = (secret: Buffer): boolean => [file, `${file}-wal`].some((path) => readFileSync(path).includes(secret))
    store = await openStateStore({ file, keys: testKeys(1), random })
    for (const secret of [...gone, ...stays]) assert.ok(holds(secret))
    await store.deleteIdentity({ deviceId: 'gone' }, { kind: 'any' })
    await store.scrub()
    for (const secret of gone) assert.ok(!holds(secret))
    for (const secret of stays) assert.ok(holds(secret))
    assert.equal(statSync(`${file}-wal`).size, 0)
    await store.close()
  })
})

test('every table that seals something is re-sealed after a rotation', async () => {
  await withFile(async (file) => {
    const store = await openStateStore({ file, keys: testKeys(1), random })
    await store.close()
    const database = new DatabaseSync(file, { readOnly: true })
    const tables = database
      .prepare(
        `SELECT m.name FROM sqlite_schema m, pragma_table_info(m.name) c WHERE m.type = 'table' AND c.name = 'seal_epoch'`,
      )
      .all()
      .map(({ name }) => String(name))
    database.close()
    const source = readFileSync(new URL('./reseal.ts', import.meta.url), 'utf8')
    // Else its keys would be destroyed while it needs them.
    for (const table of tables) assert.match(source, new RegExp(`^ {2}'${table}',$`, 'm'), table)
    assert.ok(tables.length >= 8)
  })
})
