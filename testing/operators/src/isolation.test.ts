/**
 * Two organisations on one hub: every operation that there is, tried by one with the things of the other. The operations
 * come from the table from which routes are made, so that a new one is tried without anybody thinking of it.
 */

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { ALL_OPERATIONS, type Operation } from '@holdfast/api'
import { LiveDevice, ServiceCaller } from '@holdfast/testing-hub'
import { PeopleHub, type WebAnswer } from './people-hub.ts'

const OTHERS = 'zebra-7f3a'
const MODULE = 'zebra-module'
const OWN = 'acme-pump'
/** In everything of the other organisation: what shows it in an answer has failed. */
const MARK = /zebra/

let hub: PeopleHub
let acme: Caller
let home: Caller
let file = ''
let before_: unknown

type Caller = (method: string, path: string, body?: object) => Promise<WebAnswer>

before(async () => {
  hub = await PeopleHub.start()
  await hub.api.createDevice(OTHERS)
  await local('POST', `/devices/${OTHERS}/modules`, { moduleId: MODULE })
  await local('POST', '/organisations', { name: 'acme' })
  await local('POST', '/devices', { deviceId: OWN, fleet: 'acme/main/default' })
  await local('POST', '/organisations/home/sites', { name: 'zebra-site' })
  await local('POST', '/organisations/home/sites/zebra-site/fleets', { name: 'zebra-fleet' })
  await local('PUT', '/organisations/home/roles/zebra-role', {
    text: 'permit (principal in Role::"zebra-role", action == Action::"device:read", resource);',
  })
  home = await machine('home', 'zebra-token')
  acme = await machine('acme', 'acme-token')
  await devicesAct()
  await local('POST', '/quarantine', { deviceId: OTHERS, moduleId: MODULE, reason: 'zebra-reason' })
  before_ = await all()
})

after(() => hub.stop())

/** Telemetry, a reported property and a file of both. */
async function devicesAct(): Promise<void> {
  const { hostname, ports } = await hub.api.status()
  for (const deviceId of [OTHERS, OWN]) {
    const key = await hub.api.keyOf(deviceId)
    const server = { hostname, port: ports.mqtt, authority: hub.authority }
    const device = new LiveDevice({ id: deviceId, key, server })
    await device.open()
    await device.sendTelemetry(Buffer.from(`{"from":"${deviceId}"}`))
    await device.report({ mark: deviceId })
    device.close()
    const caller = new ServiceCaller({
      hostname,
      httpsPort: hub.port,
      authority: hub.authority,
      policy: '',
      key,
      resource: `${hostname}/devices/${deviceId}`,
      connectionsMax: 1,
    })
    const granted = JSON.parse((await caller.call('POST', `/devices/${deviceId}/files/`, { blobName: 'log' })).text)
    const blob = `/${granted.containerName}/${granted.blobName}${granted.sasToken}`
    const put = await hub.web('PUT', blob, { headers: { 'x-ms-blob-type': 'BlockBlob' }, body: { of: deviceId } })
    assert.equal(put.status, 201, JSON.stringify(put.body))
    caller.close()
    if (deviceId === OTHERS) file = granted.correlationId
  }
}

async function local(method: string, path: string, body?: object): Promise<unknown> {
  const answer = await hub.api.call(method, `/api/v1${path}`, body)
  assert.ok(answer.status < 300, `${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
  return answer.body
}

/** A machine that may do all that there is, in its organisation. */
async function machine(organisation: string, name: string): Promise<Caller> {
  const on = `organisation/${organisation}`
  const made = await local('POST', `/organisations/${organisation}/tokens`, {
    name,
    scope: [{ role: 'administrator', on }],
  })
  const headers = { authorization: `Bearer ${String(Reflect.get(Object(made), 'text'))}` }
  return async (method, path, body) => {
    for (let attempt = 0; ; attempt += 1) {
      const answer = await hub.web(method, path, { headers, ...(body === undefined ? {} : { body }) })
      if (answer.status !== 429 || attempt >= 20) return answer
      await new Promise((resolve) => setTimeout(resolve, 500))
    }
  }
}

/** What the other organisation has, as the operator of the hub sees it. */
async function all(): Promise<unknown> {
  const views = [
    local('GET', '/devices'),
    local('GET', `/devices/${OTHERS}/modules`),
    local('GET', '/files'),
    local('GET', '/quarantine'),
    local('GET', '/organisations'),
    local('GET', '/organisations/home'),
    local('GET', '/organisations/home/roles'),
    local('GET', '/organisations/home/assignments'),
    local('GET', '/policies'),
  ]
  // Of tokens: all but when they were used, which is what the test does.
  return Promise.all(views)
}

/** Names of the other organisation's things in a path; of nothing's. */
const THINGS: Readonly<Record<string, () => string>> = {
  id: () => OTHERS,
  module: () => MODULE,
  organisation: () => 'home',
  site: () => 'zebra-site',
  fleet: () => 'zebra-fleet',
  role: () => 'zebra-role',
  name: () => 'zebra-token',
  file: () => file,
}
const NOTHING: Readonly<Record<string, () => string>> = Object.fromEntries(
  Object.entries(THINGS).map(([name]) => [name, () => (name === 'file' ? 'ab'.repeat(16) : 'okapi-0000')]),
)

/** What is sent to operations that find their devices by what is sent. A new one of these says here what it is sent. */
const REQUESTS: Readonly<Record<string, (device: string) => { readonly query?: string; readonly body?: object }>> = {
  'query.run': () => ({ body: { query: 'SELECT deviceId FROM devices' } }),
  'quarantine.add': (deviceId) => ({ body: { deviceId, reason: 'x' } }),
  'certificate.list': (device) => ({ query: `?device=${device}` }),
  'certificate.revoke': () => ({ body: {} }),
  'certificate.revokeAll': (deviceId) => ({ body: { deviceId } }),
  'device.create': (deviceId) => ({ body: { deviceId, fleet: 'home/main/default' } }),
}

function concrete({ path }: Operation, things: Readonly<Record<string, () => string>>): string {
  return path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(things[name]?.() ?? 'x'))
}

/** What was sent is no secret of the other's. */
function told({ status, body }: WebAnswer, sent: string): { readonly status: number; readonly text: string } {
  return { status, text: JSON.stringify(body ?? null).replaceAll(sent, '…') }
}

for (const operation of ALL_OPERATIONS) {
  const { id, method, on } = operation
  test(`${id}: an organisation neither reads, changes nor finds what is another’s`, async () => {
    const example = REQUESTS[id]
    assert.ok(
      on !== 'devices' || operation.body === undefined || example !== undefined,
      `say in REQUESTS what ${id} is sent`,
    )
    const ask = async (things: Readonly<Record<string, () => string>>) => {
      const device = things['id']?.() ?? ''
      const { query = '', body = method === 'GET' || method === 'DELETE' ? undefined : {} } = example?.(device) ?? {}
      return told(await acme(method, `${concrete(operation, things)}${query}`, body), device)
    }
    const answer = await ask(THINGS)
    assert.doesNotMatch(answer.text, MARK)
    // 404 and 403 are one to whoever asks: what is another's answers as what is not there.
    assert.deepEqual(answer, await ask(NOTHING))
    if (on === 'hub') assert.equal(answer.status, 403)
    if (on === 'device' || on === 'organisation') assert.equal(answer.status, 404)
    if (on === 'self') assert.ok([400, 403, 404].includes(answer.status), String(answer.status))
  })
}

test('nothing of the other organisation has changed', async () => {
  assert.deepEqual(await all(), before_)
})

test('lists, queries and streams hold what is one’s own, and counts count nothing else', async () => {
  for (const [who, own, others] of [
    [acme, OWN, OTHERS],
    [home, OTHERS, OWN],
  ] as const) {
    const read = async (method: string, path: string, body?: object): Promise<string> =>
      JSON.stringify((await who(method, `/api/v1${path}`, body)).body)
    const query = ALL_OPERATIONS.find(({ id }) => id === 'query.run')?.path.replace('/api/v1', '') ?? ''
    const messages = ALL_OPERATIONS.find(({ id }) => id === 'message.read')?.path.replace('/api/v1', '') ?? ''
    for (const path of ['/devices', '/files', messages, `${messages}?limit=1`]) {
      const text = await read('GET', path)
      assert.match(text, new RegExp(own), path)
      assert.doesNotMatch(text, new RegExp(others), path)
    }
    assert.doesNotMatch(await read('GET', `${messages}?device=${others}`), new RegExp(others))
    assert.doesNotMatch(await read('GET', `/files?device=${others}`), new RegExp(others))
    const found = await read('POST', query, { query: 'SELECT * FROM devices' })
    assert.match(found, new RegExp(own))
    assert.doesNotMatch(found, new RegExp(others))
    const count = await read('POST', query, { query: 'SELECT COUNT() AS n FROM devices' })
    assert.match(count, /"n":1\b/)
    const grouped = await read('POST', query, {
      query: `SELECT COUNT() AS n FROM devices WHERE deviceId = '${others}'`,
    })
    assert.doesNotMatch(grouped, /"n":1\b/)
    const page = (await who('GET', '/api/v1/devices?limit=1')).body
    const next: unknown = Reflect.get(Object(page), 'next')
    if (typeof next === 'string')
      assert.doesNotMatch(await read('GET', `/devices?limit=1&after=${next}`), new RegExp(others))
  }
})

test('a machine of the first organisation reaches nothing of another, though the hub is its own', async () => {
  for (const operation of ALL_OPERATIONS) {
    if (operation.on !== 'device' && operation.on !== 'organisation') continue
    const path = operation.path
      .replace('{id}', OWN)
      .replace('{organisation}', 'acme')
      .replaceAll(/\{\w+\}/g, 'x')
    const body = operation.method === 'GET' || operation.method === 'DELETE' ? undefined : {}
    const { status } = await home(operation.method, path, body)
    assert.equal(status, 404, operation.id)
  }
})

test('a device is put under no edge device of another organisation', async () => {
  const made = await local('POST', '/devices', { deviceId: 'zebra-edge', iotEdge: true })
  const parentScope = String(Reflect.get(Object(made), 'deviceScope'))
  const refused = await acme('PATCH', `/api/v1/devices/${OWN}`, { parentScope })
  const unknown = await acme('PATCH', `/api/v1/devices/${OWN}`, { parentScope: 'ms-azure-iot-edge://okapi-1' })
  assert.deepEqual([refused.status, refused.body], [unknown.status, unknown.body])
  assert.ok(refused.status >= 400)
  const child = await acme('POST', '/api/v1/devices', { deviceId: 'acme-child', parentScope })
  assert.deepEqual([child.status, child.body], [refused.status, refused.body])
})

test('what is left of a deleted device is not shown to whoever takes its name', async () => {
  await local('DELETE', `/devices/${OTHERS}`)
  assert.equal((await acme('POST', '/api/v1/devices', { deviceId: OTHERS })).status, 201)
  const messages = ALL_OPERATIONS.find(({ id }) => id === 'message.read')?.path ?? ''
  for (const path of [
    `${messages}?device=${OTHERS}`,
    '/api/v1/files',
    `/api/v1/files?device=${OTHERS}`,
    `/api/v1/files/${file}/content`,
  ]) {
    assert.doesNotMatch(JSON.stringify((await acme('GET', path)).body), /zebra-7f3a\\?"|"of"/, path)
  }
})
