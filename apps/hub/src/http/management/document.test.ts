import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ALL_OPERATIONS, PROBLEMS, PROBLEMS_PATH } from '@holdfast/api'
import { REMOTE, stage } from '../../testing/management-stage.ts'

test('the OpenAPI document is for whoever is known, whatever they may do, and for nobody else', async () => {
  const hub = await stage()
  assert.equal((await hub.remote('GET', '/openapi.json')).status, 401)
  for (const policy of ['device', 'registryRead', 'provisioningserviceowner']) {
    const { status, body } = await hub.service(policy, 'GET', '/openapi.json')
    assert.equal(status, 200, policy)
    assert.equal(body['openapi'], '3.1.1')
    const paths = Object.values(body['paths'] ?? {}) as Record<string, unknown>[]
    assert.equal(paths.flatMap((at) => Object.keys(at)).length, ALL_OPERATIONS.length)
  }
  assert.equal((await hub.local('GET', '/openapi.json?x=1')).status, 400)
})

test('it is not sent again to whom it is known', async () => {
  const hub = await stage()
  const first = await hub.local('GET', '/openapi.json')
  const again = await hub.local('GET', '/openapi.json', undefined, { 'if-none-match': first.headers.get('etag') ?? '' })
  assert.equal(again.status, 304)
})

test('the type of a problem leads to what its code means, for anybody', async () => {
  const hub = await stage()
  const refused = await hub.remote('GET', '/status')
  const type = new URL(String(refused.body['type']), 'https://hub.example')
  assert.equal(type.pathname, PROBLEMS_PATH)
  const page = await hub.send(new Request(type), REMOTE)
  assert.equal(page.status, 200)
  const text = await page.text()
  assert.ok(text.includes(`id="${type.hash.slice(1)}"`), type.hash)
  for (const code of Object.keys(PROBLEMS)) assert.ok(text.includes(`id="${code}"`), code)
})
