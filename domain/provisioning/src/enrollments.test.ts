import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { DpsError, type RegistrationId, parseRegistrationId, readEnrollment } from '@holdfast/dps'
import { createHierarchy } from '@holdfast/pki/testing'
import { deriveDeviceKey } from '@holdfast/tokens'
import { ENROLLMENT_GROUPS_MAX } from './limits.ts'
import { testWorld } from './testing/index.ts'

const KEY = Buffer.alloc(32, 1).toString('base64')
const SYMMETRIC = { type: 'symmetricKey', symmetricKey: { primaryKey: KEY, secondaryKey: KEY } }

function idOf(text: string): RegistrationId {
  const id = parseRegistrationId(text)
  assert.ok(id)
  return id
}

function hasCode(code: string): (error: unknown) => boolean {
  return (error) => error instanceof DpsError && error.code === code
}

describe('enrolments', () => {
  test('keys that are left out are made, 64 bytes each, and stay through an update', async () => {
    const world = testWorld()
    await world.enroll('individual', { registrationId: 'a', attestation: { type: 'symmetricKey' } })
    const made = world.store.enrollments.get('individual a')?.attestation
    assert.ok(made?.kind === 'symmetricKey' && made.primaryKey !== made.secondaryKey)
    assert.equal(Buffer.from(made.primaryKey, 'base64').length, 64)
    const attestation = { type: 'symmetricKey', symmetricKey: { primaryKey: KEY, secondaryKey: '' } }
    await world.enroll('individual', { registrationId: 'a', attestation })
    const kept = world.store.enrollments.get('individual a')?.attestation
    assert.deepEqual(kept, { ...made, primaryKey: KEY })
  })

  test('a certificate that is to stay needs one on record', async () => {
    const world = testWorld()
    const certificates = { primary: { info: {} } }
    const attestation = { type: 'x509', x509: { clientCertificates: certificates } }
    await assert.rejects(world.enroll('individual', { registrationId: 'a', attestation }), hasCode('bad-request'))
    await world.enroll('individual', { registrationId: 'a', attestation: SYMMETRIC })
    await assert.rejects(world.enroll('individual', { registrationId: 'a', attestation }), hasCode('bad-request'))
  })

  test('the signing certificate of a group is of an authority, or no device could come in by it', async () => {
    const world = testWorld()
    const { issuing, device } = await createHierarchy('pump-1')
    const signedBy = (der: Uint8Array): object => ({
      enrollmentGroupId: 'g',
      attestation: {
        type: 'x509',
        x509: { signingCertificates: { primary: { certificate: Buffer.from(der).toString('base64') } } },
      },
    })
    await assert.rejects(world.enroll('group', signedBy(device.certificate.der)), hasCode('bad-request'))
    await world.enroll('group', signedBy(issuing.certificate.der))
  })

  test('of writes at once, each replaces what it read: none brings back a key that another took away', async () => {
    const world = testWorld()
    await world.enroll('individual', { registrationId: 'a', attestation: SYMMETRIC })
    const primaryKey = Buffer.alloc(32, 2).toString('base64')
    await Promise.all([
      world.enroll('individual', {
        registrationId: 'a',
        attestation: { type: 'symmetricKey', symmetricKey: { primaryKey } },
      }),
      world.enroll('individual', {
        registrationId: 'a',
        attestation: { type: 'symmetricKey' },
        provisioningStatus: 'disabled',
      }),
    ])
    const { attestation } = world.store.enrollments.get('individual a') ?? {}
    assert.ok(attestation?.kind === 'symmetricKey' && attestation.primaryKey === primaryKey)
  })

  test('one of two that create the same wins', async () => {
    const world = testWorld()
    const input = readEnrollment({ registrationId: 'a', attestation: SYMMETRIC }, { scope: 'individual' })
    const put = (): Promise<string> =>
      world.provisioning.enrollments.put(input, { kind: 'new' }, 'operator/test').then(
        () => 'created',
        (error: unknown) => (error instanceof DpsError ? error.code : 'other'),
      )
    assert.deepEqual((await Promise.all([put(), put()])).toSorted(), ['conflict', 'created'])
  })

  test('groups are bounded, also when they are created at once', async () => {
    const world = testWorld()
    for (let group = 0; group < ENROLLMENT_GROUPS_MAX - 1; group += 1) {
      await world.enroll('group', { enrollmentGroupId: `g${group}`, attestation: SYMMETRIC })
    }
    const results = await Promise.allSettled(
      ['x', 'y', 'z'].map((id) => world.enroll('group', { enrollmentGroupId: id, attestation: SYMMETRIC })),
    )
    assert.deepEqual(
      results.map(({ status }) => status),
      ['fulfilled', 'rejected', 'rejected'],
    )
    // What is there can still be changed.
    await world.enroll('group', { enrollmentGroupId: 'g0', attestation: SYMMETRIC, provisioningStatus: 'disabled' })
  })

  test('a device of a group is shut out by a disabled enrolment of its own, and let in when that is deleted', async () => {
    const world = testWorld()
    await world.enroll('group', { enrollmentGroupId: 'fleet', attestation: SYMMETRIC })
    const credentials = world.token('pump-1', deriveDeviceKey(KEY, 'pump-1'))
    const claim = { idScope: '0ne00test', registrationId: 'pump-1' }
    const isIn = async (): Promise<boolean> =>
      (await world.provisioning.authenticate(claim, credentials)).kind === 'attested'
    await world.provisioning.register(claim, credentials, {})
    await new Promise((resolve) => setImmediate(resolve))
    const own = { registrationId: 'pump-1', attestation: SYMMETRIC, provisioningStatus: 'disabled' }
    await world.enroll('individual', own)
    assert.equal(await isIn(), false)
    await world.provisioning.enrollments.delete('individual', idOf('pump-1'), { kind: 'none' }, 'operator/test')
    assert.equal(await isIn(), true)
    // The group's registration was not the individual enrolment's to take along.
    assert.equal((await world.provisioning.readRegistration(idOf('pump-1'))).assignment?.deviceId, 'pump-1')
  })

  test('a hub that is not this one is refused; this one is taken in any case', async () => {
    const world = testWorld()
    const document = { registrationId: 'a', attestation: SYMMETRIC }
    await world.enroll('individual', { ...document, iotHubHostName: 'HUB.example', iotHubs: ['localhost'] })
    const other = { ...document, iotHubHostName: 'other.example' }
    await assert.rejects(world.enroll('individual', other), hasCode('bad-request'))
  })

  test('every change and every disclosed key is an event, and none of them holds a key', async () => {
    const world = testWorld()
    await world.enroll('group', { enrollmentGroupId: 'fleet', attestation: SYMMETRIC })
    await world.enroll('group', { enrollmentGroupId: 'fleet', attestation: SYMMETRIC })
    const { enrollments } = world.provisioning
    await enrollments.attestationMechanism('group', idOf('fleet'), 'operator/test')
    await enrollments.derivedKey(idOf('fleet'), 'Pump-1', 'operator/test')
    await enrollments.delete('group', idOf('fleet'), { kind: 'none' }, 'operator/test')
    assert.deepEqual(
      world.events.map(({ type, subject, actor }) => `${type} ${subject} ${actor}`),
      ['created', 'updated', 'secret-disclosed', 'secret-disclosed', 'deleted'].map(
        (what) => `enrollment.${what} enrollment-group/fleet operator/test`,
      ),
    )
    assert.ok(!JSON.stringify(world.events).includes(KEY))
  })
})
