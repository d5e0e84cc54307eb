import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { SecurityEvent } from '@holdfast/audit'
import { Policies } from '@holdfast/identity'
import { MemoryPolicyStore, countingRandom } from '@holdfast/identity/testing'
import type { PeerFacts } from '@holdfast/messaging'
import { encodePem } from '@holdfast/pki'
import { createHierarchy } from '@holdfast/pki/testing'
import { type TestWorld, certificateOf, testWorld } from '@holdfast/provisioning/testing'
import { deriveDeviceKey, formatSasToken } from '@holdfast/tokens'
import {
  enrollmentRoutes,
  isEnrollmentPath,
  isProvisioningPath,
  mqttProvisioning,
  provisioningRoutes,
} from './index.ts'
import type { ProvisioningServices } from './services.ts'

const KEY = Buffer.alloc(32, 1).toString('base64')
const VERSION = 'api-version=2021-10-01'
const DEVICE_VERSION = 'api-version=2019-03-31'
const PEER: PeerFacts = {
  address: '192.0.2.7',
  port: 40_000,
  transport: 'https',
  tlsVersion: 'TLSv1.3',
  tlsFingerprint: 'f',
}
const SYMMETRIC = { type: 'symmetricKey', symmetricKey: { primaryKey: KEY, secondaryKey: KEY } }

interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: unknown
}

interface Stage extends TestWorld {
  readonly services: ProvisioningServices
  readonly httpEvents: readonly SecurityEvent[]
  /** As a service with the policy provisioningserviceowner, unless told. */
  ask(method: string, target: string, more?: Asked): Promise<Answer>
  tokenOf(policy: string): string
}

interface Asked {
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  readonly peer?: Partial<PeerFacts>
  /** null: none at all. */
  readonly authorization?: string | null
}

async function stage(): Promise<Stage> {
  const world = testWorld()
  const httpEvents: SecurityEvent[] = []
  const failures: unknown[] = []
  const policies = await Policies.open({
    store: new MemoryPolicyStore(),
    clock: world.clock,
    random: countingRandom(1),
    hostNames: ['hub.example'],
  })
  const services: ProvisioningServices = {
    provisioning: world.provisioning,
    clock: world.clock,
    random: countingRandom(2),
    policies,
    throttling: { take: () => ({ kind: 'allowed' }) },
    events: { recent: () => [], subscribe: () => () => undefined, sink: (event) => httpEvents.push(event) },
    failed: (error) => failures.push(error),
  }
  const provisioning = provisioningRoutes(services)
  const enrollments = enrollmentRoutes(services)
  const tokenOf = (policyName: string): string =>
    formatSasToken({
      resource: 'hub.example',
      key: policies.read(policyName)?.primaryKey ?? KEY,
      expirySeconds: world.clock.wall() / 1000 + 3_600,
      policyName,
    })
  return {
    ...world,
    services,
    httpEvents,
    tokenOf,
    async ask(method, target, more = {}) {
      const authorization = more.authorization === undefined ? tokenOf('provisioningserviceowner') : more.authorization
      const { pathname } = new URL(target, 'https://hub.example')
      assert.ok(isProvisioningPath(pathname) || isEnrollmentPath(pathname))
      const app = isEnrollmentPath(pathname) ? enrollments : provisioning
      const response = await app.fetch(
        new Request(new URL(target, 'https://hub.example'), {
          method,
          headers: {
            ...(more.body !== undefined && { 'content-type': 'application/json; charset=utf-8' }),
            ...(authorization !== null && { authorization }),
            ...more.headers,
          },
          ...(more.body !== undefined && {
            body: typeof more.body === 'string' ? more.body : JSON.stringify(more.body),
          }),
        }),
        { peer: { ...PEER, ...more.peer } },
      )
      const text = await response.text()
      const body: unknown = text === '' ? undefined : JSON.parse(text)
      return { status: response.status, headers: response.headers, body }
    },
  }
}

function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** The value at a path of a document. */
function at(value: unknown, ...path: readonly (string | number)[]): unknown {
  let current = value
  for (const key of path) {
    if (typeof current !== 'object' || current === null) return undefined
    current = Reflect.get(current, key)
  }
  return current
}

function text(value: unknown): string {
  assert.equal(typeof value, 'string')
  return String(value)
}

describe('device API', () => {
  test('register, poll, look up', async () => {
    const hub = await stage()
    await hub.enroll('individual', { registrationId: 'pump-1', attestation: SYMMETRIC })
    const { token: authorization = '' } = hub.token('pump-1', KEY)
    const base = '/0ne00test/registrations/pump-1'
    const begun = await hub.ask('PUT', `${base}/register?${DEVICE_VERSION}`, {
      authorization,
      body: { registrationId: 'pump-1', payload: { a: 1 } },
    })
    assert.equal(begun.status, 202)
    assert.equal(begun.headers.get('retry-after'), '1')
    assert.match(begun.headers.get('content-type') ?? '', /^application\/json/)
    const operationId = text(at(begun.body, 'operationId'))
    assert.deepEqual(begun.body, { operationId, status: 'assigning' })
    const location = begun.headers.get('location') ?? ''
    assert.equal(location, `${base}/operations/${operationId}?${DEVICE_VERSION}`)
    await settled()
    const done = await hub.ask('GET', location, { authorization })
    assert.equal(done.status, 200)
    assert.equal(at(done.body, 'status'), 'assigned')
    assert.equal(at(done.body, 'registrationState', 'assignedHub'), 'hub.example')
    const state = await hub.ask('POST', `${base}?${DEVICE_VERSION}`, { authorization, body: {} })
    assert.equal(state.status, 200)
    assert.deepEqual(state.body, at(done.body, 'registrationState'))
  })

  test('a certificate of the TLS connection', async () => {
    const hub = await stage()
    const { issuing, device } = await createHierarchy('pump-1')
    const certificate = encodePem('CERTIFICATE', issuing.certificate.der)
    const attestation = { type: 'x509', x509: { signingCertificates: { primary: { certificate } } } }
    await hub.enroll('group', { enrollmentGroupId: 'fleet', attestation })
    const peer = { certificate: certificateOf(device) }
    const base = '/0ne00test/registrations/pump-1'
    const begun = await hub.ask('PUT', `${base}/register?${DEVICE_VERSION}`, { authorization: null, peer, body: {} })
    assert.equal(begun.status, 202)
    await settled()
    const done = await hub.ask('GET', begun.headers.get('location') ?? '', { authorization: null, peer })
    assert.equal(at(done.body, 'registrationState', 'x509', 'enrollmentGroupId'), 'fleet')
    assert.equal(
      at(done.body, 'registrationState', 'x509', 'signingCertificateInfo', 'subjectName'),
      issuing.certificate.subjectName,
    )
  })

  test('denials are 401 alike, with number, tracking id and header', async () => {
    const hub = await stage()
    await hub.enroll('individual', { registrationId: 'pump-1', attestation: SYMMETRIC })
    await hub.enroll('individual', {
      registrationId: 'off',
      attestation: SYMMETRIC,
      provisioningStatus: 'disabled',
    })
    for (const [scope, id, authorization] of [
      ['0ne00test', 'pump-1', hub.token('pump-1', Buffer.alloc(32, 9).toString('base64')).token ?? ''],
      ['0ne00other', 'pump-1', hub.token('pump-1', KEY, { idScope: '0ne00other' }).token ?? ''],
      ['0ne00test', 'off', hub.token('off', KEY).token ?? ''],
      ['0ne00test', 'nobody', hub.token('nobody', KEY).token ?? ''],
      ['0ne00test', 'pump-1', null],
      ['0ne00test', 'pump-1', 'Bearer x'],
    ] as const) {
      const path = `/${scope}/registrations/${id}/register?${DEVICE_VERSION}`
      const answer = await hub.ask('PUT', path, { authorization, body: {} })
      assert.equal(answer.status, 401)
      assert.equal(answer.headers.get('x-ms-error-code'), '401002')
      assert.equal(at(answer.body, 'message'), 'Unauthorized')
      assert.equal(at(answer.body, 'errorCode'), 401002)
      assert.match(text(at(answer.body, 'trackingId')), /^[0-9a-f-]{36}$/)
    }
  })

  test('bad requests are 400, 404, 405, 413 and 415', async () => {
    const hub = await stage()
    await hub.enroll('individual', { registrationId: 'pump-1', attestation: SYMMETRIC })
    const { token: authorization = '' } = hub.token('pump-1', KEY)
    const base = '/0ne00test/registrations/pump-1'
    const status = async (method: string, target: string, more: Asked = {}): Promise<number> =>
      (await hub.ask(method, target, { authorization, ...more })).status
    assert.equal(await status('PUT', `${base}/register`, { body: {} }), 400)
    assert.equal(await status('PUT', `${base}/register?api-version=1`, { body: {} }), 400)
    assert.equal(await status('PUT', `${base}/register?${DEVICE_VERSION}`, { body: '{' }), 400)
    assert.equal(await status('PUT', `${base}/register?${DEVICE_VERSION}`, { body: { registrationId: 'x' } }), 400)
    assert.equal(await status('PUT', `${base}/register?${DEVICE_VERSION}`, { body: { csr: 'MII=' } }), 400)
    const tpm = { tpm: { endorsementKey: 'AA==' } }
    assert.equal(await status('PUT', `${base}/register?${DEVICE_VERSION}`, { body: tpm, authorization: null }), 400)
    assert.equal(await status('PUT', `/0ne00test/registrations/a%20b/register?${DEVICE_VERSION}`, { body: {} }), 400)
    assert.equal(await status('GET', `${base}/operations/4.a.b?${DEVICE_VERSION}`), 404)
    assert.equal(await status('POST', `${base}?${DEVICE_VERSION}`, { body: {} }), 404)
    assert.equal(await status('GET', `${base}/register?${DEVICE_VERSION}`), 405)
    assert.equal(await status('PUT', `${base}/register?${DEVICE_VERSION}`, { body: 'x'.repeat(40_000) }), 413)
    const headers = { 'content-type': 'text/plain' }
    assert.equal(await status('PUT', `${base}/register?${DEVICE_VERSION}`, { body: '{}', headers }), 415)
  })

  test('a store that fails is 500 without a word of why', async () => {
    const hub = await stage()
    hub.store.failure = new Error('secret path')
    const authorization = hub.token('pump-1', KEY).token ?? ''
    const path = `/0ne00test/registrations/pump-1/register?${DEVICE_VERSION}`
    const answer = await hub.ask('PUT', path, { authorization, body: {} })
    assert.equal(answer.status, 500)
    assert.ok(!JSON.stringify(answer.body).includes('secret'))
  })
})

describe('service API', () => {
  test('an enrolment is created, read, updated by its etag, and deleted', async () => {
    const hub = await stage()
    const target = `/enrollments/Pump-1?${VERSION}`
    const body = { registrationId: 'Pump-1', attestation: { type: 'symmetricKey' } }
    const created = await hub.ask('PUT', target, { body })
    assert.equal(created.status, 200)
    assert.equal(at(created.body, 'registrationId'), 'pump-1')
    assert.equal(at(created.body, 'provisioningStatus'), 'enabled')
    const etag = text(at(created.body, 'etag'))
    assert.match(etag, /^".*"$/)
    const keys = (await hub.ask('POST', `/enrollments/pump-1/attestationmechanism?${VERSION}`)).body
    assert.match(text(at(keys, 'symmetricKey', 'primaryKey')), /^[A-Za-z0-9+/]{86}==$/)
    assert.ok(hub.events.some((event) => event.type === 'enrollment.secret-disclosed'))

    // The round trip of the SDK: get, change, put with If-Match as it stood in the document.
    const read = await hub.ask('GET', target)
    assert.deepEqual(read.body, created.body)
    assert.ok(!JSON.stringify(read.body).includes(text(at(keys, 'symmetricKey', 'primaryKey'))))
    const change = { ...Object(read.body), provisioningStatus: 'disabled' }
    const updated = await hub.ask('PUT', target, { body: change, headers: { 'if-match': etag } })
    assert.equal(updated.status, 200)
    assert.equal(at(updated.body, 'provisioningStatus'), 'disabled')
    assert.deepEqual((await hub.ask('POST', `/enrollments/pump-1/attestationmechanism?${VERSION}`)).body, keys)
    const stale = await hub.ask('PUT', target, { body: change, headers: { 'if-match': etag } })
    assert.equal(stale.status, 412)

    assert.equal((await hub.ask('DELETE', target, { headers: { 'if-match': etag } })).status, 412)
    const current = text(at(updated.body, 'etag'))
    assert.equal((await hub.ask('DELETE', target, { headers: { 'if-match': current } })).status, 204)
    assert.equal((await hub.ask('GET', target)).status, 404)
    assert.equal((await hub.ask('DELETE', target)).status, 404)
    assert.equal((await hub.ask('PUT', target, { body, headers: { 'if-match': current } })).status, 412)
  })

  test('a group with a certificate in each form, shown by its facts, kept through a round trip', async () => {
    const hub = await stage()
    const { issuing } = await createHierarchy('x')
    const { der } = issuing.certificate
    const pem = encodePem('CERTIFICATE', der)
    for (const certificate of [pem, Buffer.from(pem).toString('base64'), Buffer.from(der).toString('base64')]) {
      const attestation = { type: 'x509', x509: { signingCertificates: { primary: { certificate } } } }
      const target = `/enrollmentGroups/fleet?${VERSION}`
      const created = await hub.ask('PUT', target, { body: { enrollmentGroupId: 'fleet', attestation } })
      assert.equal(created.status, 200)
      const info = at(created.body, 'attestation', 'x509', 'signingCertificates', 'primary', 'info')
      assert.equal(at(info, 'sha256Thumbprint'), issuing.certificate.sha256Thumbprint)
      assert.equal((await hub.ask('PUT', target, { body: created.body })).status, 200)
      const shown = await hub.ask('POST', `/enrollmentgroups/fleet/attestationmechanism?${VERSION}`)
      assert.deepEqual(at(shown.body, 'x509', 'signingCertificates', 'primary', 'info'), info)
    }
    const attestation = { type: 'x509', x509: { signingCertificates: { primary: { certificate: 'AAAA' } } } }
    const bad = await hub.ask('PUT', `/enrollmentGroups/g?${VERSION}`, { body: { attestation } })
    assert.equal(bad.status, 400)
    assert.equal(at(bad.body, 'info', 'faults', 0, 'path'), 'attestation.x509.signingCertificates.primary.certificate')
  })

  test('bulk: each mode, each enrolment for itself', async () => {
    const hub = await stage()
    const bulk = async (mode: string, ...enrollments: readonly object[]): Promise<unknown> => {
      const answer = await hub.ask('POST', `/enrollments/?${VERSION}`, { body: { mode, enrollments } })
      assert.equal(answer.status, 200)
      return answer.body
    }
    const one = { registrationId: 'a', attestation: SYMMETRIC }
    const two = { registrationId: 'b', attestation: SYMMETRIC }
    assert.deepEqual(await bulk('create', one), { isSuccessful: true, errors: [] })
    const again = await bulk('create', one, two, { registrationId: 'c', attestation: { type: 'tpm' } })
    assert.equal(at(again, 'isSuccessful'), false)
    assert.deepEqual(
      [0, 1].map((index) => [at(again, 'errors', index, 'registrationId'), at(again, 'errors', index, 'errorCode')]),
      [
        ['a', 409201],
        ['c', 400004],
      ],
    )
    assert.equal(at(await bulk('update', { ...one, registrationId: 'none' }), 'errors', 0, 'errorCode'), 404201)
    assert.equal(at(await bulk('update', one), 'isSuccessful'), true)
    const etag = text(at((await hub.ask('GET', `/enrollments/a?${VERSION}`)).body, 'etag'))
    assert.equal(at(await bulk('updateIfMatchETag', { ...one, etag }), 'isSuccessful'), true)
    assert.equal(at(await bulk('updateIfMatchEtag', { ...one, etag }), 'errors', 0, 'errorCode'), 412001)
    assert.equal(at(await bulk('delete', one, two), 'isSuccessful'), true)
    assert.equal(at(await bulk('delete', one), 'errors', 0, 'errorCode'), 404201)
    const eleven = Array.from({ length: 11 }, () => one)
    assert.equal(
      (await hub.ask('POST', `/enrollments?${VERSION}`, { body: { mode: 'create', enrollments: eleven } })).status,
      400,
    )
  })

  test('queries page by page, to the end and no further', async () => {
    const hub = await stage()
    for (let index = 0; index < 5; index += 1) {
      const provisioningStatus = index === 3 ? 'disabled' : 'enabled'
      await hub.enroll('individual', { registrationId: `pump-${index}`, attestation: SYMMETRIC, provisioningStatus })
    }
    const pages = async (query: string, size: number): Promise<readonly unknown[]> => {
      const sizes: unknown[] = []
      let continuation: string | null = null
      do {
        const answer: Answer = await hub.ask('POST', `/enrollments/query?${VERSION}`, {
          body: { query },
          headers: {
            'x-ms-max-item-count': String(size),
            ...(continuation !== null && { 'x-ms-continuation': continuation }),
          },
        })
        assert.equal(answer.status, 200)
        assert.equal(answer.headers.get('x-ms-item-type'), 'enrollment')
        assert.ok(Array.isArray(answer.body))
        sizes.push(answer.body.map((one) => at(one, 'registrationId')).join(' '))
        continuation = answer.headers.get('x-ms-continuation')
      } while (continuation !== null)
      return sizes
    }
    assert.deepEqual(await pages('*', 2), ['pump-0 pump-1', 'pump-2 pump-3', 'pump-4'])
    assert.deepEqual(await pages('SELECT * FROM enrollments', 5), ['pump-0 pump-1 pump-2 pump-3 pump-4'])
    const enabled = "SELECT * FROM enrollments WHERE provisioningStatus = 'enabled'"
    assert.deepEqual(await pages(enabled, 3), ['pump-0 pump-1 pump-2', 'pump-4'])
    assert.deepEqual(await pages("SELECT * FROM enrollments WHERE registrationId = 'x'", 3), [''])
    const bad = await hub.ask('POST', `/enrollments/query?${VERSION}`, { body: { query: 'SELECT * FROM devices' } })
    assert.equal(bad.status, 400)
    assert.match(text(at(bad.body, 'message')), /position 15/)
    const forged = await hub.ask('POST', `/enrollments/query?${VERSION}`, {
      body: { query: '*' },
      headers: { 'x-ms-continuation': 'AAAA' },
    })
    assert.equal(forged.status, 400)
  })

  test('registrations are read, queried by group, and deleted', async () => {
    const hub = await stage()
    await hub.enroll('group', { enrollmentGroupId: 'fleet', attestation: SYMMETRIC })
    for (const id of ['pump-1', 'pump-2']) {
      const authorization = hub.token(id, deriveDeviceKey(KEY, id)).token ?? ''
      await hub.ask('PUT', `/0ne00test/registrations/${id}/register?${DEVICE_VERSION}`, { authorization, body: {} })
    }
    await settled()
    const state = await hub.ask('GET', `/registrations/pump-1?${VERSION}`)
    assert.equal(at(state.body, 'deviceId'), 'pump-1')
    const query = await hub.ask('POST', `/registrations/fleet/query?${VERSION}`, { body: { query: '*' } })
    assert.deepEqual([at(query.body, 0, 'registrationId'), at(query.body, 1, 'registrationId')], ['pump-1', 'pump-2'])
    assert.equal(query.headers.get('x-ms-item-type'), 'deviceRegistration')
    assert.equal((await hub.ask('POST', `/registrations/none/query?${VERSION}`, { body: { query: '*' } })).status, 404)
    const headers = { 'if-match': text(at(state.body, 'etag')) }
    assert.equal((await hub.ask('DELETE', `/registrations/pump-1?${VERSION}`, { headers })).status, 204)
    assert.equal((await hub.ask('GET', `/registrations/pump-1?${VERSION}`)).status, 404)
  })

  test('rights: without the right, with a device’s token, expired or with none, it is 401', async () => {
    const hub = await stage()
    await hub.enroll('individual', { registrationId: 'pump-1', attestation: SYMMETRIC })
    const device = hub.token('pump-1', KEY).token ?? ''
    const owner = hub.tokenOf('provisioningserviceowner')
    for (const authorization of [hub.tokenOf('iothubowner'), hub.tokenOf('registryRead'), device, 'x', null]) {
      for (const [method, target] of [
        ['GET', `/enrollments/pump-1?${VERSION}`],
        ['POST', `/enrollments/pump-1/attestationmechanism?${VERSION}`],
        ['GET', `/registrations/pump-1?${VERSION}`],
      ] as const) {
        assert.equal((await hub.ask(method, target, { authorization })).status, 401)
      }
    }
    assert.ok(hub.httpEvents.some((event) => event.detail['reason'] === 'policy-without-right'))
    assert.equal((await hub.ask('GET', `/enrollments/pump-1`, { authorization: owner })).status, 400)
    hub.clock.advance(7_200_000)
    assert.equal((await hub.ask('GET', `/enrollments/pump-1?${VERSION}`, { authorization: owner })).status, 401)
  })

  test('methods and hubs that are not ours are refused', async () => {
    const hub = await stage()
    assert.equal((await hub.ask('PATCH', `/enrollments/a?${VERSION}`, { body: {} })).status, 405)
    assert.equal((await hub.ask('PUT', `/registrations/a?${VERSION}`, { body: {} })).status, 405)
    assert.equal((await hub.ask('POST', `/enrollmentGroups?${VERSION}`, { body: {} })).status, 400)
    const body = { attestation: SYMMETRIC, iotHubs: ['other.azure-devices.net'] }
    assert.equal((await hub.ask('PUT', `/enrollments/a?${VERSION}`, { body })).status, 400)
  })
})

describe('management API', () => {
  const create = (hub: Stage, path: string, body: object): Promise<Answer> => hub.ask('POST', path, { body })

  test('create, list, read, derive, delete', async () => {
    const hub = await stage()
    const created = await create(hub, '/api/v1/enrollment-groups', {
      id: 'Line-4',
      attestation: 'symmetric-key',
      primaryKey: KEY,
    })
    assert.equal(created.status, 201)
    assert.equal(at(created.body, 'id'), 'line-4')
    assert.equal(at(created.body, 'attestation'), 'symmetric-key')
    const key = await hub.ask('GET', '/api/v1/enrollment-groups/line-4/derived-key/Pump-1')
    assert.deepEqual(key.body, { key: deriveDeviceKey(KEY, 'Pump-1') })
    for (const id of ['a', 'b', 'c']) {
      const deviceId = `device-${id}`
      await create(hub, '/api/v1/enrollments', { id, attestation: 'symmetric-key', deviceId, disabled: true })
    }
    const page = await hub.ask('GET', '/api/v1/enrollments?limit=2')
    assert.equal(at(page.body, 'next'), 'b')
    assert.equal(at(page.body, 'items', 0, 'status'), 'disabled')
    const rest = await hub.ask('GET', '/api/v1/enrollments?limit=2&after=b')
    assert.deepEqual([at(rest.body, 'items', 0, 'deviceId'), at(rest.body, 'next')], ['device-c', undefined])
    assert.deepEqual((await hub.ask('GET', '/api/v1/enrollments/c')).body, at(rest.body, 'items', 0))
    assert.equal((await hub.ask('DELETE', '/api/v1/enrollments/c')).status, 204)
    assert.equal((await hub.ask('GET', '/api/v1/enrollments/c')).status, 404)
  })

  test('never overwrites, and names every fault by its pointer', async () => {
    const hub = await stage()
    const body = { id: 'a', attestation: 'symmetric-key' }
    await create(hub, '/api/v1/enrollments', body)
    assert.equal((await create(hub, '/api/v1/enrollments', body)).status, 409)
    const bad = await create(hub, '/api/v1/enrollments', { id: 'a b', attestation: 'symmetric-key', primaryKey: 'x' })
    assert.equal(bad.status, 400)
    assert.equal(bad.headers.get('content-type'), 'application/problem+json')
    assert.deepEqual([at(bad.body, 'faults', 0, 'path'), at(bad.body, 'faults', 1, 'path')], ['/id', '/primaryKey'])
    for (const wrong of [
      { id: 'b', attestation: 'x509' },
      { id: 'b', attestation: 'x509', certificate: 'x' },
      { id: 'b', attestation: 'symmetric-key', certificate: 'x' },
      { id: 'b', attestation: 'symmetric-key', more: 1 },
    ]) {
      assert.equal((await create(hub, '/api/v1/enrollments', wrong)).status, 400)
    }
    const group = { id: 'g', attestation: 'symmetric-key', deviceId: 'x' }
    assert.equal((await create(hub, '/api/v1/enrollment-groups', group)).status, 400)
  })

  test('asks for rights; the local socket has them all', async () => {
    const hub = await stage()
    const authorization = hub.tokenOf('iothubowner')
    assert.equal((await hub.ask('GET', '/api/v1/enrollments', { authorization })).status, 403)
    assert.equal((await hub.ask('GET', '/api/v1/enrollments', { authorization: null })).status, 401)
    const peer = { transport: 'local' } as const
    assert.equal((await hub.ask('GET', '/api/v1/enrollments', { authorization: null, peer })).status, 200)
  })
})

describe('over MQTT', () => {
  const claim = {
    service: 'provisioning',
    idScope: '0ne00test',
    registrationId: 'pump-1',
    apiVersion: '2019-03-31',
  } as const

  function json(payload: Uint8Array): unknown {
    return JSON.parse(Buffer.from(payload).toString('utf8'))
  }

  test('register and poll, answered on the request’s topic', async () => {
    const hub = await stage()
    await hub.enroll('individual', { registrationId: 'pump-1', attestation: SYMMETRIC })
    const reply = mqttProvisioning(hub.provisioning, { ...hub.services, durable: () => undefined })
    const credentials = hub.token('pump-1', KEY)
    const body = Buffer.from('{"registrationId":"pump-1"}')
    const operation = { kind: 'register', body, force: false } as const
    const begun = await reply({ requestId: 'r1', operation }, claim, credentials)
    assert.equal(begun.topic, '$dps/registrations/res/202/?$rid=r1&retry-after=1')
    const operationId = text(at(json(begun.payload), 'operationId'))
    await settled()
    const done = await reply({ requestId: 'r2', operation: { kind: 'poll', operationId } }, claim, credentials)
    assert.equal(done.topic, '$dps/registrations/res/200/?$rid=r2')
    assert.equal(at(json(done.payload), 'registrationState', 'deviceId'), 'pump-1')
  })

  test('errors are JSON, with the status in the topic', async () => {
    const hub = await stage()
    await hub.enroll('individual', { registrationId: 'pump-1', attestation: SYMMETRIC })
    const reply = mqttProvisioning(hub.provisioning, { ...hub.services, durable: () => undefined })
    const credentials = hub.token('pump-1', KEY)
    const register = (body: string): Parameters<typeof reply>[0] => ({
      requestId: '1',
      operation: { kind: 'register', body: Buffer.from(body), force: false },
    })
    const poll = { requestId: '1', operation: { kind: 'poll', operationId: '4.a.b' } } as const
    const unauthorized = { ...credentials, token: hub.token('pump-1', Buffer.alloc(32).toString('base64')).token ?? '' }
    for (const [status, code, answer] of [
      [400, 400004, await reply(register('{'), claim, credentials)],
      [400, 400004, await reply(register('{"registrationId":"other"}'), claim, credentials)],
      [400, 400001, await reply(register('{}'), { ...claim, apiVersion: '' }, credentials)],
      [401, 401002, await reply(register('{}'), claim, unauthorized)],
      [404, 404204, await reply(poll, claim, credentials)],
    ] as const) {
      assert.equal(answer.topic, `$dps/registrations/res/${status}/?$rid=1`)
      assert.equal(at(json(answer.payload), 'errorCode'), code)
    }
    hub.store.failure = new Error('disk gone')
    const failed = await reply(register('{}'), claim, credentials)
    assert.equal(failed.topic, '$dps/registrations/res/503/?$rid=1&retry-after=10')
    assert.ok(!Buffer.from(failed.payload).toString().includes('disk'))
  })
})
