import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import type { SecurityEvent } from '@holdfast/audit'
import { timestampOf } from '@holdfast/base'
import type { PeopleRecord } from '@holdfast/operators'
import { openStateStore, type StateStore } from './state-store.ts'
import { random, testKeys, withFile, withStore } from './testing.ts'

const alice: PeopleRecord = { kind: 'operator', id: 'a', document: '{"name":"alice-is-her-name"}' }
const key: PeopleRecord = { kind: 'passkey', id: 'k', document: '{"publicKey":"of alice"}' }

const sorted = async (store: StateStore): Promise<readonly PeopleRecord[]> =>
  [...(await store.people.listPeople()).records].sort((a, b) => (a.kind < b.kind ? -1 : 1))

test('records are written, written anew and removed together', async () => {
  await withStore(async (store) => {
    await store.people.changePeople({ put: [alice, key], remove: [] })
    const other = { ...alice, document: '{"name":"bob"}' }
    await store.people.changePeople({ put: [other], remove: [{ kind: 'passkey', id: 'k' }] })
    assert.deepEqual(await sorted(store), [other])
  })
})

test('the events of a change are told once it is on disk, and not otherwise', async () => {
  const told: string[] = []
  await withFile(async (file) => {
    const heard = (events: readonly SecurityEvent[]): void => void told.push(...events.map(({ type }) => type))
    const store = await openStateStore({ file, keys: testKeys(1), random, told: heard })
    const because = { type: 'operator.removed', at: timestampOf(0), subject: 's', actor: 'a', detail: {} } as const
    await store.people.changePeople({ put: [alice], remove: [] }, because)
    assert.deepEqual(told, ['operator.removed'])
    const unknown = { ...alice, kind: 'nothing' as 'operator' }
    await assert.rejects(store.people.changePeople({ put: [key, unknown], remove: [] }, because))
    assert.deepEqual(told, ['operator.removed'])
    assert.deepEqual(await sorted(store), [alice], 'nothing of a change that failed is there')
    await store.close()
  })
})

test('nothing of a person stands readable in the file', async () => {
  await withStore(async (store, file) => {
    await store.people.changePeople({ put: [alice], remove: [] })
    for (const path of [file, `${file}-wal`]) {
      const content = existsSync(path) ? await readFile(path) : Buffer.alloc(0)
      assert.ok(!content.includes('alice-is-her-name'))
    }
  })
})

test('whoever writes the file by hand makes no operator: what was swapped or changed is left out, by name', async () => {
  for (const sql of [
    `UPDATE people_record SET document = (SELECT document FROM people_record WHERE id = 'k2') WHERE id = 'k'`,
    `UPDATE people_record SET document = zeroblob(40) WHERE id = 'k'`,
    `UPDATE people_record SET seal_epoch = 2 WHERE id = 'k'`,
  ]) {
    await withFile(async (file) => {
      const store = await openStateStore({ file, keys: testKeys(1, 2), random })
      await store.people.changePeople({ put: [alice, key, { ...key, id: 'k2' }], remove: [] })
      await store.close()
      const database = new DatabaseSync(file)
      database.exec(sql.replace('seal_epoch = 2', 'seal_epoch = 1'))
      database.close()
      const again = await openStateStore({ file, keys: testKeys(1, 2), random })
      const { records, damaged } = await again.people.listPeople()
      assert.deepEqual(damaged, [{ kind: 'passkey', id: 'k' }], sql)
      assert.equal(records.length, 2)
      await again.close()
    })
  }
})

test('records move to a new key', async () => {
  await withFile(async (file) => {
    const store = await openStateStore({ file, keys: testKeys(1), random })
    await store.people.changePeople({ put: [alice, key], remove: [] })
    await store.replaceKeys(testKeys(1, 2))
    while (!(await store.reseal()).isDone);
    assert.deepEqual(await store.sealEpochs(), [2])
    await store.replaceKeys(testKeys(2))
    assert.deepEqual(await sorted(store), [alice, key])
    await store.close()
  })
})
