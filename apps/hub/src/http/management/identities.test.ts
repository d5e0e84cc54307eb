import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseConnectionString } from '@holdfast/tokens'
import { stage } from '../../testing/management-stage.ts'

const SHA256 = 'AB'.repeat(32)

test('a device is created, shown, listed, changed and deleted; no answer holds a key', async () => {
  const hub = await stage()
  const created = await hub.local('POST', '/devices', { deviceId: 'pump-1' })
  assert.equal(created.status, 201)
  assert.equal(created.body['auth'], 'sas')
  assert.equal(created.body['createdTime'], '2026-11-02T12:00:00.000Z')
  const shown = await hub.local('GET', '/devices/pump-1')
  assert.deepEqual(shown.body, created.body)
  assert.equal(shown.headers.get('etag'), `"${String(created.body['etag'])}"`)
  const identity = await hub.services.registry.read({ deviceId: 'pump-1' })
  assert.ok(identity?.authentication.kind === 'sas')
  const list = await hub.local('GET', '/devices')
  assert.deepEqual(list.body, { items: [created.body] })
  assert.ok(!JSON.stringify([created, shown, list]).includes(identity.authentication.primaryKey))
  assert.deepEqual((await hub.local('DELETE', '/devices/pump-1')).body, { sessionsClosed: 1, milliseconds: 3 })
  const gone = await hub.local('GET', '/devices/pump-1')
  assert.deepEqual([gone.status, gone.body['code']], [404, 'missing'])
})

test('disabling a device hands its cut to the sessions and answers with what that did', async () => {
  const hub = await stage()
  await hub.local('POST', '/devices', { deviceId: 'pump-1' })
  const { status, body } = await hub.local('PATCH', '/devices/pump-1', { status: 'disabled', statusReason: 'stolen' })
  assert.deepEqual([status, body], [200, { sessionsClosed: 1, milliseconds: 3 }])
  assert.deepEqual(
    hub.cuts.map((cut) => [cut.kind, 'reason' in cut && cut.reason]),
    [['identity', 'identity-disabled']],
  )
  const shown = await hub.local('GET', '/devices/pump-1')
  assert.deepEqual([shown.body['status'], shown.body['statusReason']], ['disabled', 'stolen'])
  assert.deepEqual((await hub.local('PATCH', '/devices/pump-1', { status: 'enabled' })).body, {
    sessionsClosed: 0,
    milliseconds: 0,
  })
})

test('connection and activity are shown while there is one', async () => {
  const hub = await stage()
  await hub.local('POST', '/devices', { deviceId: 'pump-1' })
  hub.connected.set('pump-1', { since: hub.clock.wall(), lastActivity: hub.clock.wall() })
  const { body } = await hub.local('GET', '/devices/pump-1')
  assert.equal(body['connected'], true)
  assert.equal(body['connectedSince'], '2026-11-02T12:00:00.000Z')
  assert.equal(body['lastActivityTime'], '2026-11-02T12:00:00.000Z')
})

test('a list goes on where the page before ended', async () => {
  const hub = await stage()
  for (const deviceId of ['a', 'b', 'c']) await hub.local('POST', '/devices', { deviceId })
  const first = await hub.local('GET', '/devices?limit=2')
  assert.equal(first.body['next'], 'b')
  const second = await hub.local('GET', '/devices?limit=2&after=b')
  assert.equal('next' in second.body, false)
  assert.equal((second.body['items'] as unknown[]).length, 1)
})

test('the fields of a new device must go together, and every fault is named', async () => {
  const hub = await stage()
  const cases: [unknown, string[]][] = [
    [{}, ['/deviceId']],
    [{ deviceId: 1, colour: 'red', 'a/b': 1 }, ['/deviceId', '/colour', '/a~1b']],
    [{ deviceId: 'd', auth: 'x509-ca', thumbprints: [SHA256], primaryKey: 'x' }, ['/thumbprints', '/primaryKey']],
    [{ deviceId: 'd', auth: 'x509-thumbprint' }, ['/thumbprints']],
    [{ deviceId: 'd', thumbprints: [SHA256, SHA256, SHA256] }, ['/thumbprints']],
    [JSON.parse('{"deviceId":"d","__proto__":{"x":1}}'), ['/__proto__']],
    [[], ['']],
    ['{', ['']],
    ['', ['']],
  ]
  for (const [body, paths] of cases) {
    const answer = await hub.local('POST', '/devices', body)
    assert.deepEqual([answer.status, answer.body['code']], [400, 'invalid-request'], JSON.stringify(body))
    const faults = answer.body['faults'] as { path: string }[]
    for (const path of paths)
      assert.ok(
        faults.some((fault) => fault.path === path),
        `${path} in ${JSON.stringify(faults)}`,
      )
  }
  for (const body of [
    { deviceId: 'a b' },
    { deviceId: 'd', primaryKey: 'short' },
    { deviceId: 'd', thumbprints: ['AB'] },
  ]) {
    const answer = await hub.local('POST', '/devices', body)
    assert.deepEqual([answer.status, answer.body['code']], [400, 'invalid'], JSON.stringify(body))
  }
  assert.equal((await hub.identityStore.countDevices()).total, 0)
})

test('a body that is not said to be JSON, that is too large or not UTF-8 is refused', async () => {
  const hub = await stage()
  const plain = await hub.local('POST', '/devices', '{"deviceId":"d"}', { 'content-type': 'text/plain' })
  assert.equal(plain.status, 415)
  const large = await hub.local('POST', '/devices', JSON.stringify({ deviceId: 'x'.repeat(1_048_576) }))
  assert.equal(large.status, 413)
  const request = new Request('https://hub.example/api/v1/devices', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: new Uint8Array([0x22, 0xff, 0x22]),
  })
  assert.equal((await hub.send(request)).status, 400)
  const deep = await hub.local('POST', '/devices', `${'['.repeat(500_000)}`)
  assert.equal(deep.status, 400)
})

test('queries are as strict as bodies', async () => {
  const hub = await stage()
  for (const query of ['limit=0', 'limit=1001', 'limit=1e2', 'limit=1&limit=2', 'colour=red', 'limit=-1', 'limit=']) {
    const answer = await hub.local('GET', `/devices?${query}`)
    assert.equal(answer.status, 400, query)
  }
  assert.equal((await hub.local('DELETE', '/devices/x?force=true')).status, 400)
})

test('ids with every character that an id may have come through an address', async () => {
  const hub = await stage()
  for (const deviceId of ["-.+%_#*?!(),:=@$'", '%41', '%2F', 'a%', '__proto__', 'modules', '...']) {
    assert.equal((await hub.local('POST', '/devices', { deviceId })).status, 201, deviceId)
    const answer = await hub.local('GET', `/devices/${encodeURIComponent(deviceId)}`)
    assert.deepEqual([answer.status, answer.body['deviceId']], [200, deviceId])
  }
  for (const path of [
    '/devices/%2F',
    '/devices/%00',
    '/devices/%E0%A4%A',
    '/devices/a%2Fmodules%2Fb',
    '/devices/..%2f..',
  ]) {
    assert.equal((await hub.local('GET', path)).status, 404, path)
  }
})

test('thumbprints take the place of both slots, and what is taken away is cut', async () => {
  const hub = await stage()
  const other = 'CD'.repeat(20)
  await hub.local('POST', '/devices', { deviceId: 'd', thumbprints: [SHA256.toLowerCase()] })
  assert.deepEqual((await hub.local('GET', '/devices/d')).body['thumbprints'], [SHA256])
  await hub.local('PATCH', '/devices/d', { thumbprints: [other] })
  assert.deepEqual(hub.cuts, [{ kind: 'thumbprint', deviceId: 'd', thumbprint: SHA256 }])
  await hub.local('POST', '/devices', { deviceId: 'e' })
  assert.equal((await hub.local('PATCH', '/devices/e', { thumbprints: [other] })).status, 409)
  assert.equal((await hub.local('PATCH', '/devices/e', {})).status, 400)
})

test('a change of an older state is refused by If-Match', async () => {
  const hub = await stage()
  const { body } = await hub.local('POST', '/devices', { deviceId: 'd' })
  const change = (match: string) => hub.local('PATCH', '/devices/d', { statusReason: 'x' }, { 'if-match': match })
  assert.equal((await change('"old"')).status, 412)
  assert.equal((await change(`"${String(body['etag'])}"`)).status, 200)
  assert.equal((await change('"*"')).status, 200)
  assert.equal((await change('*')).status, 200)
})

test('a new key is not shown; the connection string discloses it, and that is an event', async () => {
  const hub = await stage()
  await hub.local('POST', '/devices', { deviceId: 'd' })
  const old = await hub.local('GET', '/devices/d/connection-string')
  const changed = await hub.local('POST', '/devices/d/regenerate-key', { key: 'primary' })
  assert.deepEqual(changed.body, { sessionsClosed: 1, milliseconds: 3 })
  assert.deepEqual(hub.cuts, [{ kind: 'key', deviceId: 'd', slot: 'primary' }])
  const fresh = await hub.local('GET', '/devices/d/connection-string')
  assert.notEqual(fresh.body['connectionString'], old.body['connectionString'])
  const parsed = parseConnectionString(String(fresh.body['connectionString']))
  assert.ok(parsed.kind === 'device' && parsed.credential.kind === 'key')
  assert.deepEqual([parsed.hostName, parsed.deviceId], ['hub.example', 'd'])
  const secondary = await hub.local('GET', '/devices/d/connection-string?key=secondary')
  assert.notEqual(secondary.body['connectionString'], fresh.body['connectionString'])
  assert.deepEqual(
    hub.events.filter(({ type }) => type === 'identity.secret-disclosed').map(({ detail }) => detail['slot']),
    ['primary', 'primary', 'secondary'],
  )
  assert.ok(!JSON.stringify(hub.events).includes(parsed.credential.key))
})

test('who proves itself by a certificate has a connection string without a key, and no key to change', async () => {
  const hub = await stage()
  await hub.local('POST', '/devices', { deviceId: 'd', auth: 'x509-ca' })
  assert.equal(
    (await hub.local('GET', '/devices/d/connection-string')).body['connectionString'],
    'HostName=hub.example;DeviceId=d;x509=true',
  )
  const answer = await hub.local('POST', '/devices/d/regenerate-key', { key: 'primary' })
  assert.deepEqual([answer.status, answer.body['code']], [409, 'no-keys'])
})

test('modules have the same routes below their device', async () => {
  const hub = await stage()
  assert.equal((await hub.local('POST', '/devices/d/modules', { moduleId: 'm' })).status, 404)
  await hub.local('POST', '/devices', { deviceId: 'd' })
  const created = await hub.local('POST', '/devices/d/modules', { moduleId: 'm' })
  assert.deepEqual([created.status, created.body['moduleId']], [201, 'm'])
  assert.deepEqual((await hub.local('GET', '/devices/d/modules')).body, { items: [created.body] })
  assert.deepEqual((await hub.local('GET', '/devices/d/modules/m')).body, created.body)
  assert.match(
    String((await hub.local('GET', '/devices/d/modules/m/connection-string')).body['connectionString']),
    /DeviceId=d;ModuleId=m;SharedAccessKey=/,
  )
  await hub.local('PATCH', '/devices/d/modules/m', { status: 'disabled' })
  await hub.local('POST', '/devices/d/modules/m/regenerate-key', { key: 'secondary' })
  await hub.local('DELETE', '/devices/d/modules/m')
  assert.deepEqual(
    hub.cuts.map((cut) => [cut.kind, 'moduleId' in cut && cut.moduleId]),
    [
      ['identity', 'm'],
      ['key', 'm'],
      ['identity', 'm'],
    ],
  )
  assert.equal((await hub.local('GET', '/devices/d/modules/m')).status, 404)
  assert.equal((await hub.local('GET', '/devices/ghost/modules')).status, 404)
})

test('when the store is unavailable the answer says to try again, and nothing is told of its inside', async () => {
  const hub = await stage()
  await hub.local('POST', '/devices', { deviceId: 'd' })
  hub.identityStore.failure = Object.assign(new Error('/var/lib/holdfast/state.db: disk full'), {
    name: 'StoreUnavailableError',
    code: 'STORE_UNAVAILABLE',
  })
  const unavailable = await hub.local('PATCH', '/devices/d', { status: 'disabled' })
  assert.deepEqual([unavailable.status, unavailable.body['code']], [503, 'store-unavailable'])
  hub.identityStore.failure = new Error('a bug with /a/path in it')
  const broken = await hub.local('GET', '/devices/other')
  assert.deepEqual([broken.status, broken.body['code']], [500, 'internal'])
  assert.ok(!JSON.stringify([unavailable.body, broken.body]).includes('/'.concat('var')))
  assert.ok(!JSON.stringify(broken.body).includes('bug'))
  assert.equal(hub.failures.length, 1)
})

test('an edge device shows its scope, and a device under it names that', async () => {
  const hub = await stage()
  const edge = await hub.local('POST', '/devices', { deviceId: 'edge', iotEdge: true })
  assert.equal(edge.body['iotEdge'], true)
  const parentScope = edge.body['deviceScope']
  assert.match(String(parentScope), /^ms-azure-iot-edge:\/\/edge-[0-9]+$/)
  const leaf = await hub.local('POST', '/devices', { deviceId: 'leaf', parentScope })
  assert.deepEqual(
    [leaf.body['parentScope'], 'deviceScope' in leaf.body, 'iotEdge' in leaf.body],
    [parentScope, false, false],
  )
  assert.equal((await hub.local('PATCH', '/devices/leaf', { parentScope: '' })).status, 200)
  assert.ok(!('parentScope' in (await hub.local('GET', '/devices/leaf')).body))
  const unknown = await hub.local('PATCH', '/devices/leaf', { parentScope: 'ms-azure-iot-edge://edge-1' })
  assert.deepEqual([unknown.status, unknown.body['code']], [400, 'unknown-scope'])
  await hub.local('POST', '/devices/leaf/modules', { moduleId: 'm' })
  assert.equal((await hub.local('PATCH', '/devices/leaf/modules/m', { iotEdge: true })).status, 400)
  await hub.local('PATCH', '/devices/edge', { iotEdge: false })
  assert.ok(!('iotEdge' in (await hub.local('GET', '/devices/edge')).body))
})
