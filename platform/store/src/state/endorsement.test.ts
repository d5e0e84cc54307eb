import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { timestampOf } from '@holdfast/base'
import type { Enrollment } from '@holdfast/provisioning'
import { Kysely } from 'kysely'
import { Migrator } from 'kysely/migration'
import { group } from './contract.ts'
import { NodeSqliteDialect } from './dialect.ts'
import { MIGRATIONS } from './migrations.ts'
import { openStateStore } from './state-store.ts'
import { random, testKeys, withFile, withStore } from './testing.ts'

/** The steps of the last release. */
const RELEASED = ['0001-first', '0002-twins', '0003-tag-index', '0004-commands', '0005-device-scopes', '0006-uploads']

const tpm: Enrollment = group('tpm', {
  scope: 'individual',
  attestation: { kind: 'tpm', endorsementKey: Uint8Array.of(1, 2), requireEndorsementCertificate: true },
})

test('enrolments of the last release stay as they are, and those by TPM join them', async () => {
  await withFile(async (file) => {
    const database = new DatabaseSync(file)
    const old = new Kysely<unknown>({ dialect: new NodeSqliteDialect({ database, file, remedy: '' }) })
    const steps = Object.fromEntries(Object.entries(MIGRATIONS).filter(([name]) => RELEASED.includes(name)))
    assert.equal(Object.keys(steps).length, RELEASED.length)
    const getMigrations = async (): Promise<typeof steps> => steps
    assert.equal((await new Migrator({ db: old, provider: { getMigrations } }).migrateToLatest()).error, undefined)
    database.exec(`INSERT INTO enrollment (scope, id, attestation, primary_certificate, secondary_certificate, status, etag,
      created_time, updated_time, device_id, iot_edge, update_hub_assignment, migrate_device_data, allocation,
      initial_tags, initial_desired, device_information)
      VALUES ('individual', 'pump', 'x509', x'30', x'31', 'disabled', 'e', 1, 2, 'd', 1, 0, 1, 'static', '{"a":1}', '{}', '{"b":2}')`)
    await old.destroy()
    const store = await openStateStore({ file, keys: testKeys(1), random })
    try {
      assert.deepEqual(await store.readEnrollment('individual', 'pump'), {
        id: 'pump',
        scope: 'individual',
        attestation: { kind: 'x509', primary: Uint8Array.of(0x30), secondary: Uint8Array.of(0x31) },
        status: 'disabled',
        etag: 'e',
        createdTime: 1,
        updatedTime: 2,
        deviceId: 'd',
        iotEdge: true,
        reprovision: { updateHubAssignment: false, migrateDeviceData: true },
        allocation: 'static',
        initialTwin: { tags: '{"a":1}', desired: '{}' },
        deviceInformation: '{"b":2}',
      })
      assert.equal(await store.writeEnrollment(tpm, { kind: 'absent' }), 'written')
      assert.deepEqual(await store.readEnrollment('individual', 'tpm'), tpm)
    } finally {
      await store.close()
    }
  })
})

test('a group by TPM is none', async () => {
  await withStore(async (store) => {
    await assert.rejects(store.writeEnrollment({ ...tpm, scope: 'group' }, { kind: 'absent' }))
  })
})

test('roots of manufacturers are kept by name, and deleted', async () => {
  await withStore(async (store) => {
    const root = { name: 'b', certificate: Uint8Array.of(1), addedTime: timestampOf(1) }
    await store.writeEndorsementRoot(root)
    await store.writeEndorsementRoot({ ...root, name: 'a' })
    await store.writeEndorsementRoot({ ...root, certificate: Uint8Array.of(2) })
    assert.deepEqual(await store.listEndorsementRoots(), [
      { ...root, name: 'a' },
      { ...root, certificate: Uint8Array.of(2) },
    ])
    await store.deleteEndorsementRoot('b')
    assert.deepEqual(
      (await store.listEndorsementRoots()).map(({ name }) => name),
      ['a'],
    )
  })
})
