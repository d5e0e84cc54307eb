import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { RSA_ENDORSEMENT_TEMPLATE, encodePublic } from '@holdfast/tpm'
import { timestampOf } from '@holdfast/base'
import {
  DPS_ERRORS,
  DpsError,
  type EnrollmentInput,
  type EnrollmentOutput,
  type EnrollmentScope,
  formatAttestation,
  formatBulkResult,
  formatEnrollment,
  formatError,
  formatOperation,
  parseBulkOperation,
  readEnrollment,
} from './index.ts'

const KEY = Buffer.alloc(16, 7).toString('base64')
const SYMMETRIC = { type: 'symmetricKey', symmetricKey: { primaryKey: KEY, secondaryKey: '' } }
const NOW = timestampOf(Date.UTC(2026, 10, 2, 12))

function faults(document: unknown, scope: EnrollmentScope = 'individual'): readonly string[] {
  try {
    readEnrollment(document, { scope })
  } catch (error) {
    assert.ok(error instanceof DpsError)
    return error.faults.length === 0 ? [error.code] : error.faults.map(({ path }) => path)
  }
  return []
}

function output(more: Partial<EnrollmentOutput> = {}): EnrollmentOutput {
  return {
    scope: 'individual',
    id: 'pump-1',
    attestation: { kind: 'symmetricKey' },
    status: 'enabled',
    iotEdge: false,
    reprovision: { updateHubAssignment: true, migrateDeviceData: true },
    allocation: 'hashed',
    hubs: ['hub.example'],
    createdTime: NOW,
    updatedTime: NOW,
    etag: 'a1',
    ...more,
  }
}

describe('enrolment documents', () => {
  test('defaults are Azure’s, an empty key is an absent one', () => {
    assert.deepEqual(readEnrollment({ registrationId: 'Pump-1', attestation: SYMMETRIC }, { scope: 'individual' }), {
      scope: 'individual',
      id: 'pump-1',
      attestation: { kind: 'symmetricKey', primaryKey: KEY },
      status: 'enabled',
      iotEdge: false,
      reprovision: { updateHubAssignment: true, migrateDeviceData: true },
      allocation: 'hashed',
      hubs: [],
    } satisfies Omit<EnrollmentInput, 'id'> & { id: string })
  })

  test('what the service gave out is taken back', () => {
    const given: unknown = JSON.parse(
      JSON.stringify(
        formatEnrollment(
          output({
            deviceId: 'Pump',
            initialTwin: { tags: '{"a":1}', desired: '{}' },
            deviceInformation: '{"b":2}',
          }),
        ),
      ),
    )
    const read = readEnrollment(given, { scope: 'individual' })
    assert.equal(read.etag, '"a1"')
    assert.equal(read.deviceId, 'Pump')
    assert.deepEqual(read.initialTwin, { tags: '{"a":1}', desired: '{}' })
    assert.equal(read.deviceInformation, '{"b":2}')
    assert.deepEqual(read.hubs, ['hub.example'])
    assert.deepEqual(read.attestation, { kind: 'symmetricKey' })
  })

  test('a certificate that only its info stands for is kept', () => {
    const certificates = { primary: { info: {} }, secondary: { certificate: 'MII=' } }
    const attestation = { type: 'x509', x509: { clientCertificates: certificates } }
    assert.deepEqual(readEnrollment({ registrationId: 'a', attestation }, { scope: 'individual' }).attestation, {
      kind: 'x509',
      use: 'client',
      primary: { kind: 'kept' },
      secondary: { kind: 'given', text: 'MII=' },
    })
  })

  test('every fault is listed by its path', () => {
    assert.deepEqual(
      faults({
        registrationId: 'a b',
        attestation: { type: 'symmetricKey', symmetricKey: { primaryKey: 'short', secondaryKey: 5 } },
        provisioningStatus: 'on',
        capabilities: { iotEdge: 'yes' },
        reprovisionPolicy: { migrateDeviceData: 1 },
        allocationPolicy: 'mine',
        deviceId: 'a/b',
        iotHubs: [5],
        initialTwin: { tags: { 'a.b': 1 }, properties: { desired: [] } },
        optionalDeviceInformation: 'text',
      }),
      [
        'registrationId',
        'attestation.symmetricKey.primaryKey',
        'attestation.symmetricKey.secondaryKey',
        'provisioningStatus',
        'capabilities.iotEdge',
        'reprovisionPolicy.migrateDeviceData',
        'allocationPolicy',
        'deviceId',
        'iotHubs',
        'initialTwin.tags',
        'initialTwin.properties.desired',
        'optionalDeviceInformation',
      ],
    )
    assert.deepEqual(faults({}), ['registrationId', 'attestation'])
    assert.deepEqual(faults([]), [''])
    assert.deepEqual(faults({ registrationId: 'a', attestation: {} }), ['attestation.type'])
  })

  test('certificates have to be those of the kind of enrolment', () => {
    const slot = { primary: { certificate: 'MII=' } }
    const x509 = (certificates: object): object => ({
      registrationId: 'a',
      enrollmentGroupId: 'a',
      attestation: { type: 'x509', x509: certificates },
    })
    assert.deepEqual(faults(x509({ clientCertificates: slot })), [])
    assert.deepEqual(faults(x509({ signingCertificates: slot }), 'group'), [])
    const other = 'attestation.x509.signingCertificates'
    assert.deepEqual(faults(x509({ clientCertificates: slot, signingCertificates: slot })), [other])
    assert.deepEqual(faults(x509({ clientCertificates: {} })), ['attestation.x509.clientCertificates.primary'])
    assert.deepEqual(faults(x509({ clientCertificates: { primary: {} } })), [
      'attestation.x509.clientCertificates.primary.certificate',
    ])
    assert.deepEqual(faults(x509({ caReferences: { primary: 'ca' } }), 'group'), ['attestation.x509.caReferences'])
    assert.deepEqual(faults(x509({})), ['attestation.x509.clientCertificates'])
  })

  test('a TPM is named by its public keys, in individual enrolments alone', () => {
    const key = Buffer.from(encodePublic(RSA_ENDORSEMENT_TEMPLATE)).toString('base64')
    const tpm = (of: object): object => ({ registrationId: 'a', attestation: { type: 'tpm', tpm: of } })
    assert.deepEqual(faults(tpm({ endorsementKey: key, storageRootKey: '' })), [])
    assert.deepEqual(faults(tpm({ endorsementKey: 'AA==' })), ['attestation.tpm.endorsementKey'])
    assert.deepEqual(faults(tpm({})), ['attestation.tpm.endorsementKey'])
    assert.deepEqual(faults(tpm({ endorsementKey: key, storageRootKey: key.slice(4) })), [
      'attestation.tpm.storageRootKey',
    ])
    assert.deepEqual(faults({ registrationId: 'a', attestation: { type: 'tpm' } }), ['attestation.tpm'])
    const group = { enrollmentGroupId: 'g', attestation: { type: 'tpm', tpm: { endorsementKey: key } } }
    assert.deepEqual(faults(group, 'group'), ['attestation.type'])
  })

  test('none and custom allocation are understood and refused', () => {
    assert.deepEqual(faults({ registrationId: 'a', attestation: { type: 'none' } }), ['attestation.type'])
    const custom = { registrationId: 'a', attestation: SYMMETRIC, allocationPolicy: 'custom' }
    assert.deepEqual(faults(custom), ['not-supported'])
  })

  test('a twin is bounded in size, depth and keys; metadata is passed over', () => {
    const twin = (tags: unknown): readonly string[] =>
      faults({ registrationId: 'a', attestation: SYMMETRIC, initialTwin: { tags } })
    assert.deepEqual(twin({ $version: 1, $metadata: { x: 1 }, a: { b: [{ c: null }] } }), [])
    let deep: object = {}
    for (let level = 0; level < 11; level += 1) deep = { a: deep }
    for (const bad of [{ $x: 1 }, { 'a b': 1 }, { '': 1 }, { 'a\u0001': 1 }, { a: [{ 'x.y': 1 }] }, deep]) {
      assert.deepEqual(twin(bad), ['initialTwin.tags'])
    }
    assert.deepEqual(twin({ a: 'x'.repeat(9_000) }), ['initialTwin.tags'])
  })

  test('no document but that of attestationmechanism holds a key', () => {
    const keys = { primaryKey: KEY, secondaryKey: KEY }
    assert.ok(!JSON.stringify(formatEnrollment(output())).includes(KEY))
    assert.deepEqual(formatAttestation({ kind: 'symmetricKey' }, 'individual', keys), {
      type: 'symmetricKey',
      symmetricKey: keys,
    })
  })
})

describe('bulk operations', () => {
  const bulk = (value: object): ReturnType<typeof parseBulkOperation> =>
    parseBulkOperation(Buffer.from(JSON.stringify(value)))

  test('each enrolment stands for itself', () => {
    const { mode, items } = bulk({
      mode: 'updateIfMatchEtag',
      enrollments: [
        { registrationId: 'a', attestation: SYMMETRIC },
        { registrationId: 'B', attestation: { type: 'tpm' } },
      ],
    })
    assert.equal(mode, 'updateIfMatchETag')
    assert.deepEqual(
      items.map(({ kind, id }) => `${kind} ${id}`),
      ['write a', 'refused B'],
    )
    assert.deepEqual(bulk({ mode: 'delete', enrollments: [{ registrationId: 'a', etag: '"x"' }] }).items, [
      { kind: 'delete', id: 'a', etag: '"x"' },
    ])
  })

  test('one to ten, each with an id, in a known mode', () => {
    const one = { registrationId: 'a', attestation: SYMMETRIC }
    for (const bad of [
      { mode: 'create', enrollments: [] },
      { mode: 'create', enrollments: Array.from({ length: 11 }, () => one) },
      { mode: 'create', enrollments: [{}] },
      { mode: 'create', enrollments: [null] },
      { mode: 'merge', enrollments: [one] },
      { enrollments: [one] },
      { mode: 'create' },
    ]) {
      assert.throws(() => bulk(bad), DpsError)
    }
  })

  test('the result names what failed', () => {
    assert.deepEqual(formatBulkResult([]), { isSuccessful: true, errors: [] })
    assert.deepEqual(formatBulkResult([{ id: 'a', error: new DpsError('conflict', 'It exists.') }]), {
      isSuccessful: false,
      errors: [{ registrationId: 'a', errorCode: 409201, errorStatus: 'It exists.' }],
    })
  })
})

describe('answers', () => {
  test('an operation is assigning alone, or final with its registration', () => {
    assert.deepEqual(formatOperation({ status: 'assigning', operationId: '4.a.b' }), {
      operationId: '4.a.b',
      status: 'assigning',
    })
    const document = formatOperation({
      status: 'assigned',
      operationId: '4.a.b',
      state: {
        registrationId: 'pump-1',
        status: 'assigned',
        createdTime: NOW,
        updatedTime: NOW,
        etag: 'a1',
        assignment: { assignedHub: 'hub.example', deviceId: 'pump-1', substatus: 'initialAssignment' },
        attestation: { kind: 'symmetricKey', enrollmentGroupId: 'g' },
      },
    })
    assert.deepEqual(document, {
      operationId: '4.a.b',
      status: 'assigned',
      registrationState: {
        registrationId: 'pump-1',
        createdDateTimeUtc: '2026-11-02T12:00:00.000Z',
        assignedHub: 'hub.example',
        deviceId: 'pump-1',
        status: 'assigned',
        substatus: 'initialAssignment',
        lastUpdatedDateTimeUtc: '2026-11-02T12:00:00.000Z',
        etag: '"a1"',
        symmetricKey: { enrollmentGroupId: 'g' },
      },
    })
  })

  test('an error’s number begins with its status', () => {
    for (const { status, errorCode } of Object.values(DPS_ERRORS)) {
      assert.equal(Math.floor(errorCode / 1000), status)
    }
    assert.deepEqual(formatError(new DpsError('unauthorized', 'Unauthorized'), { trackingId: 't', now: NOW }), {
      errorCode: 401002,
      trackingId: 't',
      message: 'Unauthorized',
      timestampUtc: '2026-11-02T12:00:00.000Z',
    })
  })
})
