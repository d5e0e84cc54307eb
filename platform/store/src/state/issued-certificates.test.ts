import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { timestampOf } from '@holdfast/base'
import type { IssuedCertificate } from '@holdfast/credentials'
import { Kysely } from 'kysely'
import { Migrator } from 'kysely/migration'
import { device } from './contract.ts'
import { NodeSqliteDialect } from './dialect.ts'
import { MIGRATIONS } from './migrations.ts'
import { openStateStore } from './state-store.ts'
import { random, testKeys, withFile, withStore } from './testing.ts'

const hex = (seed: string): string => Buffer.from(seed).toString('hex').toUpperCase().padEnd(64, '0')

function certificate(name: string, change: Partial<IssuedCertificate> = {}): IssuedCertificate {
  return {
    serialNumber: hex(name).slice(0, 32),
    sha256: hex(name),
    spkiSha256: hex(`key of ${name}`),
    key: { deviceId: 'd' },
    generationId: 'g',
    profile: 'device',
    issuerSha256: hex('issuer'),
    notBefore: timestampOf(1_000),
    notAfter: timestampOf(10_000),
    renewalTime: timestampOf(7_000),
    issuedTime: timestampOf(1_300),
    state: 'current',
    stateTime: timestampOf(1_300),
    replacesKeys: false,
    certificate: Uint8Array.of(1, 2, 3),
    ...change,
  }
}

const shas = (records: readonly IssuedCertificate[]): readonly string[] =>
  records.map(({ sha256 }) => Buffer.from(sha256, 'hex').toString().replaceAll('\0', ''))

test('a record is read back by digest, by serial number, by key and by identity, newest first', async () => {
  await withStore(async (store) => {
    const first = certificate('a')
    const second = certificate('b', {
      key: { deviceId: 'd', moduleId: 'm' },
      state: 'revoked',
      reason: 'keyCompromise',
      seenTime: timestampOf(2_000),
      replacesKeys: true,
      issuedTime: timestampOf(1_400),
    })
    for (const insert of [first, second]) assert.equal(await store.changeIssued({ insert, moves: [] }), true)
    assert.deepEqual(await store.readIssued(first.sha256), first)
    assert.deepEqual(await store.readIssuedBySerial(second.serialNumber), second)
    assert.equal(await store.readIssued(hex('c')), undefined)
    assert.deepEqual(await store.listIssuedByKey(first.spkiSha256, 10), [first])
    assert.deepEqual(shas(await store.listIssuedOf({ deviceId: 'd' }, { limit: 10 })), ['a'])
    assert.deepEqual(shas(await store.listIssuedOf({ deviceId: 'd' }, { limit: 10, modules: true })), ['b', 'a'])
  })
})

test('a change is done whole, or not at all where a record is not in the state it asks for', async () => {
  await withStore(async (store) => {
    const old = certificate('a')
    const next = certificate('b', { state: 'next', issuedTime: timestampOf(1_400) })
    for (const insert of [old, next]) await store.changeIssued({ insert, moves: [] })
    const at = timestampOf(5_000)
    const retire = { sha256: old.sha256, from: 'current', to: 'retired', at } as const
    const wrong = { sha256: next.sha256, from: 'revoked', to: 'current', at } as const
    assert.equal(await store.changeIssued({ insert: certificate('c'), moves: [retire, wrong] }), false)
    assert.equal((await store.readIssued(old.sha256))?.state, 'current')
    assert.equal(await store.readIssued(hex('c')), undefined)
    const seen = { sha256: next.sha256, from: 'next', to: 'current', at, seenTime: at } as const
    assert.equal(await store.changeIssued({ moves: [retire, seen] }), true)
    assert.deepEqual(await store.readIssued(next.sha256), { ...next, state: 'current', stateTime: at, seenTime: at })
    const revoke = { sha256: next.sha256, from: 'current', to: 'revoked', at, reason: 'certificateHold' } as const
    assert.equal(await store.changeIssued({ moves: [revoke] }), true)
    assert.equal((await store.readIssued(next.sha256))?.reason, 'certificateHold')
    const release = { sha256: next.sha256, from: 'revoked', to: 'current', at } as const
    assert.equal(await store.changeIssued({ moves: [release] }), true)
    assert.equal((await store.readIssued(next.sha256))?.reason, undefined)
  })
})

test('live certificates are listed by their end, page by page', async () => {
  await withStore(async (store) => {
    for (const [name, notAfter, state] of [
      ['a', 9_000, 'current'],
      ['b', 8_000, 'next'],
      ['c', 8_000, 'current'],
      ['d', 8_500, 'retired'],
      ['e', 12_000, 'current'],
    ] as const) {
      const insert = certificate(name, { notAfter: timestampOf(notAfter), state, key: { deviceId: name } })
      await store.changeIssued({ insert, moves: [] })
    }
    const span = { from: timestampOf(8_000), to: timestampOf(12_000) }
    const first = await store.listIssuedByEnd({ ...span, limit: 2 })
    assert.deepEqual(shas(first), ['b', 'c'])
    const last = first.at(-1)
    assert.ok(last !== undefined)
    const after = { time: last.notAfter, sha256: last.sha256 }
    assert.deepEqual(shas(await store.listIssuedByEnd({ ...span, after, limit: 2 })), ['a'])
    assert.deepEqual(await store.countIssuedByIssuer(), [{ issuerSha256: hex('issuer'), live: 4 }])
  })
})

test('due for renewal is what is current, past its time, and without a successor', async () => {
  await withStore(async (store) => {
    await store.changeIssued({ insert: certificate('a'), moves: [] })
    await store.changeIssued({ insert: certificate('b', { key: { deviceId: 'e' } }), moves: [] })
    await store.changeIssued({ insert: certificate('c', { key: { deviceId: 'e' }, state: 'next' }), moves: [] })
    assert.deepEqual(shas(await store.listIssuedDue({ now: timestampOf(6_999), limit: 9 })), [])
    const due = await store.listIssuedDue({ now: timestampOf(7_000), limit: 9 })
    assert.deepEqual(shas(due), ['a'])
    const after = { time: timestampOf(7_000), sha256: hex('a') }
    assert.deepEqual(await store.listIssuedDue({ now: timestampOf(7_000), after, limit: 9 }), [])
  })
})

test('what is revoked is known until it ends, also past the bound of records and past its identity', async () => {
  await withStore(async (store) => {
    await store.writeIdentity(device('d'), { kind: 'absent' })
    const revoked = certificate('gone', { state: 'revoked', reason: 'unspecified', issuedTime: timestampOf(1) })
    await store.changeIssued({ insert: revoked, moves: [] })
    for (let n = 0; n < 8; n += 1) {
      const insert = certificate(`r${n}`, { state: 'retired', issuedTime: timestampOf(2_000 + n) })
      await store.changeIssued({ insert, moves: [], keep: { key: { deviceId: 'd' }, recordsMax: 5 } })
    }
    await store.deleteIdentity({ deviceId: 'd' }, { kind: 'any' })
    assert.deepEqual(shas(await store.listIssuedOf({ deviceId: 'd' }, { limit: 50 })), ['r7', 'r6', 'r5', 'gone'])
    const page = { limit: 5, now: timestampOf(9_999) }
    assert.deepEqual(shas(await store.listIssuedRevoked(page)), ['gone'])
    assert.deepEqual(await store.listIssuedRevoked({ ...page, now: timestampOf(10_000) }), [])
    assert.equal(await store.deleteIssuedBefore(timestampOf(10_000), 500), 0)
    assert.equal(await store.deleteIssuedBefore(timestampOf(10_001), 3), 3)
  })
})

test('the choice of a profile is kept for an identity that is there, and goes with it', async () => {
  await withStore(async (store) => {
    const key = { deviceId: 'd' }
    await store.writeCertificateProfile(key, 'gateway')
    assert.equal(await store.readCertificateProfile(key), undefined)
    await store.writeIdentity(device('d'), { kind: 'absent' })
    await store.writeCertificateProfile(key, 'gateway')
    await store.writeCertificateProfile(key, 'edge')
    assert.equal(await store.readCertificateProfile(key), 'edge')
    await store.writeCertificateProfile(key, undefined)
    assert.equal(await store.readCertificateProfile(key), undefined)
    await store.writeCertificateProfile(key, 'edge')
    await store.deleteIdentity(key, { kind: 'any' })
    await store.writeIdentity(device('d'), { kind: 'absent' })
    assert.equal(await store.readCertificateProfile(key), undefined)
  })
})

test('a database of the first release has what it had, and takes certificates', async () => {
  await withFile(async (file) => {
    const database = new DatabaseSync(file)
    const old = new Kysely<unknown>({ dialect: new NodeSqliteDialect({ database, file, remedy: '' }) })
    const first = MIGRATIONS['0001-first']
    assert.ok(first !== undefined)
    const getMigrations = async () => ({ '0001-first': first })
    assert.equal((await new Migrator({ db: old, provider: { getMigrations } }).migrateToLatest()).error, undefined)
    database.exec(`INSERT INTO enrollment (scope, id, attestation, primary_certificate, status, etag, created_time,
      updated_time, iot_edge, update_hub_assignment, migrate_device_data, allocation)
      VALUES ('group', 'line-1', 'x509', x'30', 'enabled', 'e', 1, 1, 0, 1, 1, 'hashed')`)
    await old.destroy()
    const store = await openStateStore({ file, keys: testKeys(1), random })
    try {
      const enrolment = await store.readEnrollment('group', 'line-1')
      assert.equal(enrolment?.id, 'line-1')
      assert.equal(await store.changeIssued({ insert: certificate('a'), moves: [] }), true)
    } finally {
      await store.close()
    }
  })
})
