import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { DpsError, type Operation, parseRegistrationId } from '@holdfast/dps'
import { DEVICE_CERTIFICATE, ISSUING_AUTHORITY, ROOT_AUTHORITY, encodePem } from '@holdfast/pki'
import { type Issued, createHierarchy, issue } from '@holdfast/pki/testing'
import { deriveDeviceKey } from '@holdfast/tokens'
import type { Credentials } from './claim.ts'
import { ASSIGNMENT_ATTEMPTS_MAX, OPERATION_LIFETIME_MS } from './limits.ts'
import { type TestWorld, certificateOf, testWorld } from './testing/index.ts'

const KEY = Buffer.alloc(32, 1).toString('base64')
const OTHER_KEY = Buffer.alloc(32, 2).toString('base64')
const WRONG_KEY = Buffer.alloc(32, 3).toString('base64')
const IDLE = { idScope: '0ne00test', address: '192.0.2.7' }

function symmetric(id: string, more: object = {}): object {
  return {
    registrationId: id,
    enrollmentGroupId: id,
    attestation: { type: 'symmetricKey', symmetricKey: { primaryKey: KEY, secondaryKey: OTHER_KEY } },
    ...more,
  }
}

function x509(scope: 'individual' | 'group', id: string, issued: Issued, more: object = {}): object {
  const name = scope === 'individual' ? 'clientCertificates' : 'signingCertificates'
  const certificate = encodePem('CERTIFICATE', issued.certificate.der)
  return {
    registrationId: id,
    enrollmentGroupId: id,
    attestation: { type: 'x509', x509: { [name]: { primary: { certificate } } } },
    ...more,
  }
}

function claimOf(registrationId: string): { readonly idScope: string; readonly registrationId: string } {
  return { idScope: IDLE.idScope, registrationId }
}

/** An authority with the name and the key of a leaf, so that the leaf's holder can issue as if it were one. */
function posing(leaf: Issued): Promise<Issued> {
  return issue({ profile: ROOT_AUTHORITY, commonName: leaf.certificate.commonName, signer: leaf.signer })
}

/** Registers and polls until there is an outcome. */
async function provision(world: TestWorld, id: string, credentials: Credentials): Promise<Operation> {
  const claim = claimOf(id)
  const { operationId } = await world.provisioning.register(claim, credentials, {})
  for (let polls = 0; polls < 10; polls += 1) {
    await settled()
    const operation = await world.provisioning.poll(claim, credentials, operationId)
    if (operation.status !== 'assigning') return operation
  }
  throw new Error('never assigned')
}

function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

function assigned(operation: Operation): {
  readonly deviceId: string
  readonly assignedHub: string
  readonly substatus: string
} {
  assert.equal(operation.status, 'assigned')
  assert.ok(operation.state.assignment)
  return operation.state.assignment
}

async function denial(world: TestWorld, id: string, credentials: Credentials, idScope = IDLE.idScope): Promise<string> {
  const verdict = await world.provisioning.authenticate({ idScope, registrationId: id }, credentials)
  return verdict.kind === 'denied' ? verdict.code : verdict.kind
}

function hasCode(code: string): (error: unknown) => boolean {
  return (error) => error instanceof DpsError && error.code === code
}

function idOf(text: string): NonNullable<ReturnType<typeof parseRegistrationId>> {
  const id = parseRegistrationId(text)
  assert.ok(id)
  return id
}

test('the keys by which a registration is proved: those of its own enrolment and group, of every group without one', async () => {
  const world = testWorld()
  await world.enroll('individual', symmetric('pump-1'))
  for (const [id, primaryKey] of [
    ['line-1', OTHER_KEY],
    ['line-2', WRONG_KEY],
  ] as const) {
    const attestation = { type: 'symmetricKey', symmetricKey: { primaryKey, secondaryKey: primaryKey } }
    await world.enroll('group', symmetric(id, { attestation }))
  }
  const keysOf = async (id: string) => (await world.provisioning.symmetricKeysOf(new Set([idOf(id)]))).toSorted()
  const derived = (key: string, id: string) => deriveDeviceKey(key, id)
  assert.deepEqual(
    await keysOf('PUMP-1'),
    [KEY, OTHER_KEY, derived(OTHER_KEY, 'pump-1'), derived(WRONG_KEY, 'pump-1')].toSorted(),
  )
  await provision(world, 'Pump-2', world.token('Pump-2', derived(OTHER_KEY, 'Pump-2')))
  assert.deepEqual(await keysOf('pump-2'), [derived(OTHER_KEY, 'pump-2')])
})

describe('a device of an individual enrolment by key', () => {
  test('is assigned, with the keys of the enrolment as its own, by either key', async () => {
    for (const key of [KEY, OTHER_KEY]) {
      const world = testWorld()
      await world.enroll('individual', symmetric('pump-1', { deviceId: 'Pump.One', capabilities: { iotEdge: true } }))
      const assignment = assigned(await provision(world, 'pump-1', world.token('pump-1', key)))
      assert.deepEqual(assignment, {
        deviceId: 'Pump.One',
        assignedHub: 'hub.example',
        substatus: 'initialAssignment',
      })
      const identity = await world.registry.read({ deviceId: 'Pump.One' })
      assert.deepEqual(identity?.authentication, { kind: 'sas', primaryKey: KEY, secondaryKey: OTHER_KEY })
      assert.equal(identity?.capabilities.iotEdge, true)
    }
  })

  test('registers in any case of its id, and is one device', async () => {
    const world = testWorld()
    await world.enroll('individual', symmetric('PUMP-1'))
    const first = assigned(await provision(world, 'pump-1', world.token('pump-1', KEY)))
    const second = assigned(await provision(world, 'PUMP-1', world.token('PUMP-1', KEY)))
    assert.equal(first.deviceId, 'pump-1')
    assert.equal(second.deviceId, 'pump-1')
  })

  test('is refused alike and told apart in the event: wrong key, scope, audience, policy, expired, unknown, disabled', async () => {
    const world = testWorld()
    await world.enroll('individual', symmetric('pump-1'))
    await world.enroll('individual', symmetric('off', { provisioningStatus: 'disabled' }))
    const cases: readonly (readonly [string, Credentials, string, string?])[] = [
      ['pump-1', world.token('pump-1', WRONG_KEY), 'wrong-signature'],
      ['pump-1', world.token('pump-1', KEY), 'wrong-scope', '0ne00other'],
      ['pump-1', world.token('pump-2', KEY), 'wrong-audience'],
      ['pump-1', world.token('pump-1', KEY, { idScope: '0ne00other' }), 'wrong-audience'],
      ['pump-1', world.token('pump-1', KEY, { policyName: 'provisioningserviceowner' }), 'wrong-audience'],
      ['pump-1', world.token('pump-1', KEY, { expiresInMs: -86_400_000 }), 'token-expired'],
      ['pump-1', { token: 'SharedAccessSignature sr=a', address: IDLE.address }, 'token-malformed'],
      ['pump-1', { address: IDLE.address }, 'no-credential'],
      ['nobody', world.token('nobody', KEY), 'not-enrolled'],
      ['off', world.token('off', KEY), 'enrollment-disabled'],
      ['bad id', world.token('bad id', KEY), 'bad-registration-id'],
    ]
    for (const [index, [id, shown, code, idScope]] of cases.entries()) {
      const credentials = { ...shown, address: `192.0.2.${index}` }
      assert.equal(await denial(world, id, credentials, idScope), code)
      await assert.rejects(
        world.provisioning.register({ idScope: idScope ?? IDLE.idScope, registrationId: id }, credentials, {}),
        (error) => error instanceof DpsError && error.code === 'unauthorized' && error.message === 'Unauthorized',
      )
    }
    world.provisioning.sweep()
    const refusals = world.events.filter((event) => event.type === 'registration.refused')
    assert.ok(refusals.some((event) => event.detail['code'] === 'wrong-signature'))
    assert.ok(!JSON.stringify(world.events).includes('SharedAccessSignature'))
    assert.equal((await world.registry.countDevices()).total, 0)
  })

  test('who cannot prove to be a disabled device does not learn that it is disabled', async () => {
    const world = testWorld()
    await world.enroll('individual', symmetric('off', { provisioningStatus: 'disabled' }))
    assert.equal(await denial(world, 'off', world.token('off', WRONG_KEY)), 'wrong-signature')
  })

  test('five minutes of a slow clock are granted to a token, and the connection ends with them', async () => {
    const world = testWorld()
    await world.enroll('individual', symmetric('pump-1'))
    const claim = claimOf('pump-1')
    const verdict = await world.provisioning.authenticate(claim, world.token('pump-1', KEY, { expiresInMs: -60_000 }))
    assert.equal(verdict.kind, 'attested')
    assert.equal(verdict.kind === 'attested' && verdict.expires, world.clock.wall() + 240_000)
  })
})

describe('a device of a symmetric group', () => {
  test('proves itself by the key derived from either group key for the id in the case it uses', async () => {
    const world = testWorld()
    await world.enroll('group', symmetric('fleet'))
    for (const [id, groupKey] of [
      ['pump-1', KEY],
      ['Pump-2', OTHER_KEY],
    ] as const) {
      const key = deriveDeviceKey(groupKey, id)
      const operation = await provision(world, id, world.token(id, key))
      assert.equal(assigned(operation).deviceId, id.toLowerCase())
      const identity = await world.registry.read({ deviceId: id.toLowerCase() })
      assert.deepEqual(identity?.authentication, {
        kind: 'sas',
        primaryKey: deriveDeviceKey(KEY, id),
        secondaryKey: deriveDeviceKey(OTHER_KEY, id),
      })
      assert.deepEqual(operation.status === 'assigned' && operation.state.attestation, {
        kind: 'symmetricKey',
        enrollmentGroupId: 'fleet',
      })
    }
  })

  test('cannot use the group key itself, nor the key of another device', async () => {
    const world = testWorld()
    await world.enroll('group', symmetric('fleet'))
    assert.equal(await denial(world, 'pump-1', world.token('pump-1', KEY)), 'wrong-signature')
    const others = deriveDeviceKey(KEY, 'pump-2')
    assert.equal(await denial(world, 'pump-1', world.token('pump-1', others)), 'wrong-signature')
  })

  test('is found in the group that has its key, among many', async () => {
    const world = testWorld()
    for (let group = 0; group < 20; group += 1) {
      const key = Buffer.alloc(32, 100 + group).toString('base64')
      const attestation = { type: 'symmetricKey', symmetricKey: { primaryKey: key, secondaryKey: key } }
      await world.enroll('group', { enrollmentGroupId: `fleet-${group}`, attestation })
    }
    const key = deriveDeviceKey(Buffer.alloc(32, 113).toString('base64'), 'pump-1')
    await provision(world, 'pump-1', world.token('pump-1', key))
    assert.equal(world.store.registrations.get('pump-1')?.enrollmentId, 'fleet-13')
  })

  test('a disabled group, or a disabled individual enrolment of the id, shuts it out at once', async () => {
    const world = testWorld()
    await world.enroll('group', symmetric('fleet'))
    const credentials = world.token('pump-1', deriveDeviceKey(KEY, 'pump-1'))
    await provision(world, 'pump-1', credentials)
    await world.enroll('group', symmetric('fleet', { provisioningStatus: 'disabled' }))
    assert.equal(await denial(world, 'pump-1', credentials), 'enrollment-disabled')
    await world.enroll('group', symmetric('fleet'))
    assert.equal(await denial(world, 'pump-1', credentials), 'attested')
    await world.enroll('individual', symmetric('pump-1', { provisioningStatus: 'disabled' }))
    assert.equal(await denial(world, 'pump-1', credentials), 'wrong-signature')
  })

  test('may not take over a device that it did not provision', async () => {
    const world = testWorld()
    await world.registry.create({ deviceId: 'pump-1' }, 'operator/test')
    const before = await world.registry.read({ deviceId: 'pump-1' })
    await world.enroll('group', symmetric('fleet'))
    const operation = await provision(world, 'pump-1', world.token('pump-1', deriveDeviceKey(KEY, 'pump-1')))
    assert.equal(operation.status, 'failed')
    assert.equal(operation.status === 'failed' && operation.state.error?.code, 409203)
    assert.deepEqual(await world.registry.read({ deviceId: 'pump-1' }), before)
    assert.equal(world.store.registrations.size, 0)
  })

  test('may not take over a registration of another group, until that group is deleted', async () => {
    const world = testWorld()
    await world.enroll('group', symmetric('fleet'))
    const credentials = world.token('pump-1', deriveDeviceKey(KEY, 'pump-1'))
    await provision(world, 'pump-1', credentials)
    const attestation = { type: 'symmetricKey', symmetricKey: { primaryKey: WRONG_KEY, secondaryKey: WRONG_KEY } }
    await world.enroll('group', { enrollmentGroupId: 'other', attestation })
    const intruder = world.token('pump-1', deriveDeviceKey(WRONG_KEY, 'pump-1'))
    assert.equal((await provision(world, 'pump-1', intruder)).status, 'failed')
    assert.equal(assigned(await provision(world, 'pump-1', credentials)).deviceId, 'pump-1')
    await world.provisioning.enrollments.delete('group', idOf('fleet'), { kind: 'none' }, 'operator/test')
    assert.equal((await provision(world, 'pump-1', intruder)).status, 'assigned')
  })
})

describe('a device with a certificate', () => {
  test('individual: the enrolled leaf, its thumbprint in both slots of the identity', async () => {
    const world = testWorld()
    const { device } = await createHierarchy('pump-1')
    await world.enroll('individual', x509('individual', 'pump-1', device))
    const certificate = certificateOf(device)
    const operation = await provision(world, 'pump-1', { certificate, address: IDLE.address })
    assigned(operation)
    const identity = await world.registry.read({ deviceId: 'pump-1' })
    assert.deepEqual(identity?.authentication, {
      kind: 'selfSigned',
      primaryThumbprint: certificate.sha256,
      secondaryThumbprint: certificate.sha256,
    })
    assert.ok(operation.status === 'assigned' && operation.state.attestation?.kind === 'x509')
    assert.equal(operation.state.attestation.certificate.sha256Thumbprint, certificate.sha256)
  })

  test('individual: another leaf of the same name, and a token, are refused', async () => {
    const world = testWorld()
    const { device, issuing } = await createHierarchy('pump-1')
    await world.enroll('individual', x509('individual', 'pump-1', device))
    const twin = await issue({ profile: DEVICE_CERTIFICATE, commonName: 'pump-1', issuer: issuing })
    const { address } = IDLE
    assert.equal(await denial(world, 'pump-1', { certificate: certificateOf(twin), address }), 'certificate-unknown')
    assert.equal(await denial(world, 'pump-1', world.token('pump-1', KEY)), 'wrong-credential-kind')
  })

  test('group of the root: a chain with the intermediate, and without it only after it was once shown', async () => {
    const world = testWorld()
    const { root, issuing, device } = await createHierarchy('pump-1')
    await world.enroll('group', x509('group', 'fleet', root))
    const { address } = IDLE
    const alone = { certificate: certificateOf(device), address }
    assert.equal(await denial(world, 'pump-1', alone), 'chain-untrusted')
    assigned(await provision(world, 'pump-1', { certificate: certificateOf(device, issuing), address }))
    // A resumed TLS session shows the leaf alone.
    assert.equal(await denial(world, 'pump-1', alone), 'attested')
  })

  test('group of the intermediate: the leaf alone', async () => {
    const world = testWorld()
    const { issuing, device } = await createHierarchy('pump-1')
    await world.enroll('group', x509('group', 'fleet', issuing))
    const operation = await provision(world, 'pump-1', { certificate: certificateOf(device), address: IDLE.address })
    assigned(operation)
    assert.ok(operation.status === 'assigned' && operation.state.attestation?.kind === 'x509')
    assert.equal(operation.state.attestation.enrollmentGroupId, 'fleet')
    assert.equal(operation.state.attestation.signingCertificate?.sha256Thumbprint, issuing.certificate.sha256Thumbprint)
  })

  test('group: the authority closest to the leaf decides, disabled or not', async () => {
    const world = testWorld()
    const { root, issuing, device } = await createHierarchy('pump-1')
    await world.enroll('group', x509('group', 'root', root))
    await world.enroll('group', x509('group', 'issuing', issuing, { provisioningStatus: 'disabled' }))
    const certificate = certificateOf(device, issuing)
    assert.equal(await denial(world, 'pump-1', { certificate, address: IDLE.address }), 'enrollment-disabled')
  })

  test('group: a foreign chain, the authority itself, another common name and an expired leaf are refused', async () => {
    const world = testWorld()
    const { root, issuing } = await createHierarchy('pump-1')
    await world.enroll('group', x509('group', 'fleet', root))
    const { address } = IDLE
    const foreign = await createHierarchy('pump-1')
    const foreignChain = certificateOf(foreign.device, foreign.issuing, foreign.root)
    assert.equal(await denial(world, 'pump-1', { certificate: foreignChain, address }), 'chain-untrusted')
    const named = await issue({ profile: ROOT_AUTHORITY, commonName: 'ca' })
    await world.enroll('group', x509('group', 'own', named))
    assert.equal(await denial(world, 'ca', { certificate: certificateOf(named), address }), 'chain-untrusted')
    const other = await issue({ profile: DEVICE_CERTIFICATE, commonName: 'pump-2', issuer: issuing })
    const otherChain = certificateOf(other, issuing)
    assert.equal(await denial(world, 'pump-1', { certificate: otherChain, address }), 'common-name-differs')
    // A leaf cannot issue.
    const below = await issue({ profile: DEVICE_CERTIFICATE, commonName: 'pump-3', issuer: await posing(other) })
    const belowChain = certificateOf(below, other, issuing)
    assert.equal(await denial(world, 'pump-3', { certificate: belowChain, address }), 'chain-untrusted')
    const leaf = await issue({ profile: DEVICE_CERTIFICATE, commonName: 'pump-1', issuer: issuing })
    world.clock.advance(leaf.certificate.notAfter - world.clock.wall() + 1)
    const late = await denial(world, 'pump-1', { certificate: certificateOf(leaf, issuing), address: '192.0.2.8' })
    assert.ok(late === 'chain-untrusted' || late === 'certificate-expired')
  })

  test('individual: an expired leaf is refused though it is enrolled', async () => {
    const world = testWorld()
    const { device } = await createHierarchy('pump-1')
    await world.enroll('individual', x509('individual', 'pump-1', device))
    world.clock.advance(device.certificate.notAfter - world.clock.wall())
    const credentials = { certificate: certificateOf(device), address: IDLE.address }
    assert.equal(await denial(world, 'pump-1', credentials), 'certificate-expired')
  })

  test('a signing certificate that is of no authority proves nobody, should one be on record', async () => {
    const world = testWorld()
    const { issuing } = await createHierarchy('x')
    const leaf = await issue({ profile: DEVICE_CERTIFICATE, commonName: 'no-ca', issuer: issuing })
    const other = testWorld()
    await other.enroll('group', x509('group', 'fleet', issuing))
    const enrolled = other.store.enrollments.get('group fleet')
    assert.ok(enrolled !== undefined)
    const attestation = { kind: 'x509', primary: leaf.certificate.der } as const
    world.store.enrollments.set('group fleet', { ...enrolled, attestation })
    const device = await issue({ profile: DEVICE_CERTIFICATE, commonName: 'pump-1', issuer: await posing(leaf) })
    const credentials = { certificate: certificateOf(device), address: IDLE.address }
    assert.equal(await denial(world, 'pump-1', credentials), 'chain-untrusted')
  })

  test('a renewed leaf of a group replaces the old thumbprint, and sessions on the old one are cut', async () => {
    const world = testWorld()
    const { issuing, device } = await createHierarchy('pump-1')
    await world.enroll('group', x509('group', 'fleet', issuing))
    const { address } = IDLE
    await provision(world, 'pump-1', { certificate: certificateOf(device), address })
    const renewed = await issue({ profile: DEVICE_CERTIFICATE, commonName: 'pump-1', issuer: issuing })
    await provision(world, 'pump-1', { certificate: certificateOf(renewed), address })
    assert.deepEqual(
      world.cuts.map((cut) => cut.kind === 'thumbprint' && cut.thumbprint),
      [device.certificate.sha256Thumbprint],
    )
  })

  test('ISSUING_AUTHORITY below the enrolled intermediate is followed when it is sent', async () => {
    const world = testWorld()
    const root = await issue({ profile: ROOT_AUTHORITY, commonName: 'Root' })
    const issuing = await issue({ profile: ISSUING_AUTHORITY, commonName: 'Issuing', issuer: root })
    const device = await issue({ profile: DEVICE_CERTIFICATE, commonName: 'pump-1', issuer: issuing })
    await world.enroll('group', x509('group', 'fleet', root))
    const credentials = { certificate: certificateOf(device, root, issuing), address: IDLE.address }
    assert.equal(await denial(world, 'pump-1', credentials), 'attested')
  })
})

describe('registering again', () => {
  const twin = { tags: { site: 'north' }, properties: { desired: { rate: 5 } } }

  test('migrate: the same device, its twin kept, an unchanged credential not written', async () => {
    const world = testWorld()
    await world.enroll('individual', symmetric('pump-1', { initialTwin: twin }))
    await provision(world, 'pump-1', world.token('pump-1', KEY))
    assert.deepEqual(world.identityStore.twins.get('pump-1'), { tags: '{"site":"north"}', desired: '{"rate":5}' })
    const before = await world.registry.read({ deviceId: 'pump-1' })
    await world.registry.writeTwin(
      { deviceId: 'pump-1' },
      { tags: '{"by":"operator"}', desired: '{}' },
      'operator/local',
    )
    const again = assigned(await provision(world, 'pump-1', world.token('pump-1', KEY)))
    assert.equal(again.substatus, 'reprovisionedToInitialAssignment')
    assert.deepEqual(await world.registry.read({ deviceId: 'pump-1' }), before)
    assert.equal(world.identityStore.twins.get('pump-1')?.tags, '{"by":"operator"}')
  })

  test('reset: the same device, its twin as in the enrolment', async () => {
    const world = testWorld()
    const reprovisionPolicy = { updateHubAssignment: true, migrateDeviceData: false }
    await world.enroll('individual', symmetric('pump-1', { initialTwin: twin, reprovisionPolicy }))
    await provision(world, 'pump-1', world.token('pump-1', KEY))
    await world.registry.writeTwin(
      { deviceId: 'pump-1' },
      { tags: '{"by":"operator"}', desired: '{}' },
      'operator/local',
    )
    const again = assigned(await provision(world, 'pump-1', world.token('pump-1', KEY)))
    assert.equal(again.substatus, 'deviceDataReset')
    assert.equal(world.identityStore.twins.get('pump-1')?.tags, '{"site":"north"}')
  })

  test('keep: nothing is written, though the enrolment has new keys', async () => {
    const world = testWorld()
    const reprovisionPolicy = { updateHubAssignment: false, migrateDeviceData: true }
    await world.enroll('individual', symmetric('pump-1', { reprovisionPolicy }))
    await provision(world, 'pump-1', world.token('pump-1', KEY))
    const before = [await world.registry.read({ deviceId: 'pump-1' }), world.store.registrations.get('pump-1')]
    const attestation = { type: 'symmetricKey', symmetricKey: { primaryKey: WRONG_KEY, secondaryKey: WRONG_KEY } }
    await world.enroll('individual', { registrationId: 'pump-1', attestation, reprovisionPolicy })
    const again = assigned(await provision(world, 'pump-1', world.token('pump-1', WRONG_KEY)))
    assert.equal(again.substatus, 'initialAssignment')
    const after = [await world.registry.read({ deviceId: 'pump-1' }), world.store.registrations.get('pump-1')]
    assert.deepEqual(after, before)
  })

  test('a device that the operator disabled stays disabled; one that was deleted is made anew', async () => {
    const world = testWorld()
    await world.enroll('individual', symmetric('pump-1'))
    await provision(world, 'pump-1', world.token('pump-1', KEY))
    await world.registry.update({ deviceId: 'pump-1' }, { status: 'disabled' }, 'operator/test')
    await provision(world, 'pump-1', world.token('pump-1', KEY))
    assert.equal((await world.registry.read({ deviceId: 'pump-1' }))?.status, 'disabled')
    await world.registry.delete({ deviceId: 'pump-1' }, 'operator/test')
    const again = assigned(await provision(world, 'pump-1', world.token('pump-1', KEY)))
    assert.equal(again.substatus, 'initialAssignment')
    assert.equal((await world.registry.read({ deviceId: 'pump-1' }))?.status, 'enabled')
  })

  test('after its registration was deleted, it is a first assignment again', async () => {
    const world = testWorld()
    await world.enroll('group', symmetric('fleet'))
    const credentials = world.token('pump-1', deriveDeviceKey(KEY, 'pump-1'))
    await provision(world, 'pump-1', credentials)
    const { etag } = await world.provisioning.readRegistration(idOf('pump-1'))
    await assert.rejects(
      world.provisioning.deleteRegistration(idOf('pump-1'), { kind: 'etag', etag: 'x' }, 'operator/test'),
      hasCode('precondition-failed'),
    )
    await world.provisioning.deleteRegistration(idOf('pump-1'), { kind: 'etag', etag }, 'operator/test')
    await assert.rejects(world.provisioning.readRegistration(idOf('pump-1')), hasCode('registration-not-found'))
    assert.equal(assigned(await provision(world, 'pump-1', credentials)).substatus, 'initialAssignment')
  })

  test('an individual enrolment takes over a device of the hub that it names', async () => {
    const world = testWorld()
    await world.registry.create({ deviceId: 'pump-1' }, 'operator/test')
    await world.enroll('individual', symmetric('r-1', { deviceId: 'pump-1' }))
    assert.equal(assigned(await provision(world, 'r-1', world.token('r-1', KEY))).deviceId, 'pump-1')
    assert.equal(world.cuts.length, 2)
  })
})

describe('operations', () => {
  test('two registers of one id under way share the operation', async () => {
    const world = testWorld()
    await world.enroll('individual', symmetric('pump-1'))
    const claim = claimOf('pump-1')
    const credentials = world.token('pump-1', KEY)
    const [one, two] = await Promise.all([
      world.provisioning.register(claim, credentials, {}),
      world.provisioning.register(claim, credentials, {}),
    ])
    assert.deepEqual(one, two)
    await settled()
    const third = await world.provisioning.register(claim, credentials, {})
    assert.notEqual(third.operationId, one.operationId)
    const done = await world.provisioning.poll(claim, credentials, one.operationId)
    assert.equal(done.status, 'assigned')
    assert.equal(world.events.filter((event) => event.type === 'identity.created').length, 1)
  })

  test('an operation is its own registration’s, and expires', async () => {
    const world = testWorld()
    await world.enroll('individual', symmetric('pump-1'))
    await world.enroll('individual', symmetric('pump-2'))
    const credentials = world.token('pump-1', KEY)
    const { operationId } = await world.provisioning.register(claimOf('pump-1'), credentials, {})
    await assert.rejects(
      world.provisioning.poll(claimOf('pump-2'), world.token('pump-2', KEY), operationId),
      hasCode('operation-not-found'),
    )
    world.clock.advance(OPERATION_LIFETIME_MS)
    await assert.rejects(
      world.provisioning.poll(claimOf('pump-1'), credentials, operationId),
      hasCode('operation-not-found'),
    )
  })

  test('a failing store is tried again at polls, and then fails the operation', async () => {
    const world = testWorld()
    await world.enroll('individual', symmetric('pump-1'))
    const claim = claimOf('pump-1')
    const credentials = world.token('pump-1', KEY)
    world.identityStore.failure = new Error('disk full')
    const { operationId } = await world.provisioning.register(claim, credentials, {})
    await settled()
    assert.equal((await world.provisioning.poll(claim, credentials, operationId)).status, 'assigning')
    await settled()
    world.identityStore.failure = undefined
    await world.provisioning.poll(claim, credentials, operationId)
    await settled()
    assert.equal((await world.provisioning.poll(claim, credentials, operationId)).status, 'assigned')

    await world.enroll('individual', symmetric('pump-2'))
    world.identityStore.failure = new Error('disk full')
    const other = world.token('pump-2', KEY)
    const second = await world.provisioning.register(claimOf('pump-2'), other, {})
    for (let attempt = 0; attempt < ASSIGNMENT_ATTEMPTS_MAX; attempt += 1) {
      await settled()
      await world.provisioning.poll(claimOf('pump-2'), other, second.operationId)
    }
    const failed = await world.provisioning.poll(claimOf('pump-2'), other, second.operationId)
    assert.equal(failed.status, 'failed')
  })

  test('a poll after the enrolment was disabled or deleted is refused, and live sessions are left alone', async () => {
    const world = testWorld()
    await world.enroll('individual', symmetric('pump-1'))
    const credentials = world.token('pump-1', KEY)
    const { operationId } = await world.provisioning.register(claimOf('pump-1'), credentials, {})
    await settled()
    await world.provisioning.enrollments.delete('individual', idOf('pump-1'), { kind: 'none' }, 'operator/test')
    await assert.rejects(world.provisioning.poll(claimOf('pump-1'), credentials, operationId), hasCode('unauthorized'))
    assert.equal(world.cuts.length, 0)
    assert.ok(await world.registry.read({ deviceId: 'pump-1' }))
  })

  test('a body for another registration, a TPM and a CSR are refused with the reason', async () => {
    const world = testWorld()
    await world.enroll('individual', symmetric('pump-1'))
    const credentials = world.token('pump-1', KEY)
    const register = (request: object): Promise<Operation> =>
      world.provisioning.register(claimOf('pump-1'), credentials, request)
    await assert.rejects(register({ registrationId: idOf('pump-2') }), hasCode('bad-request'))
    const tpm = { endorsementKey: new Uint8Array(2), storageRootKey: new Uint8Array(2) }
    await assert.rejects(register({ tpm }), hasCode('bad-request'))
    await assert.rejects(register({ csr: 'x' }), hasCode('not-supported'))
  })

  test('look-up gives the state, and 404 before there is one', async () => {
    const world = testWorld()
    await world.enroll('individual', symmetric('pump-1'))
    const credentials = world.token('pump-1', KEY)
    const lookUp = (): Promise<unknown> => world.provisioning.lookUp(claimOf('pump-1'), credentials, {})
    await assert.rejects(lookUp(), hasCode('registration-not-found'))
    await provision(world, 'pump-1', credentials)
    const state = await world.provisioning.lookUp(claimOf('pump-1'), credentials, {})
    assert.equal(state.assignment?.deviceId, 'pump-1')
  })

  test('a guesser is slowed, and a device that once came in is not shut out by him', async () => {
    const world = testWorld()
    await world.enroll('individual', symmetric('pump-1'))
    await world.enroll('individual', symmetric('pump-2'))
    await provision(world, 'pump-2', world.token('pump-2', KEY))
    for (let guess = 0; guess < 20; guess += 1) {
      await denial(world, 'pump-1', world.token('pump-1', WRONG_KEY))
      await denial(world, 'pump-2', world.token('pump-2', WRONG_KEY))
    }
    assert.equal(await denial(world, 'pump-1', world.token('pump-1', KEY)), 'throttled')
    assert.equal(await denial(world, 'pump-2', world.token('pump-2', KEY)), 'attested')
    assert.equal(await denial(world, 'pump-1', world.token('pump-1', KEY, { address: '192.0.2.8' })), 'attested')
    world.provisioning.sweep()
    const told = world.events.filter((event) => event.type === 'registration.refused')
    assert.ok(told.length < 20)
    assert.ok(told.some((event) => Number(event.detail['repeated']) > 0))
  })
})
