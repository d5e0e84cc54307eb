import assert from 'node:assert/strict'
import { test } from 'node:test'
import { codeOf, type HubAnswer, hubStage } from '../../testing/hub-stage.ts'

const ANY = { 'if-match': '"*"' }
const SHA1 = '0123456789abcdef0123456789ABCDEF01234567'
const SHA256 = 'AB'.repeat(32)
const KEY = Buffer.alloc(16, 7).toString('base64')

function documentOf({ status, body }: HubAnswer): Record<string, unknown> {
  assert.equal(status, 200, JSON.stringify(body))
  assert.ok(typeof body === 'object' && body !== null)
  return body as Record<string, unknown>
}

const outcome = (answer: HubAnswer): readonly unknown[] => [answer.status, codeOf(answer)]

test('a device of a bare id has the whole document that Azure shows', async () => {
  const hub = await hubStage()
  const created = await hub.local('PUT', '/devices/pump-1', {
    deviceId: 'pump-1',
    authentication: { type: 'sas', symmetricKey: { primaryKey: '', secondaryKey: '' } },
  })
  const { authentication, etag, generationId, ...rest } = documentOf(created)
  assert.deepEqual(rest, {
    deviceId: 'pump-1',
    connectionState: 'Disconnected',
    status: 'enabled',
    statusReason: null,
    connectionStateUpdatedTime: '0001-01-01T00:00:00Z',
    statusUpdatedTime: '2026-11-02T12:00:00.000Z',
    lastActivityTime: '0001-01-01T00:00:00Z',
    cloudToDeviceMessageCount: 0,
    capabilities: { iotEdge: false },
  })
  const identity = await hub.services.registry.read({ deviceId: 'pump-1' })
  assert.ok(identity?.authentication.kind === 'sas')
  const { primaryKey, secondaryKey } = identity.authentication
  assert.deepEqual(authentication, {
    symmetricKey: { primaryKey, secondaryKey },
    x509Thumbprint: { primaryThumbprint: null, secondaryThumbprint: null },
    type: 'sas',
  })
  assert.deepEqual([etag, generationId], [identity.etag, identity.generationId])
  assert.equal(created.headers.get('etag'), `"${identity.etag}"`)
  assert.match(created.headers.get('content-type') ?? '', /^application\/json/)
  assert.deepEqual((await hub.local('GET', '/devices/pump-1')).body, created.body)
  assert.deepEqual((await hub.local('GET', '/devices/')).body, [created.body])
})

test('every way to prove oneself is taken, said or understood', async () => {
  const hub = await hubStage()
  const cases: readonly (readonly [string, unknown, object])[] = [
    [
      'selfSigned',
      { x509Thumbprint: { primaryThumbprint: SHA1 } },
      { kind: 'selfSigned', primaryThumbprint: SHA1.toUpperCase() },
    ],
    [
      'both',
      { type: 'selfSigned', x509Thumbprint: { primaryThumbprint: SHA1, secondaryThumbprint: SHA256 } },
      { kind: 'selfSigned', primaryThumbprint: SHA1.toUpperCase(), secondaryThumbprint: SHA256 },
    ],
    ['ca', { type: 'certificateAuthority' }, { kind: 'certificateAuthority' }],
    [
      'ca-case',
      { type: 'CertificateAuthority', symmetricKey: null, x509Thumbprint: null },
      { kind: 'certificateAuthority' },
    ],
    ['none', { type: 'none' }, { kind: 'none' }],
    [
      'keys',
      { symmetricKey: { primaryKey: KEY, secondaryKey: KEY } },
      { kind: 'sas', primaryKey: KEY, secondaryKey: KEY },
    ],
    [
      'typed',
      {
        type: 'sas',
        symmetricKey: { primaryKey: KEY, secondaryKey: KEY },
        x509Thumbprint: { primaryThumbprint: null },
      },
      { kind: 'sas', primaryKey: KEY, secondaryKey: KEY },
    ],
  ] as const
  for (const [deviceId, authentication, expected] of cases) {
    documentOf(await hub.local('PUT', `/devices/${deviceId}`, { deviceId, authentication }))
    assert.deepEqual((await hub.services.registry.read({ deviceId }))?.authentication, expected, deviceId)
  }
})

test('without If-Match a device is made and never changed, with it changed and never made', async () => {
  const hub = await hubStage()
  assert.deepEqual(outcome(await hub.local('PUT', '/devices/d', {}, ANY)), [404, 'DeviceNotFound'])
  const { etag } = documentOf(await hub.local('PUT', '/devices/d', { deviceId: 'd' }))
  assert.deepEqual(outcome(await hub.local('PUT', '/devices/d', { status: 'disabled' })), [409, 'DeviceAlreadyExists'])
  const first = documentOf(
    await hub.local('PUT', '/devices/d', { status: 'disabled' }, { 'if-match': `"${String(etag)}"` }),
  )
  assert.equal(first['status'], 'disabled')
  assert.notEqual(first['etag'], etag)
  const stale = await hub.local('PUT', '/devices/d', { status: 'enabled' }, { 'if-match': `"${String(etag)}"` })
  assert.deepEqual(outcome(stale), [412, 'PreconditionFailed'])
  assert.deepEqual(outcome(await hub.local('DELETE', '/devices/d', undefined, { 'if-match': 'AAA=' })), [
    412,
    'PreconditionFailed',
  ])
  assert.equal((await hub.local('DELETE', '/devices/d', undefined, ANY)).status, 204)
  assert.deepEqual(outcome(await hub.local('DELETE', '/devices/d', undefined, ANY)), [404, 'DeviceNotFound'])
  assert.deepEqual(outcome(await hub.local('GET', '/devices/d')), [404, 'DeviceNotFound'])
})

test('of concurrent changes under one ETag, one is made', async () => {
  const hub = await hubStage()
  const { etag } = documentOf(await hub.local('PUT', '/devices/d', {}))
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, at) =>
      hub.local('PUT', '/devices/d', { statusReason: `writer ${at}` }, { 'if-match': `"${String(etag)}"` }),
    ),
  )
  assert.deepEqual(
    answers.map(({ status }) => status).toSorted((a, b) => a - b),
    [200, ...Array.from({ length: 19 }, () => 412)],
  )
  const made = await Promise.all(Array.from({ length: 5 }, () => hub.local('PUT', '/devices/new', {})))
  assert.deepEqual(
    made.map(({ status }) => status).toSorted((a, b) => a - b),
    [200, 409, 409, 409, 409],
  )
})

test('an update says nothing of what it leaves out: keys and status stay', async () => {
  const hub = await hubStage()
  const before = documentOf(await hub.local('PUT', '/devices/d', { status: 'disabled', statusReason: 'stolen' }))
  const after = documentOf(
    await hub.local(
      'PUT',
      '/devices/d',
      { authentication: { type: 'sas', symmetricKey: { primaryKey: '', secondaryKey: '' } } },
      ANY,
    ),
  )
  assert.deepEqual({ ...after, etag: before['etag'] }, before)
  assert.deepEqual(hub.cuts, [])
  const round = documentOf(
    await hub.local('PUT', '/devices/d', { ...before, status: 'enabled', statusReason: null }, ANY),
  )
  assert.deepEqual([round['status'], round['statusReason']], ['enabled', null])
})

test('what a change takes away cuts sessions off before it is answered', async () => {
  const hub = await hubStage()
  const { generationId } = documentOf(await hub.local('PUT', '/devices/d', {}))
  await hub.local('PUT', '/devices/d', { status: 'disabled' }, ANY)
  await hub.local('PUT', '/devices/d', { authentication: { symmetricKey: { primaryKey: KEY } } }, ANY)
  await hub.local('PUT', '/devices/d', { authentication: { type: 'certificateAuthority' } }, ANY)
  await hub.local('DELETE', '/devices/d')
  assert.deepEqual(hub.cuts, [
    { kind: 'identity', deviceId: 'd', generationId, reason: 'identity-disabled' },
    { kind: 'key', deviceId: 'd', slot: 'primary' },
    { kind: 'authentication', deviceId: 'd', keepsIssued: true },
    { kind: 'identity', deviceId: 'd', generationId, reason: 'identity-deleted' },
  ])
})

test('a re-created device has another generation', async () => {
  const hub = await hubStage()
  const first = documentOf(await hub.local('PUT', '/devices/d', {}))
  await hub.local('DELETE', '/devices/d', undefined, ANY)
  const second = documentOf(await hub.local('PUT', '/devices/d', {}))
  assert.notEqual(first['generationId'], second['generationId'])
})

test('what is connected is shown as connected', async () => {
  const hub = await hubStage()
  await hub.local('PUT', '/devices/d', {})
  hub.connected.set('d', { since: hub.clock.wall(), lastActivity: hub.clock.wall() })
  const shown = documentOf(await hub.local('GET', '/devices/d'))
  assert.equal(shown['connectionState'], 'Connected')
  assert.equal(shown['connectionStateUpdatedTime'], '2026-11-02T12:00:00.000Z')
  assert.equal(shown['lastActivityTime'], '2026-11-02T12:00:00.000Z')
  assert.deepEqual((await hub.local('GET', '/statistics/service')).body, { connectedDeviceCount: 1 })
})

test('statistics count by status', async () => {
  const hub = await hubStage()
  for (const id of ['a', 'b', 'c'])
    await hub.local('PUT', `/devices/${id}`, { status: id === 'b' ? 'disabled' : 'enabled' })
  await hub.local('PUT', '/devices/a/modules/m', {})
  assert.deepEqual((await hub.local('GET', '/statistics/devices')).body, {
    totalDeviceCount: 3,
    enabledDeviceCount: 2,
    disabledDeviceCount: 1,
  })
})

test('a list ends where top says; what is out of range is the largest', async () => {
  const hub = await hubStage()
  for (const id of ['c', 'a', 'b']) await hub.local('PUT', `/devices/${id}`, {})
  const ids = async (path: string): Promise<unknown> =>
    ((await hub.local('GET', path)).body as { deviceId: string }[]).map(({ deviceId }) => deviceId)
  assert.deepEqual(await ids('/devices?top=2'), ['a', 'b'])
  for (const top of ['0', '1001', '-1', 'x', ''])
    assert.deepEqual(await ids(`/devices?top=${top}`), ['a', 'b', 'c'], top)
})

test('keys are shown to readers as Azure does it, and that is an event; without the right nothing is', async () => {
  const hub = await hubStage()
  await hub.local('PUT', '/devices/d', {})
  hub.events.length = 0
  documentOf(await hub.service('registryRead', 'GET', '/devices/d'))
  assert.deepEqual(
    hub.events.map(({ type, subject, actor }) => [type, subject, actor]),
    [['identity.secret-disclosed', 'device/d', 'policy/registryRead']],
  )
  for (const [policy, method, path, body] of [
    ['registryRead', 'PUT', '/devices/x', {}],
    ['registryRead', 'DELETE', '/devices/d', undefined],
    ['registryRead', 'POST', '/devices', []],
    ['service', 'GET', '/devices/d', undefined],
    ['device', 'GET', '/devices', undefined],
    ['device', 'GET', '/statistics/devices', undefined],
  ] as const) {
    const answer = await hub.service(policy, method, path, body)
    assert.deepEqual(outcome(answer), [401, 'IotHubUnauthorizedAccess'], `${policy} ${method}`)
    assert.equal(answer.headers.get('iothub-errorcode'), 'IotHubUnauthorizedAccess')
  }
  for (const headers of [
    {},
    { authorization: 'x' },
    { authorization: hub.token('iothubowner', { seconds: -3_600 }) },
  ]) {
    const answer = await hub.remote({ method: 'GET', target: '/devices/d?api-version=2021-04-12', headers })
    assert.deepEqual(outcome(answer), [401, 'IotHubUnauthorizedAccess'])
  }
})

test('an api-version is asked for, and any date is one', async () => {
  const hub = await hubStage()
  const ask = (query: string): Promise<HubAnswer> =>
    hub.remote({ method: 'GET', target: `/devices${query}`, headers: { authorization: hub.token('iothubowner') } })
  for (const query of ['', '?', '?api-version=', '?api-version=latest', '?api-version=2021-13-01']) {
    assert.deepEqual(outcome(await ask(query)), [400, 'InvalidProtocolVersion'], query)
  }
  for (const version of ['2016-11-14', '2020-09-30', '2021-04-12', '2025-08-01-preview']) {
    assert.equal((await ask(`?api-version=${version}&top=1&whatever=x`)).status, 200)
  }
})

test('values that cannot be are refused by name', async () => {
  const hub = await hubStage()
  const bodies: readonly unknown[] = [
    { deviceId: 'other' },
    { moduleId: 'm' },
    { status: 'broken' },
    { status: 7 },
    { statusReason: 'x'.repeat(129) },
    { authentication: 'sas' },
    { authentication: { type: 'password' } },
    { authentication: { type: 'selfSigned' } },
    { authentication: { x509Thumbprint: { primaryThumbprint: 'abc' } } },
    { authentication: { symmetricKey: { primaryKey: 'short' } } },
    { capabilities: { iotEdge: 'yes' } },
    { parentScopes: ['a', 'b'] },
    [],
    'null',
    '7',
  ]
  for (const body of bodies) {
    assert.deepEqual(
      outcome(await hub.local('PUT', '/devices/d', body)),
      [400, 'ArgumentInvalid'],
      JSON.stringify(body),
    )
  }
  assert.deepEqual(outcome(await hub.local('PUT', '/devices/d', '{')), [400, 'IotHubFormatError'])
  assert.deepEqual(outcome(await hub.local('PUT', '/devices/d', '')), [400, 'ArgumentNull'])
  assert.deepEqual(outcome(await hub.local('PUT', '/devices/d', '<d/>', { 'content-type': 'text/xml' })), [
    415,
    'GenericUnsupportedMediaType',
  ])
  assert.equal(await hub.services.registry.read({ deviceId: 'd' }), undefined)
})

test('hostile bodies and addresses are refused, and nothing is kept of them', async () => {
  const hub = await hubStage()
  const deep = '['.repeat(30_000) + ']'.repeat(30_000)
  assert.deepEqual(outcome(await hub.local('PUT', '/devices/d', deep)), [400, 'ArgumentInvalid'])
  assert.deepEqual(outcome(await hub.local('PUT', '/devices/d', { x: 'y'.repeat(70_000) })), [413, 'MessageTooLarge'])
  assert.deepEqual(outcome(await hub.local('POST', '/devices', `"${'y'.repeat(1_100_000)}"`)), [413, 'MessageTooLarge'])
  // A prototype is nothing that a body can reach.
  documentOf(await hub.local('PUT', '/devices/d', '{"__proto__":{"status":"disabled"},"constructor":{"x":1}}'))
  assert.equal((await hub.services.registry.read({ deviceId: 'd' }))?.status, 'enabled')
  for (const id of [
    'a%2Fb',
    '%2e%2e%2fd',
    'caf%C3%A9',
    'a%20b',
    'a%00b',
    'a%5Cb',
    '%7B%7D',
    'x'.repeat(129),
    '%F0%9F%92%A9',
  ]) {
    assert.deepEqual(outcome(await hub.local('PUT', `/devices/${id}`, {})), [400, 'ArgumentInvalid'], id)
  }
  // Whatever writes `..` into a path gets what is left when it is resolved.
  assert.deepEqual(outcome(await hub.local('PUT', '/devices/..', {})), [404, 'GenericNotFound'])
  assert.deepEqual(outcome(await hub.local('PUT', '/devices/%2e%2e/devices', {})), [405, 'GenericMethodNotAllowed'])
  assert.deepEqual(hub.failures, [])
})

test('an id may hold every character that it may hold', async () => {
  const hub = await hubStage()
  for (const deviceId of [
    "-.+%_#*?!(),:=@$'",
    '%41',
    '%',
    '#',
    '?',
    "a'b",
    '...',
    'x'.repeat(128),
    'query',
    'MODULES',
  ]) {
    const made = documentOf(await hub.local('PUT', `/devices/${encodeURIComponent(deviceId)}`, { deviceId }))
    assert.equal(made['deviceId'], deviceId)
    assert.equal(documentOf(await hub.local('GET', `/DEVICES/${encodeURIComponent(deviceId)}/`))['deviceId'], deviceId)
  }
  assert.equal(await hub.services.registry.read({ deviceId: 'A' }), undefined, 'decoded once')
})

test('a disk that takes nothing is 503 and Retry-After; a fault of ours is 500, says nothing and is logged', async () => {
  const hub = await hubStage()
  hub.identityStore.failure = Object.assign(new Error('disk full: /secret/path'), {
    name: 'StoreUnavailableError',
    code: 'STORE_UNAVAILABLE',
  })
  const full = await hub.local('PUT', '/devices/d', {})
  assert.deepEqual(outcome(full), [503, 'ServiceUnavailable'])
  assert.equal(full.headers.get('retry-after'), '10')
  hub.identityStore.failure = new TypeError('a bug: /secret/path')
  const fault = await hub.local('PUT', '/devices/d', {})
  assert.deepEqual(outcome(fault), [500, 'ServerError'])
  assert.ok(!JSON.stringify([full.body, fault.body]).includes('secret'))
  assert.equal(hub.failures.length, 1)
})
