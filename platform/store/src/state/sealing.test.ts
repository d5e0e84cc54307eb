import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import type { Identity } from '@holdfast/identity'
import { StoreDamagedError } from '../damaged.ts'
import { device, group } from './contract.ts'
import { openStateStore, type StateStore } from './state-store.ts'
import { random, testKeys, withFile, withStore } from './testing.ts'
import { ValueSealer } from './value-sealer.ts'

const absent = { kind: 'absent' } as const

function keysOf(...identities: readonly (Identity | undefined)[]): readonly string[] {
  return identities.flatMap((identity) =>
    identity?.authentication.kind === 'sas'
      ? [identity.authentication.primaryKey, identity.authentication.secondaryKey]
      : [],
  )
}

test('no key of a device, an enrolment or a policy stands readable in the file or its log', async () => {
  await withStore(async (store, file) => {
    const one = device('d')
    const secrets = [...keysOf(one)]
    await store.writeIdentity(one, absent)
    const enrolment = group('g')
    assert.ok(enrolment.attestation.kind === 'symmetricKey')
    secrets.push(enrolment.attestation.primaryKey, enrolment.attestation.secondaryKey)
    await store.writeEnrollment(enrolment, absent)
    await store.writePolicy({ name: 'p', primaryKey: 'PRIMARY-SECRET', secondaryKey: 'SECOND-SECRET', rights: [] })
    secrets.push('PRIMARY-SECRET', 'SECOND-SECRET')
    for (const path of [file, `${file}-wal`]) {
      const content = existsSync(path) ? await readFile(path) : Buffer.alloc(0)
      for (const secret of secrets) {
        assert.ok(!content.includes(secret))
        assert.ok(!content.includes(Buffer.from(secret, 'base64')))
      }
    }
  })
})

/** Changes the file by hand, then says what reading comes to. */
async function tampered(sql: string, read: (store: StateStore) => Promise<unknown>): Promise<void> {
  await withFile(async (file) => {
    const store = await openStateStore({ file, keys: testKeys(1, 2), random })
    await store.writeIdentity(device('a'), absent)
    await store.writeIdentity(device('b'), absent)
    await store.writePolicy({ name: 'weak', primaryKey: 'x', secondaryKey: 'y', rights: ['ServiceConnect'] })
    await store.close()
    const database = new DatabaseSync(file)
    database.exec(sql)
    database.close()
    const again = await openStateStore({ file, keys: testKeys(1, 2), random })
    await assert.rejects(read(again), (error) => {
      assert.ok(error instanceof StoreDamagedError, String(error))
      assert.match(error.message, /state\.db: \w+_key of (identity|policy) "(a|weak)" does not open/)
      return true
    })
    assert.notEqual(await again.readIdentity({ deviceId: 'b' }), undefined, 'others are not touched')
    await again.close()
  })
}

test('a sealed value that was moved, swapped, cut or changed does not open', async () => {
  const read = async (store: StateStore): Promise<unknown> => store.readIdentity({ deviceId: 'a' })
  await tampered(
    `UPDATE identity SET primary_key = (SELECT primary_key FROM identity WHERE device_id = 'b') WHERE device_id = 'a'`,
    read,
  )
  await tampered(`UPDATE identity SET primary_key = secondary_key WHERE device_id = 'a'`, read)
  await tampered(`UPDATE identity SET seal_epoch = 1 WHERE device_id = 'a'`, read)
  await tampered(`UPDATE identity SET secondary_key = x'' WHERE device_id = 'a'`, read)
  await tampered(`UPDATE identity SET secondary_key = substr(secondary_key, 1, 40) WHERE device_id = 'a'`, read)
  await tampered(
    `UPDATE identity SET primary_key = CAST(x'02' || substr(primary_key, 2) AS BLOB) WHERE device_id = 'a'`,
    read,
  )
})

test('rights of a policy cannot be widened in the file', async () => {
  await tampered(`UPDATE policy SET rights = '["RegistryWrite"]'`, async (store) => store.listPolicies())
})

test('after a rotation old values open, new ones are sealed with the new key', async () => {
  await withStore(async (store) => {
    const old = device('old')
    const fresh = device('fresh')
    await store.writeIdentity(old, absent)
    await store.replaceKeys(testKeys(1, 5))
    await store.writeIdentity(fresh, absent)
    assert.deepEqual(await store.readIdentity(old), old)
    assert.deepEqual(await store.readIdentity(fresh), fresh)
    assert.deepEqual(await store.sealEpochs(), [1, 5])
  })
})

test('re-sealing may stop anywhere and goes on; then the old key is not needed any more', async () => {
  await withFile(async (file) => {
    const identities = Array.from({ length: 1_200 }, (_, i) => device(`d${i}`))
    let store = await openStateStore({ file, keys: testKeys(1), random })
    await Promise.all(identities.map(async (identity) => store.writeIdentity(identity, absent)))
    await store.writePolicy({ name: 'p', primaryKey: 'x', secondaryKey: 'y', rights: ['ServiceConnect'] })
    await store.writeEnrollment(group('g'), absent)
    let rows = 0
    let steps = 0
    for (let isDone = false; !isDone; steps += 1) {
      // A restart between any two steps, and a write in the middle of each.
      await store.close()
      store = await openStateStore({ file, keys: testKeys(1, 2), random })
      const [outcome] = await Promise.all([
        store.reseal(),
        store.writeIdentity(device(`during${steps}`), { kind: 'any' }),
      ])
      assert.ok(outcome.rows <= 500)
      rows += outcome.rows
      isDone = outcome.isDone
    }
    assert.equal(rows, 1_202)
    assert.deepEqual(await store.sealEpochs(), [2])
    await store.close()
    store = await openStateStore({ file, keys: testKeys(2), random })
    for (const identity of identities.slice(0, 50)) assert.deepEqual(await store.readIdentity(identity), identity)
    assert.equal((await store.listPolicies())[0]?.primaryKey, 'x')
    await store.close()
  })
})

test('a value that cannot be re-sealed is named', async () => {
  await withFile(async (file) => {
    const store = await openStateStore({ file, keys: testKeys(1), random })
    await store.writeIdentity(device('broken'), absent)
    await store.close()
    const database = new DatabaseSync(file)
    database.exec('UPDATE identity SET primary_key = secondary_key')
    database.close()
    const again = await openStateStore({ file, keys: testKeys(1, 2), random })
    await assert.rejects(again.reseal(), /"broken" does not open/)
    await again.close()
  })
})

test('equal values are sealed to different bytes, and any text survives', () => {
  const sealer = new ValueSealer('state.db', testKeys(3), random)
  const place = { table: 't', row: ['r'], column: 'c' }
  for (const text of ['', 'key', '\u0000ü–🔑', 'x'.repeat(10_000)]) {
    const one = sealer.seal(text, place)
    assert.notDeepEqual(one, sealer.seal(text, place))
    assert.equal(sealer.open(one, 3, place), text)
    for (const other of [
      { ...place, table: 'u' },
      { ...place, column: 'd' },
      { ...place, row: ['r', ''] },
      { ...place, row: ['s'] },
    ]) {
      assert.throws(() => sealer.open(one, 3, other), StoreDamagedError)
    }
  }
  assert.throws(() => new ValueSealer('state.db', { current: 9, keys: [] }, random), TypeError)
})
