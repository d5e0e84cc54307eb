import assert from 'node:assert/strict'
import { test } from 'node:test'
import { codeOf, type HubAnswer, hubStage } from '../../testing/hub-stage.ts'

const outcome = (answer: HubAnswer): readonly unknown[] => [answer.status, codeOf(answer)]
const DONE = { isSuccessful: true, errors: [], warnings: [] }

interface Result {
  readonly isSuccessful: boolean
  readonly errors: readonly { readonly deviceId: string; readonly moduleId?: string; readonly errorCode: string }[]
}

/** The devices that failed, with their codes. */
function failed(answer: HubAnswer): Readonly<Record<string, string>> {
  const { isSuccessful, errors } = answer.body as Result
  assert.equal(answer.status, 400)
  assert.equal(answer.headers.get('iothub-errorcode'), 'BulkRegistryOperationFailure')
  assert.equal(isSuccessful, false)
  return Object.fromEntries(
    errors.map(({ deviceId, moduleId, errorCode }) => [[deviceId, moduleId].filter(Boolean).join('/'), errorCode]),
  )
}

test('a hundred devices are made, changed and deleted', async () => {
  const hub = await hubStage()
  const ids = Array.from({ length: 100 }, (_, at) => `d${at}`)
  const all = (words: object): readonly object[] => ids.map((id) => ({ id, ...words }))
  const made = await hub.local('POST', '/devices', all({ importMode: 'create', status: 'disabled' }))
  assert.deepEqual([made.status, made.body], [200, DONE])
  assert.deepEqual(await hub.services.registry.countDevices(), { total: 100, enabled: 0 })
  await hub.local('POST', '/devices/', all({ importMode: 'Update', status: 'enabled' }))
  assert.deepEqual(await hub.services.registry.countDevices(), { total: 100, enabled: 100 })
  assert.deepEqual((await hub.local('POST', '/devices', all({ importMode: 'DELETE' }))).body, DONE)
  assert.deepEqual(await hub.services.registry.countDevices(), { total: 0, enabled: 0 })
  assert.equal(hub.cuts.length, 100)
})

test('what fails is named, what does not is done', async () => {
  const hub = await hubStage()
  await hub.local('PUT', '/devices/old', {})
  const answer = await hub.local('POST', '/devices', [
    { id: 'new', importMode: 'create' },
    { id: 'old', importMode: 'create' },
    { id: 'absent', importMode: 'update', status: 'disabled' },
    { id: 'gone', importMode: 'delete' },
    { id: 'either' },
  ])
  assert.deepEqual(failed(answer), { old: 'DeviceAlreadyExists', absent: 'DeviceNotFound', gone: 'DeviceNotFound' })
  for (const deviceId of ['new', 'either']) assert.ok(await hub.services.registry.read({ deviceId }), deviceId)
})

test('ETags of a bulk are those of the devices, under either name, quoted or not', async () => {
  const hub = await hubStage()
  const etagOf = async (deviceId: string): Promise<string> =>
    (await hub.services.registry.read({ deviceId }))?.etag ?? ''
  for (const id of ['a', 'b', 'c', 'd']) await hub.local('PUT', `/devices/${id}`, {})
  const stale = await etagOf('a')
  await hub.local('PUT', '/devices/a', { statusReason: 'x' }, { 'if-match': '*' })
  const answer = await hub.local('POST', '/devices', [
    { id: 'a', importMode: 'updateIfMatchETag', eTag: stale, status: 'disabled' },
    { id: 'b', importMode: 'UpdateIfMatchETag', etag: await etagOf('b'), status: 'disabled' },
    { id: 'c', importMode: 'DeleteIfMatchETag', etag: `"${await etagOf('c')}"` },
  ])
  assert.deepEqual(failed(answer), { a: 'PreconditionFailed' })
  assert.equal((await hub.services.registry.read({ deviceId: 'b' }))?.status, 'disabled')
  assert.equal(await hub.services.registry.read({ deviceId: 'c' }), undefined)
  const without = await hub.local('POST', '/devices', [{ id: 'd', importMode: 'deleteIfMatchETag' }])
  assert.deepEqual(failed(without), { d: 'ArgumentNull' })
  assert.ok(await hub.services.registry.read({ deviceId: 'd' }))
})

test('devices begin with the twins they are given', async () => {
  const hub = await hubStage()
  const stamp = { at: hub.clock.wall(), etag: 'first' }
  for (const deviceId of ['a', 'b', 'c']) hub.twinStore.create({ deviceId }, stamp)
  const tags = { site: 'north', floor: { number: 3 } }
  const answer = await hub.service('registryReadWrite', 'POST', '/devices', [
    { id: 'a', importMode: 'create', tags, properties: { desired: { interval: 5 }, reported: { ignored: 1 } } },
    { id: 'b', importMode: 'createOrUpdate', properties: { desired: { interval: 6 } } },
    { id: 'c', importMode: 'create', tags: {} },
  ])
  assert.deepEqual([answer.status, answer.body], [200, DONE])
  const [a, b, c] = await Promise.all(['a', 'b', 'c'].map((deviceId) => hub.services.twins.read({ deviceId })))
  assert.deepEqual([JSON.parse(a?.tags ?? ''), JSON.parse(a?.desired.properties ?? '')], [tags, { interval: 5 }])
  assert.deepEqual([a?.reported.properties, a?.version], ['{}', 2])
  assert.deepEqual([b?.tags, b?.desired.properties], ['{}', '{"interval":6}'])
  assert.deepEqual([c?.tags, c?.desired.version], ['{}', 1], 'what is not named is not written')
})

test('twins of devices that exist are merged or overwritten, by those who may write twins', async () => {
  const hub = await hubStage()
  for (const id of ['a', 'b']) {
    await hub.local('PUT', `/devices/${id}`, {})
    hub.twinStore.create({ deviceId: id }, { at: hub.clock.wall(), etag: 'first' })
  }
  const twinOf = (deviceId: string) => hub.services.twins.read({ deviceId })
  const item = { id: 'a', importMode: 'updateTwin', tags: { x: 1, y: 1 } }
  assert.deepEqual(failed(await hub.service('registryReadWrite', 'POST', '/devices', [item])), {
    a: 'IotHubUnauthorizedAccess',
  })
  assert.deepEqual(
    failed(await hub.service('registryReadWrite', 'POST', '/devices', [{ ...item, importMode: 'update' }])),
    {
      a: 'IotHubUnauthorizedAccess',
    },
  )
  assert.equal((await twinOf('a')).version, 1)
  await hub.service('iothubowner', 'POST', '/devices', [item])
  await hub.service('iothubowner', 'POST', '/devices', [
    { ...item, tags: { x: null }, properties: { desired: { on: true } } },
  ])
  assert.deepEqual([(await twinOf('a')).tags, (await twinOf('a')).desired.properties], ['{"y":1}', '{"on":true}'])
  assert.deepEqual(
    hub.pushed.map(({ patch, version }) => [patch, version]),
    [['{"on":true}', 2]],
  )
  await hub.service('iothubowner', 'POST', '/devices', [
    { ...item, importMode: 'update', tags: { z: 1 }, status: 'disabled' },
  ])
  assert.equal((await twinOf('a')).tags, '{"z":1}')
  const answer = await hub.service('iothubowner', 'POST', '/devices', [
    { id: 'a', importMode: 'updateTwinIfMatchETag', twinETag: 'stale', tags: {} },
    { id: 'b', importMode: 'updateTwinIfMatchETag', twinETag: 'first', tags: { ok: true } },
    { id: 'c', importMode: 'updateTwin', tags: {} },
  ])
  assert.deepEqual(failed(answer), { a: 'PreconditionFailed', c: 'DeviceNotFound' })
  assert.equal((await twinOf('b')).tags, '{"ok":true}')
})

test('a twin that is none, too large or too deep stops the whole request before anything is done', async () => {
  const hub = await hubStage()
  const deep = (levels: number): unknown => JSON.parse(`${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`) as unknown
  for (const words of [
    { tags: [] },
    { tags: { 'a.b': 1 } },
    { properties: { desired: { n: 2 ** 53 } } },
    { tags: { pad: { a: 'x'.repeat(4_000), b: 'x'.repeat(4_000), c: 'x'.repeat(4_000) } } },
    { tags: deep(30_000) },
  ]) {
    const answer = await hub.local('POST', '/devices', [
      { id: 'good', importMode: 'create' },
      { id: 'bad', importMode: 'create', ...words },
    ])
    assert.deepEqual(failed(answer), { bad: 'ArgumentInvalid' })
  }
  assert.deepEqual(await hub.services.registry.countDevices(), { total: 0, enabled: 0 })
  assert.deepEqual(hub.failures, [])
})

test('a request that is wrong in itself does nothing at all', async () => {
  const hub = await hubStage()
  const good = { id: 'good', importMode: 'create' }
  assert.deepEqual(
    failed(await hub.local('POST', '/devices', [good, { id: 'x' }, { id: 'x', importMode: 'delete' }])),
    {
      x: 'DeviceDefinedMultipleTimes',
    },
  )
  assert.deepEqual(
    failed(
      await hub.local('POST', '/devices', [
        good,
        { id: 'a/b' },
        { id: '' },
        { id: 'm', importMode: '__proto__' },
        { id: 's', status: 'half' },
      ]),
    ),
    { 'a/b': 'ArgumentInvalid', '': 'ArgumentInvalid', m: 'ArgumentInvalid', s: 'ArgumentInvalid' },
  )
  for (const body of [[], {}, 'null', [good, {}], [good, null], [[good]]]) {
    assert.deepEqual(
      outcome(await hub.local('POST', '/devices', body)),
      [400, 'ArgumentInvalid'],
      JSON.stringify(body).slice(0, 60),
    )
  }
  const many = Array.from({ length: 101 }, (_, at) => ({ id: `d${at}` }))
  assert.deepEqual(outcome(await hub.local('POST', '/devices', many)), [413, 'TooManyDevices'])
  assert.deepEqual(await hub.services.registry.countDevices(), { total: 0, enabled: 0 })
})

test('modules come after their devices and go before them', async () => {
  const hub = await hubStage()
  const both = (importMode: string): readonly object[] => [
    { id: 'd', moduleId: 'm', importMode },
    { id: 'd', importMode },
  ]
  assert.deepEqual((await hub.local('POST', '/devices', both('create'))).body, DONE)
  assert.deepEqual((await hub.local('POST', '/devices', both('update'))).body, DONE)
  assert.deepEqual((await hub.local('POST', '/devices', both('delete'))).body, DONE)
  assert.deepEqual(failed(await hub.local('POST', '/devices', [{ id: 'd', moduleId: 'm', importMode: 'create' }])), {
    'd/m': 'DeviceNotFound',
  })
})

test('when the disk takes nothing, that is the answer', async () => {
  const hub = await hubStage()
  hub.identityStore.failure = Object.assign(new Error('x'), {
    name: 'StoreUnavailableError',
    code: 'STORE_UNAVAILABLE',
  })
  const answer = await hub.local('POST', '/devices', [
    { id: 'a', importMode: 'create' },
    { id: 'b', importMode: 'create' },
  ])
  assert.deepEqual(outcome(answer), [503, 'ServiceUnavailable'])
})
