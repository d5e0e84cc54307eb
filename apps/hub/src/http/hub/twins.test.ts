import assert from 'node:assert/strict'
import { test } from 'node:test'
import { timestampOf } from '@holdfast/base'
import type { IdentityKey } from '@holdfast/identity'
import { codeOf, type HubAnswer, hubStage } from '../../testing/hub-stage.ts'

const outcome = (answer: HubAnswer): readonly unknown[] => [answer.status, codeOf(answer)]

interface Document {
  readonly etag: string
  readonly version: number
  readonly tags: unknown
  readonly connectionState: string
  readonly lastActivityTime: string
  readonly properties: { readonly desired: Record<string, unknown>; readonly reported: Record<string, unknown> }
}

const documentOf = ({ status, body }: HubAnswer): Document => {
  assert.equal(status, 200)
  return body as Document
}

/** A hub with a device and a module of it, and their twins. */
async function stage() {
  const hub = await hubStage()
  const make = async (key: IdentityKey, path: string): Promise<void> => {
    assert.ok((await hub.local('PUT', path, {})).status < 300)
    hub.twinStore.create(key, { at: timestampOf(0), etag: 'first' })
  }
  await make({ deviceId: 'd' }, '/devices/d')
  await make({ deviceId: 'd', moduleId: 'm' }, '/devices/d/modules/m')
  hub.events.length = 0
  return hub
}

test('the twin of a device and that of a module are read and written apart', async () => {
  const hub = await stage()
  await hub.local('PATCH', '/twins/d', { tags: { of: 'd' } })
  await hub.local('PATCH', '/TWINS/d/Modules/m/', { tags: { of: 'm' }, properties: { desired: { a: 1 } } })
  assert.deepEqual(documentOf(await hub.local('GET', '/twins/d')).tags, { of: 'd' })
  const { moduleId, deviceId, tags } = (await hub.local('GET', '/twins/d/modules/m')).body as Record<string, unknown>
  assert.deepEqual([deviceId, moduleId, tags], ['d', 'm', { of: 'm' }])
  assert.deepEqual(hub.pushed, [{ key: { deviceId: 'd', moduleId: 'm' }, patch: '{"a":1}', version: 2 }])
  assert.deepEqual(
    hub.events.map(({ type, subject, actor, detail }) => [type, subject, actor, detail]),
    [
      ['twin.changed', 'device/d', 'operator/local', { sections: 'tags', version: 2 }],
      ['twin.changed', 'device/d/module/m', 'operator/local', { sections: 'tags desired', version: 2 }],
    ],
  )
})

test('the ETag is a header with quotes and a field without; both of them fit', async () => {
  const hub = await stage()
  const read = await hub.local('GET', '/twins/d')
  assert.equal(read.headers.get('etag'), '"first"')
  assert.equal(documentOf(read).etag, 'first')
  const patch = (match: string) => hub.local('PATCH', '/twins/d', { tags: { a: 1 } }, { 'if-match': match })
  const first = documentOf(await patch('"first"'))
  assert.notEqual(first.etag, 'first')
  for (const stale of ['"first"', 'first', 'W/"first"']) {
    assert.deepEqual(outcome(await patch(stale)), [412, 'PreconditionFailed'])
  }
  const second = documentOf(await patch(first.etag))
  assert.notEqual(second.etag, first.etag)
  for (const any of ['"*"', '*']) assert.equal((await patch(any)).status, 200)
  for (const bad of ['', '""', '"a", "b"']) assert.deepEqual(outcome(await patch(bad)), [400, 'ArgumentInvalid'])
})

test('who is connected shows in the document', async () => {
  const hub = await stage()
  assert.equal(documentOf(await hub.local('GET', '/twins/d')).connectionState, 'Disconnected')
  hub.connected.set('d', { since: timestampOf(1_000), lastActivity: timestampOf(2_000) })
  const { connectionState, lastActivityTime } = documentOf(await hub.local('GET', '/twins/d'))
  assert.deepEqual([connectionState, lastActivityTime], ['Connected', '1970-01-01T00:00:02.000Z'])
})

test('twins are for those who may talk to devices', async () => {
  const hub = await stage()
  for (const policy of ['registryRead', 'registryReadWrite', 'device']) {
    for (const [method, body] of [['GET'], ['PATCH', { tags: {} }], ['PUT', {}]] as const) {
      assert.equal((await hub.service(policy, method, '/twins/d', body)).status, 401, `${policy} ${method}`)
    }
  }
  assert.equal((await hub.service('service', 'PATCH', '/twins/d', { tags: {} })).status, 200)
  assert.equal(documentOf(await hub.local('GET', '/twins/d')).version, 2)
})

test('what is not there is told apart', async () => {
  const hub = await stage()
  for (const method of ['GET', 'PATCH', 'PUT']) {
    const body = method === 'GET' ? undefined : {}
    assert.deepEqual(outcome(await hub.local(method, '/twins/x', body)), [404, 'DeviceNotFound'])
    assert.deepEqual(outcome(await hub.local(method, '/twins/x/modules/m', body)), [404, 'DeviceNotFound'])
    assert.deepEqual(outcome(await hub.local(method, '/twins/d/modules/x', body)), [404, 'ModuleNotFound'])
    assert.deepEqual(outcome(await hub.local(method, '/twins/a%20b', body)), [400, 'ArgumentInvalid'])
  }
  // Deleted between looking for it and writing to its twin.
  hub.twinStore.delete({ deviceId: 'd' })
  assert.deepEqual(outcome(await hub.local('PATCH', '/twins/d', { tags: {} })), [404, 'DeviceNotFound'])
  hub.twinStore.delete({ deviceId: 'd', moduleId: 'm' })
  assert.deepEqual(outcome(await hub.local('PATCH', '/twins/d/modules/m', { tags: {} })), [404, 'ModuleNotFound'])
})

test('a body is asked for, has to be JSON, and says once what it says', async () => {
  const hub = await stage()
  const send = (body: string | undefined, type = 'application/json') =>
    hub.local('PATCH', '/twins/d', body, { 'content-type': type })
  assert.deepEqual(outcome(await send('')), [400, 'ArgumentNull'])
  assert.equal((await send('{}', 'text/plain')).status, 415)
  for (const body of ['{', 'nul', '{"tags":{"a":1,"a":2}}', '{"tags":{"a":"\\udc00"}}']) {
    assert.deepEqual(outcome(await send(body)), [400, 'IotHubFormatError'], body)
  }
  const bad = [
    '[]',
    '{"tags":5}',
    '{"properties":{"desired":[]}}',
    '{"tags":{"a.b":1}}',
    `{"tags":{"a":"${'x'.repeat(4_097)}"}}`,
    `{"tags":{"a":${'['.repeat(5_000)}`,
    `{"tags":{"a":${'{"b":'.repeat(11)}1${'}'.repeat(13)}`,
    '{"tags":{"a":1e999}}',
    '{"tags":{"a":9007199254740993}}',
    JSON.stringify({ tags: { a: 'x'.repeat(4_096), b: 'x'.repeat(4_096) } }),
  ]
  for (const body of bad) assert.deepEqual(outcome(await send(body)), [400, 'ArgumentInvalid'], body.slice(0, 60))
  assert.equal((await send(`{"tags":{"a":"${'x'.repeat(1_100_000)}"}}`)).status, 413)
  assert.equal(documentOf(await hub.local('GET', '/twins/d')).version, 1)
  assert.deepEqual(hub.pushed, [])
})

test('two services at once both get their write, or one of them is told', async () => {
  const hub = await stage()
  hub.twinStore.turns = 5
  const answers = await Promise.all(
    Array.from({ length: 50 }, (_, at) =>
      hub.local('PATCH', '/twins/d', { properties: { desired: { [`s${at % 2}`]: at } } }),
    ),
  )
  assert.ok(answers.every(({ status }) => status === 200))
  const { version, properties } = documentOf(await hub.local('GET', '/twins/d'))
  assert.equal(version, 51)
  assert.deepEqual([properties.desired.s0, properties.desired.s1], [48, 49])
  assert.deepEqual(
    hub.pushed.map((push) => push.version),
    Array.from({ length: 50 }, (_, at) => at + 2),
  )
  const { etag } = documentOf(await hub.local('GET', '/twins/d'))
  const matched = await Promise.all(
    [0, 1, 2].map((at) => hub.local('PUT', '/twins/d', { tags: { at } }, { 'if-match': etag })),
  )
  assert.equal(matched.filter(({ status }) => status === 200).length, 1)
  assert.equal(matched.filter(({ status }) => status === 412).length, 2)
})
