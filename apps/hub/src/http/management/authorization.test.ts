import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DEFAULT_POLICIES } from '@holdfast/identity'
import { MANAGEMENT_ROUTES } from './index.ts'
import { HOST, stage } from '../../testing/management-stage.ts'

const concrete = (path: string): string => path.replace('/api/v1', '').replace(/:[a-z]+/g, 'x')

test('every route asks for at least one right, and no two answer the same', () => {
  for (const { rights } of MANAGEMENT_ROUTES) assert.ok(rights.length >= 1)
  const names = MANAGEMENT_ROUTES.map(({ method, path }) => `${method} ${path}`)
  assert.equal(new Set(names).size, names.length)
})

for (const { method, path, rights, operation } of MANAGEMENT_ROUTES) {
  test(`${method} ${path} is refused without a token, with a wrong one, and to policies without ${rights.join(', ')}`, async () => {
    const hub = await stage()
    const target = concrete(path)
    // Whatever the rights; that is said as such.
    const isLocal = operation.isLocalOnly === true
    const body = method === 'POST' || method === 'PATCH' ? {} : undefined
    const refusals = [
      {},
      { authorization: '' },
      { authorization: 'Bearer x' },
      { authorization: hub.token('iothubowner', { seconds: -3_600 }) },
      { authorization: hub.token('iothubowner', { resource: 'other.example' }) },
      { authorization: hub.token('iothubowner', { resource: `${HOST}/devices/x` }) },
      {
        authorization: hub.token('iothubowner').replace(/sig=[^&]*/, `sig=${encodeURIComponent(`${'A'.repeat(43)}=`)}`),
      },
    ]
    const answers = []
    for (const headers of refusals) answers.push(await hub.remote(method, target, headers, body))
    for (const answer of answers) {
      assert.equal(answer.status, 401)
      assert.deepEqual(answer.body, answers[0]?.body, 'all refusals look alike')
      assert.match(answer.headers.get('www-authenticate') ?? '', /^(Bearer, )?SharedAccessSignature$/)
    }
    assert.equal(hub.events.filter(({ type }) => type === 'request.refused').length, refusals.length)
    for (const policy of DEFAULT_POLICIES) {
      const answer = await hub.service(policy.name, method, target, body).catch(() => ({ status: 0, body: {} }))
      const may = rights.every((right) => policy.rights.includes(right))
      const isRefused = [401, 403].includes(answer.status)
      const code = 'code' in answer.body ? answer.body.code : ''
      if (may) assert.equal(isRefused ? code : '', isLocal ? 'local-only' : '', `${policy.name} ${answer.status}`)
      else assert.deepEqual([answer.status, code], [403, 'not-allowed'], policy.name)
    }
    assert.equal(hub.cuts.length, 0)
    assert.deepEqual(hub.failures, [])
  })
}

test('the refused of a policy are told which right they lack', async () => {
  const hub = await stage()
  const { body } = await hub.service('registryRead', 'POST', '/devices', { deviceId: 'd' })
  assert.equal(body['code'], 'not-allowed')
  assert.match(String(body['detail']), /RegistryWrite/)
  assert.deepEqual(hub.events.at(-1)?.detail, {
    method: 'POST',
    reason: 'policy-without-right',
    address: '10.0.0.7',
    operation: 'device.create',
  })
})

test('what arrives on a port is never the operator, whatever it says of itself', async () => {
  const hub = await stage()
  for (const headers of [{ host: 'localhost' }, { 'x-forwarded-for': '127.0.0.1' }, { peer: 'local' }]) {
    assert.equal((await hub.remote('GET', '/status', headers)).status, 401)
  }
})

test('every answer, a refusal too, carries the security headers', async () => {
  const hub = await stage()
  const answers = [
    await hub.local('GET', '/status'),
    await hub.local('GET', '/nothing'),
    await hub.remote('GET', '/status'),
    await hub.local('GET', '/devices?x=1'),
  ]
  assert.deepEqual(
    answers.map(({ status }) => status),
    [200, 404, 401, 400],
  )
  for (const { headers } of answers) {
    assert.equal(headers.get('cache-control'), 'no-store')
    assert.equal(headers.get('x-content-type-options'), 'nosniff')
    assert.match(headers.get('strict-transport-security') ?? '', /max-age=\d{7,}/)
    assert.match(headers.get('content-security-policy') ?? '', /default-src 'none'/)
  }
})
