/** Revocation lists and the use of keys, on the real tables and from databases of before. */

import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { timestampOf } from '@holdfast/base'
import type { CustomerAuthority, StoredRevocationList } from '@holdfast/identity'
import { Kysely } from 'kysely'
import { Migrator } from 'kysely/migration'
import { device } from './contract.ts'
import { NodeSqliteDialect } from './dialect.ts'
import { MIGRATIONS } from './migrations.ts'
import { openStateStore } from './state-store.ts'
import { random, testKeys, withFile, withStore } from './testing.ts'

const absent = { kind: 'absent' } as const
const whatever = { kind: 'any' } as const
const at = timestampOf(7)

const plant: CustomerAuthority = {
  name: 'plant',
  certificate: new Uint8Array([1, 2, 3]),
  etag: 'e',
  createdTime: at,
  state: { kind: 'verified', at },
}

const list = (issuerKey: string, more: Partial<StoredRevocationList> = {}): StoredRevocationList => ({
  authority: 'plant',
  issuerKey,
  issuer: new Uint8Array([4]),
  whenStale: 'accept',
  list: new Uint8Array([5]),
  takenTime: at,
  ...more,
})

test('lists are read back in every form, replaced, and go with their authority', async () => {
  await withStore(async (store) => {
    assert.equal(await store.writeRevocationList(list('A')), 'missing', 'without its authority')
    await store.writeAuthority(plant, absent)
    const { list: _list, takenTime: _time, ...bare } = list('B', { url: 'http://ca.example', whenStale: 'refuse' })
    for (const one of [list('A'), bare]) assert.equal(await store.writeRevocationList(one), 'written')
    assert.deepEqual(await store.listRevocationLists(), [list('A'), bare])
    const next = list('A', { list: new Uint8Array([6, 7]), whenStale: 'refuse' })
    await store.writeRevocationList(next)
    // A change of the authority itself leaves its lists.
    await store.writeAuthority({ ...plant, etag: 'f' }, whatever)
    assert.deepEqual(await store.listRevocationLists(), [next, bare])
    assert.equal(await store.deleteRevocationList('plant', 'B'), 'written')
    assert.equal(await store.deleteRevocationList('plant', 'B'), 'missing')
    await store.deleteAuthority('plant')
    assert.deepEqual(await store.listRevocationLists(), [])
  })
})

test('who claims a key and is no identity holds it for a minute', async () => {
  await withStore(async (store) => {
    await store.writeIdentity(device('b'), absent)
    const claim = (deviceId: string, after: number) =>
      store.claimKey({ spkiSha256: 'K', key: { deviceId }, at: timestampOf(at + after) })
    assert.deepEqual(await claim('ghost', 0), { kind: 'new' })
    assert.deepEqual(await claim('b', 59_999), { kind: 'taken', holder: { deviceId: 'ghost' } })
    assert.deepEqual(await claim('b', 60_000), { kind: 'used-before', holder: { deviceId: 'ghost' } })
    assert.deepEqual(await claim('ghost', 200_000), { kind: 'taken', holder: { deviceId: 'b' } })
  })
})

test('a key belongs to the identity that claimed it, until that is deleted by whatever way', async () => {
  await withStore(async (store) => {
    for (const one of [device('a'), device('b'), device('a', { moduleId: 'm' })]) await store.writeIdentity(one, absent)
    const claim = (spkiSha256: string, deviceId: string, moduleId?: string) =>
      store.claimKey({ spkiSha256, key: moduleId === undefined ? { deviceId } : { deviceId, moduleId }, at })
    assert.deepEqual(await claim('K', 'a', 'm'), { kind: 'new' })
    assert.deepEqual(await claim('K', 'a', 'm'), { kind: 'own' })
    assert.deepEqual(await claim('K', 'a'), { kind: 'taken', holder: { deviceId: 'a', moduleId: 'm' } })
    assert.deepEqual(await claim('L', 'a'), { kind: 'new' })
    // The module goes with its device.
    await store.deleteIdentity({ deviceId: 'a' }, whatever)
    assert.deepEqual(await claim('K', 'b'), { kind: 'used-before', holder: { deviceId: 'a', moduleId: 'm' } })
    assert.deepEqual(await claim('K', 'b'), { kind: 'own' })
    await store.writeIdentity(device('a', { generationId: 'g2' }), absent)
    assert.deepEqual(await claim('K', 'a'), { kind: 'taken', holder: { deviceId: 'b' } })
    assert.deepEqual(
      await claim('L', 'a'),
      { kind: 'used-before', holder: { deviceId: 'a' } },
      'a new identity of the id',
    )
    // Changing an identity is not deleting it.
    await store.writeIdentity(device('b', { etag: 'e2', status: 'disabled' }), whatever)
    assert.deepEqual(await claim('K', 'b'), { kind: 'own' })
  })
})

test('of many claims of one key at once, one is first', async () => {
  await withStore(async (store) => {
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, index) => store.claimKey({ spkiSha256: 'K', key: { deviceId: `d${index}` }, at })),
    )
    assert.equal(outcomes.filter(({ kind }) => kind === 'new').length, 1)
    assert.equal(outcomes.filter(({ kind }) => kind === 'taken').length, 19)
  })
})

test('a database of the release before gets these tables, and its identities free their keys too', async () => {
  await withFile(async (file) => {
    const released = Object.entries(MIGRATIONS).filter(([name]) => name < '0007')
    const database = new DatabaseSync(file)
    const old = new Kysely<unknown>({ dialect: new NodeSqliteDialect({ database, file, remedy: '' }) })
    const getMigrations = async () => Object.fromEntries(released)
    assert.equal((await new Migrator({ db: old, provider: { getMigrations } }).migrateToLatest()).error, undefined)
    database.exec(`INSERT INTO identity (device_id, module_id, generation_id, etag, status, status_updated_time,
      created_time, authentication, iot_edge) VALUES ('a', '', 'g', 'e', 'enabled', 900, 900, 'none', 0)`)
    database.exec(
      `INSERT INTO authority (name, certificate, etag, created_time, verified_time) VALUES ('plant', x'01', 'e', 7, 7)`,
    )
    await old.destroy()
    const store = await openStateStore({ file, keys: testKeys(1), random })
    assert.equal(await store.writeRevocationList(list('A')), 'written')
    assert.deepEqual(await store.claimKey({ spkiSha256: 'K', key: { deviceId: 'a' }, at }), { kind: 'new' })
    await store.deleteIdentity({ deviceId: 'a' }, whatever)
    const next = await store.claimKey({ spkiSha256: 'K', key: { deviceId: 'b' }, at })
    assert.deepEqual(next, { kind: 'used-before', holder: { deviceId: 'a' } })
    await store.close()
  })
})
