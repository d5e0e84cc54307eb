import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DEVICE_CERTIFICATE, encodePem, ROOT_AUTHORITY } from '@holdfast/pki'
import { issue } from '@holdfast/pki/testing'
import { parseConnectionString } from '@holdfast/tokens'
import { HubCertificateError } from '../../core/certificate-file.ts'
import { stage } from '../../testing/management-stage.ts'

test('policies are listed with their rights and without their keys', async () => {
  const hub = await stage()
  const { body } = await hub.local('GET', '/policies')
  const items = body['items'] as { name: string; rights: string[] }[]
  assert.equal(items.length, 6)
  assert.deepEqual(Object.keys(items[0] ?? {}), ['name', 'rights', 'current', 'keys'])
  // Of the keys their ages alone.
  for (const { primaryKey, secondaryKey } of hub.services.policies.list()) {
    for (const key of [primaryKey, secondaryKey]) assert.ok(!JSON.stringify(body).includes(key))
  }
})

test("the operator is given any policy's connection string, and that is an event", async () => {
  const hub = await stage()
  const service = await hub.local('GET', '/policies/service/connection-string')
  const parsed = parseConnectionString(String(service.body['connectionString']))
  assert.ok(parsed.kind === 'service' && parsed.credential.kind === 'key')
  assert.equal(parsed.credential.key, hub.services.policies.read('service')?.primaryKey)
  const eventHub = await hub.local('GET', '/policies/service/connection-string?eventHub=true&key=secondary')
  assert.match(
    String(eventHub.body['connectionString']),
    /^Endpoint=sb:\/\/hub\.example\/;SharedAccessKeyName=service;SharedAccessKey=.*;EntityPath=hub$/,
  )
  assert.equal(hub.events.filter(({ type }) => type === 'policy.secret-disclosed').length, 2)
  assert.equal((await hub.local('GET', '/policies/nobody/connection-string')).status, 404)
  assert.equal((await hub.local('GET', '/policies/__proto__/connection-string')).status, 404)
})

test('the Event Hubs-compatible endpoint names its port when it is not the usual one', async () => {
  const hub = await stage({ amqpPort: 15_671 })
  const { body } = await hub.local('GET', '/policies/service/connection-string?eventHub=true')
  assert.match(String(body['connectionString']), /^Endpoint=sb:\/\/hub\.example:15671\//)
})

test('nobody is given the key of a policy that has rights they lack', async () => {
  const hub = await stage()
  assert.equal((await hub.service('iothubowner', 'GET', '/policies/service/connection-string')).status, 200)
  const refused = await hub.service('iothubowner', 'GET', '/policies/provisioningserviceowner/connection-string')
  assert.equal(refused.status, 403)
  assert.match(String(refused.body['detail']), /EnrollmentWrite/)
  const change = { key: 'primary' }
  const path = '/policies/provisioningserviceowner/regenerate-key'
  assert.equal((await hub.service('iothubowner', 'POST', path, change)).status, 403)
})

test('a new key of a policy cuts the sessions of its slot and refuses its old tokens', async () => {
  const hub = await stage()
  const authorization = hub.token('iothubowner')
  const { body } = await hub.local('POST', '/policies/iothubowner/regenerate-key', { key: 'primary' })
  assert.deepEqual(body, { sessionsClosed: 1, milliseconds: 3 })
  assert.deepEqual(hub.cuts, [{ kind: 'policy', name: 'iothubowner', slot: 'primary' }])
  assert.equal((await hub.remote('GET', '/status', { authorization })).status, 401)
  assert.equal((await hub.local('POST', '/policies/x/regenerate-key', { key: 'primary' })).status, 404)
  assert.equal((await hub.local('POST', '/policies/service/regenerate-key', { key: 'third' })).status, 400)
})

test('an authority is added, verified by its nonce, shown and removed', async () => {
  const hub = await stage()
  const root = await issue({ profile: ROOT_AUTHORITY, commonName: 'Plant Root' })
  const certificate = encodePem('CERTIFICATE', root.certificate.der)
  const added = await hub.local('POST', '/authorities', { name: 'plant', certificate })
  assert.equal(added.status, 201)
  assert.deepEqual([added.body['state'], added.body['subject']], ['pending', 'CN=Plant Root'])
  assert.equal((await hub.local('POST', '/authorities', { name: 'plant', certificate })).status, 409)
  const proof = await issue({ profile: DEVICE_CERTIFICATE, commonName: String(added.body['nonce']), issuer: root })
  const pem = encodePem('CERTIFICATE', proof.certificate.der)
  const wrong = await hub.local('POST', '/authorities/plant/verify', { certificate })
  assert.deepEqual([wrong.status, wrong.body['code']], [400, 'bad-proof'])
  const verified = await hub.local('POST', '/authorities/plant/verify', { certificate: pem })
  assert.deepEqual([verified.status, verified.body['state'], 'nonce' in verified.body], [200, 'verified', false])
  assert.deepEqual((await hub.local('GET', '/authorities')).body, { items: [verified.body] })
  assert.deepEqual((await hub.local('GET', '/authorities/plant')).body, verified.body)
  assert.deepEqual((await hub.local('DELETE', '/authorities/plant')).body, { sessionsClosed: 1, milliseconds: 3 })
  assert.equal((await hub.local('GET', '/authorities/plant')).status, 404)
  assert.equal((await hub.local('DELETE', '/authorities/plant')).status, 404)
  assert.equal(
    (await hub.local('POST', '/authorities', { name: 'p', certificate: 'x' })).body['code'],
    'bad-certificate',
  )
})

test('the certificate of the listeners is renewed by the owner, and the answer names it', async () => {
  const asked: string[] = []
  const renewed = { notAfter: '2027-02-02T12:00:00.000Z', sha256: 'AB'.repeat(32) }
  const hub = await stage({
    renewCertificate: async (actor) => {
      asked.push(actor)
      return renewed
    },
  })
  assert.deepEqual((await hub.local('POST', '/certificate/renew')).body, renewed)
  assert.deepEqual((await hub.service('iothubowner', 'POST', '/certificate/renew')).body, renewed)
  assert.deepEqual(asked, ['operator/local', 'policy/iothubowner'])
})

test('an authority that has ended renews nothing, and the refusal says what it needs', async () => {
  const hub = await stage({
    renewCertificate: () => Promise.reject(new HubCertificateError('/data/ca/root-key.json', 'it is needed')),
  })
  const { status, body } = await hub.local('POST', '/certificate/renew')
  assert.equal(status, 409)
  assert.match(String(body['detail']), /root's key/)
  assert.doesNotMatch(JSON.stringify(body), /\/data/)
})

test('a disk that takes nothing is no fault of the hub', async () => {
  const full = Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
  const hub = await stage({ renewCertificate: () => Promise.reject(full) })
  const { status, body } = await hub.local('POST', '/certificate/renew')
  assert.deepEqual([status, body['code']], [503, 'disk-unavailable'])
})

test('keys are listed, rotated and dropped, and each refusal says what to do', async () => {
  const hub = await stage()
  assert.equal(((await hub.local('GET', '/keys')).body['items'] as unknown[]).length, 1)
  assert.equal((await hub.local('POST', '/keys/rotate')).body['epoch'], 2)
  assert.deepEqual((await hub.local('DELETE', '/keys/1')).body, { epoch: 1, messages: 7 })
  const current = await hub.local('DELETE', '/keys/2')
  assert.deepEqual(
    [current.status, current.body['code'], current.body['detail']],
    [409, 'current-epoch', 'rotate first, then drop it'],
  )
  for (const epoch of ['3', '-1', '01', 'x', '99999999999', '1e1']) {
    const answer = await hub.local('DELETE', `/keys/${epoch}`)
    assert.deepEqual([answer.status, answer.body['code']], [404, 'unknown-epoch'], epoch)
  }
})

test('the status is that of the hub', async () => {
  const hub = await stage()
  assert.equal((await hub.local('GET', '/status')).body['hostname'], 'hub.example')
})

test('what is not served is refused in the same form', async () => {
  const hub = await stage()
  for (const [method, path, status] of [
    ['GET', '/', 404],
    ['PUT', '/status', 405],
    ['DELETE', '/devices/a/modules', 405],
    ['PUT', '/', 404],
    ['GET', '/devices/a/b/c', 404],
    ['HEAD', '/messages', 405],
    ['OPTIONS', '/status', 405],
    ['GET', `/devices/${'x'.repeat(5_000)}`, 414],
  ] as const) {
    const response = await hub.send(hub.request(method, path))
    assert.equal(response.status, status, `${method} ${path}`)
    if (method !== 'HEAD') assert.equal(response.headers.get('content-type'), 'application/problem+json')
  }
  for (const method of ['PUT', 'HEAD', 'OPTIONS']) {
    const { headers } = await hub.send(hub.request(method, '/devices/a'))
    assert.equal(headers.get('allow'), 'GET, PATCH, DELETE', method)
    for (const [name] of headers) assert.doesNotMatch(name, /^access-control-/, 'no page of others is let in')
  }
})

test('who asks for what is not there is told of, with nothing of what they wrote', async () => {
  const hub = await stage()
  await hub.remote('GET', '/etc/secret?x=<script>')
  await hub.send(hub.request('BREW', '/devices'))
  await hub.local('GET', '/devices/a')
  assert.deepEqual(
    hub.events.map(({ type, actor, detail }) => [type, actor, detail]),
    [
      ['request.refused', 'address/10.0.0.7', { method: 'GET', reason: 'no-such-address', address: '10.0.0.7' }],
      ['request.refused', 'address/local', { method: 'other', reason: 'method-not-allowed', address: 'local' }],
    ],
  )
})
