import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { type AttestationRecord, DEFAULT_POLICY } from '@holdfast/attestation'
import { timestampOf } from '@holdfast/base'
import { Kysely } from 'kysely'
import { Migrator } from 'kysely/migration'
import { device } from './contract.ts'
import { NodeSqliteDialect } from './dialect.ts'
import { MIGRATIONS } from './migrations.ts'
import { openStateStore } from './state-store.ts'
import { random, testKeys, withFile, withStore } from './testing.ts'

const AT = timestampOf(1_700_000_000_000)

function record(deviceId: string, generationId: string, change: Partial<AttestationRecord> = {}): AttestationRecord {
  return {
    deviceId,
    generationId,
    endorsementKey: Uint8Array.of(1, 2, 3),
    endorsementName: `000b${deviceId}`,
    attestationKey: Uint8Array.of(4, 5),
    attestationName: '000bff',
    certifiedTime: AT,
    ...change,
  }
}

const FULL: Partial<AttestationRecord> = {
  manufacturer: 'ACME TPM 7',
  state: { resetCount: 7, restartCount: 1, clock: 2n ** 63n + 5n, isSafe: false, firmwareVersion: 2n ** 64n - 1n },
  verdict: {
    kind: 'failed',
    at: AT,
    reasons: [{ code: 'event-different', pcr: 4, event: 9, eventType: 'EV_IPL', expected: ['ab'], found: 'cd' }],
    reasonsOmitted: 3,
    reference: { name: 'values', serial: 2 },
  },
}

test('a record is read back as it was written, counts of 64 bits to the last', async () => {
  await withStore(async (store) => {
    await store.writeIdentity(device('d'), { kind: 'absent' })
    const { generationId } = device('d')
    assert.equal(await store.readAttestation('d'), undefined)
    const bare = record('d', generationId)
    assert.equal(await store.writeAttestation(bare), 'written')
    assert.deepEqual(await store.readAttestation('d'), bare)
    const full = record('d', generationId, FULL)
    assert.equal(await store.writeAttestation(full), 'written')
    assert.deepEqual(await store.readAttestation('d'), full)
    assert.deepEqual(await store.listStandings({ limit: 10 }), [
      {
        deviceId: 'd',
        generationId,
        verdict: { kind: 'failed', at: AT, reference: 'values', reason: 'event-different' },
      },
    ])
    assert.equal(await store.deleteAttestation('d'), true)
    assert.equal(await store.deleteAttestation('d'), false)
  })
})

test('a record is of an identity that is there, of that generation, and goes with it', async () => {
  await withStore(async (store) => {
    const { generationId } = device('d')
    assert.equal(await store.writeAttestation(record('d', generationId)), 'device-missing')
    await store.writeIdentity(device('d'), { kind: 'absent' })
    assert.equal(await store.writeAttestation(record('d', 'another')), 'device-missing')
    assert.equal(await store.writeAttestation(record('d', generationId)), 'written')
    assert.equal(await store.writeAttestationPolicy('d', DEFAULT_POLICY), 'written')
    await store.deleteIdentity({ deviceId: 'd' }, { kind: 'any' })
    assert.equal(await store.readAttestation('d'), undefined)
    assert.deepEqual(await store.listAttestationPolicies(), [])
  })
})

test('one endorsement key is of one device', async () => {
  await withStore(async (store) => {
    for (const id of ['a', 'b']) await store.writeIdentity(device(id), { kind: 'absent' })
    const same = (id: string): AttestationRecord => record(id, device(id).generationId, { endorsementName: '000bff' })
    assert.equal(await store.writeAttestation(same('a')), 'written')
    assert.equal(await store.writeAttestation(same('b')), 'endorsement-key-taken')
    await store.deleteAttestation('a')
    assert.equal(await store.writeAttestation(same('b')), 'written')
  })
})

test('standings come in pages', async () => {
  await withStore(async (store) => {
    for (const id of ['a', 'b', 'c']) {
      await store.writeIdentity(device(id), { kind: 'absent' })
      await store.writeAttestation(record(id, device(id).generationId))
    }
    const ids = async (page: { limit: number; after?: string }) =>
      (await store.listStandings(page)).map(({ deviceId }) => deviceId)
    assert.deepEqual(await ids({ limit: 2 }), ['a', 'b'])
    assert.deepEqual(await ids({ limit: 2, after: 'b' }), ['c'])
  })
})

test('signers, what they signed, and policies are kept; a signer goes with all that it signed', async () => {
  await withFile(async (file) => {
    const open = () => openStateStore({ file, keys: testKeys(1), random })
    const store = await open()
    const signer = { name: 'release', publicKey: 'PEM', addedTime: AT }
    const document = Uint8Array.of(1, 2)
    const values = { name: 'v', signer: 'release', document, signature: Uint8Array.of(9), addedTime: AT }
    await store.writeReferenceSigner(signer)
    await store.writeReferenceValues(values)
    await store.writeReferenceValues({ ...values, document: Uint8Array.of(3) })
    assert.equal(await store.writeAttestationPolicy(undefined, DEFAULT_POLICY), 'written')
    assert.equal(await store.writeAttestationPolicy('nobody', DEFAULT_POLICY), 'device-missing')
    await store.close()
    const again = await open()
    assert.deepEqual(await again.listReferenceSigners(), [signer])
    assert.deepEqual(await again.listReferenceValues(), [{ ...values, document: Uint8Array.of(3) }])
    assert.deepEqual(await again.listAttestationPolicies(), [{ deviceId: undefined, policy: DEFAULT_POLICY }])
    await assert.rejects(again.writeReferenceValues({ ...values, name: 'w', signer: 'nobody' }))
    await again.deleteReferenceValues('nothing')
    await again.deleteReferenceSigner('release')
    assert.deepEqual(await again.listReferenceValues(), [])
    assert.equal(await again.writeAttestationPolicy(undefined, undefined), 'written')
    assert.deepEqual(await again.listAttestationPolicies(), [])
    await again.close()
  })
})

test('the database of the last release is upgraded with its devices', async () => {
  await withFile(async (file) => {
    const database = new DatabaseSync(file, { enableForeignKeyConstraints: true })
    const db = new Kysely<unknown>({ dialect: new NodeSqliteDialect({ database, file, remedy: '' }) })
    const released = Object.fromEntries(Object.entries(MIGRATIONS).filter(([name]) => name <= '0006-uploads'))
    const { error } = await new Migrator({ db, provider: { getMigrations: async () => released } }).migrateToLatest()
    assert.equal(error, undefined)
    database.exec(
      `INSERT INTO identity (device_id, module_id, generation_id, etag, status, status_updated_time, created_time,
         authentication, iot_edge) VALUES ('old', '', 'g', 'e', 'enabled', 1, 1, 'none', 0)`,
    )
    await db.destroy()
    if (database.isOpen) database.close()
    const store = await openStateStore({ file, keys: testKeys(1), random })
    assert.equal(await store.writeAttestation(record('old', 'g')), 'written')
    await store.close()
  })
})
