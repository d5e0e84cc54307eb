/** Rows 31 to 34 and 37 of azure-iot.md §12: the registry through the official service SDK. */

import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, test } from 'node:test'
import { Client, Mqtt, Registry } from './azure-sdk.ts'
import { HubProcess } from './hub-process.ts'
import { code, ETAG, failsWith, type Fields, gives, isRecent, NEVER, raw, sasKeys, VERSION } from './registry-sdk.ts'
import { keyOf, sas } from './sas.ts'
import { clientOf, DEVICE_TRANSPORTS, disconnected, eventually, failure, neverRetry, open } from './sdk-client.ts'
import { requireStandardPorts } from './standard-ports.ts'

const skip = await requireStandardPorts()
const hub = skip === false ? await HubProcess.start('standard') : undefined
hub?.trust()
after(() => hub?.stop())
const owner = hub && Registry.fromConnectionString(await hub.policy('iothubowner'))

function theHub(): HubProcess {
  assert.ok(hub !== undefined)
  return hub
}

function registry(): Registry {
  assert.ok(owner !== undefined)
  return owner
}

/** By the callback: the SDK's promise form does not take a module. */
function removeModule(module: object): Promise<void> {
  return new Promise((resolve, reject) => {
    registry().removeModule(module as never, (error?: Error | null) => (error ? reject(error) : resolve()))
  })
}

const tokens = new Map<string, string>()
async function as(policy: string): Promise<Record<string, string>> {
  let token = tokens.get(policy)
  if (token === undefined) {
    token = sas({ resource: 'localhost', key: keyOf(await theHub().policy(policy)), seconds: 3_600, policy })
    tokens.set(policy, token)
  }
  return { authorization: token }
}

test('row 31: a device of a bare id: keys are made, the document is whole; get, delete, gone', { skip }, async () => {
  const deviceId = randomUUID()
  const created = await gives(registry().create({ deviceId }))
  const { etag, generationId, authentication, statusUpdatedTime, ...rest } = created
  assert.match(String(etag), ETAG)
  assert.match(String(generationId), /^[0-9]{1,20}$/)
  assert.ok(isRecent(statusUpdatedTime))
  assert.deepEqual(rest, {
    deviceId,
    connectionState: 'Disconnected',
    status: 'enabled',
    statusReason: null,
    connectionStateUpdatedTime: NEVER,
    lastActivityTime: NEVER,
    cloudToDeviceMessageCount: 0,
    capabilities: { iotEdge: false },
  })
  const { symmetricKey, x509Thumbprint, type } = authentication as {
    symmetricKey: Record<'primaryKey' | 'secondaryKey', string>
    x509Thumbprint: unknown
    type: string
  }
  assert.equal(type, 'sas')
  assert.deepEqual(x509Thumbprint, { primaryThumbprint: null, secondaryThumbprint: null })
  for (const one of Object.values(symmetricKey)) assert.equal(Buffer.from(one, 'base64').length, 32)
  assert.notEqual(symmetricKey.primaryKey, symmetricKey.secondaryKey)
  assert.deepEqual(await gives(registry().get(deviceId)), created)

  // The keys that were made let the device in.
  const client = clientOf(
    `HostName=localhost;DeviceId=${deviceId};SharedAccessKey=${symmetricKey.secondaryKey}`,
    DEVICE_TRANSPORTS[0],
  )
  await open(client)
  await client.close()

  const gone = await registry().delete(deviceId)
  assert.equal(gone.httpResponse.statusCode, 204)
  await failsWith('DeviceNotFoundError', 404, 'DeviceNotFound', registry().get(deviceId))
  await failsWith('DeviceNotFoundError', 404, 'DeviceNotFound', registry().delete(deviceId))
  await failsWith('DeviceNotFoundError', 404, 'DeviceNotFound', registry().update({ deviceId }))
})

test('row 31: given keys, thumbprints of both kinds, authorities and none are kept as they were asked for', {
  skip,
}, async () => {
  const sha1 = ['0'.repeat(40), '1'.repeat(40)] as const
  const sha256 = 'ab'.repeat(32)
  const none = { primaryThumbprint: null, secondaryThumbprint: null }
  const noKeys = { primaryKey: null, secondaryKey: null }
  const keys = sasKeys(
    Buffer.from('1234567890qwerty').toString('base64'),
    Buffer.from('ytrewq0987654321').toString('base64'),
  )
  const cases: readonly (readonly [object, object])[] = [
    [keys, { type: 'sas', ...keys, x509Thumbprint: none }],
    [
      { x509Thumbprint: { primaryThumbprint: sha1[0], secondaryThumbprint: sha1[1] } },
      {
        type: 'selfSigned',
        symmetricKey: noKeys,
        x509Thumbprint: { primaryThumbprint: sha1[0], secondaryThumbprint: sha1[1] },
      },
    ],
    [
      { type: 'selfSigned', x509Thumbprint: { primaryThumbprint: sha256 } },
      {
        type: 'selfSigned',
        symmetricKey: noKeys,
        x509Thumbprint: { primaryThumbprint: sha256.toUpperCase(), secondaryThumbprint: null },
      },
    ],
    [{ type: 'certificateAuthority' }, { type: 'certificateAuthority', symmetricKey: noKeys, x509Thumbprint: none }],
    [{ type: 'none' }, { type: 'none', symmetricKey: noKeys, x509Thumbprint: none }],
  ]
  for (const [authentication, expected] of cases) {
    const deviceId = randomUUID()
    const created = await gives(registry().create({ deviceId, status: 'disabled', authentication } as never))
    assert.deepEqual([created.authentication, created.status], [expected, 'disabled'])
    assert.deepEqual(await gives(registry().get(deviceId)), created)
    // What was read is written back, as applications do, and nothing but the status changes.
    const updated = await gives(registry().update({ ...created, status: 'enabled', statusReason: 'checked' } as never))
    assert.deepEqual(updated, {
      ...created,
      status: 'enabled',
      statusReason: 'checked',
      etag: updated.etag,
      statusUpdatedTime: updated.statusUpdatedTime,
    })
    assert.notEqual(updated.etag, created.etag)
    await registry().delete(deviceId)
  }
})

test('row 31: one key is changed and the other stays; a bare update leaves both', { skip }, async () => {
  const deviceId = randomUUID()
  const keys = sasKeys()
  const created = await gives(registry().create({ deviceId, status: 'disabled', authentication: keys }))
  const secondaryKey = Buffer.from('qwertyuiopasdfghjkl').toString('base64')
  const next = { symmetricKey: { ...keys.symmetricKey, secondaryKey } }
  const updated = await gives(registry().update({ deviceId, status: 'disabled', authentication: next }))
  assert.deepEqual((updated.authentication as typeof next).symmetricKey, next.symmetricKey)
  const bare = await gives(registry().update({ deviceId }))
  assert.equal(bare.generationId, created.generationId)
  assert.deepEqual(bare, { ...updated, etag: bare.etag })
})

test('row 31: duplicates, wrong ids and wrong values are what the SDK says they are', { skip }, async () => {
  const deviceId = randomUUID()
  await registry().create({ deviceId })
  await failsWith('DeviceAlreadyExistsError', 409, 'DeviceAlreadyExists', registry().create({ deviceId }))
  for (const [id, words] of [
    ['invalid/name', {}],
    ['ü', {}],
    ['a b', {}],
    ['x'.repeat(129), {}],
    ['ok', { status: 'sleeping' }],
    ['ok', { authentication: { symmetricKey: { primaryKey: 'c2hvcnQ=' } } }],
    ['ok', { authentication: { type: 'selfSigned', x509Thumbprint: { primaryThumbprint: '12' } } }],
    ['ok', { authentication: { type: 'password' } }],
    ['ok', { statusReason: 'x'.repeat(129) }],
  ] as const) {
    await failsWith('ArgumentError', 400, 'ArgumentInvalid', registry().create({ deviceId: id, ...words } as never))
  }
  await failsWith('DeviceNotFoundError', 404, 'DeviceNotFound', registry().get('ok'))
})

test('row 31: an id holds every character that it may hold', { skip }, async () => {
  for (const deviceId of ["-.+%_#*?!(),:=@$'", '%2e%2e', '...', 'query', 'x'.repeat(128)]) {
    const created = await gives(registry().create({ deviceId }))
    assert.equal(created.deviceId, deviceId)
    assert.deepEqual(await gives(registry().get(deviceId)), created)
    assert.equal((await registry().delete(deviceId)).httpResponse.statusCode, 204)
  }
})

test('row 31: a list shows every device', { skip }, async () => {
  const ids = [randomUUID(), randomUUID(), randomUUID()]
  for (const deviceId of ids) await registry().create({ deviceId })
  const list = async (): Promise<readonly Fields[]> => {
    const { responseBody } = await registry().list()
    return responseBody as unknown as Fields[]
  }
  const all = await list()
  for (const deviceId of ids) {
    assert.deepEqual({ ...all.find((one) => one.deviceId === deviceId) }, await gives(registry().get(deviceId)))
  }
  await registry().delete(ids[0] ?? '')
  assert.ok(!(await list()).some(({ deviceId }) => deviceId === ids[0]))
  const top = await raw({ method: 'GET', path: `/Devices?top=2&${VERSION}`, headers: await as('registryRead') })
  assert.equal((JSON.parse(top.body) as unknown[]).length, 2)
})

test('row 31: If-Match decides between making and changing, and between two writers', { skip }, async () => {
  const deviceId = randomUUID()
  const path = `/devices/${deviceId}?${VERSION}`
  const headers = { ...(await as('registryReadWrite')), 'content-type': 'application/json' }
  const put = (etag: string, words: object): ReturnType<typeof raw> =>
    raw({
      method: 'PUT',
      path,
      headers: { ...headers, 'if-match': etag },
      body: JSON.stringify({ deviceId, ...words }),
    })
  assert.deepEqual(code(await put('"*"', {})), [404, 'DeviceNotFound'])
  const created = await gives(registry().create({ deviceId }))
  const etag = `"${String(created.etag)}"`
  const answers = await Promise.all(Array.from({ length: 10 }, (_, at) => put(etag, { statusReason: `writer ${at}` })))
  assert.equal(answers.filter(({ status }) => status === 200).length, 1)
  for (const answer of answers.filter(({ status }) => status !== 200))
    assert.deepEqual(code(answer), [412, 'PreconditionFailed'])
  const [winner] = answers.filter(({ status }) => status === 200)
  assert.equal(winner?.headers.etag, `"${(JSON.parse(winner?.body ?? '') as { etag: string }).etag}"`)
  assert.deepEqual(code(await raw({ method: 'DELETE', path, headers: { ...headers, 'if-match': etag } })), [
    412,
    'PreconditionFailed',
  ])
  assert.equal(
    (await raw({ method: 'DELETE', path, headers: { ...headers, 'if-match': String(winner?.headers.etag) } })).status,
    204,
  )
})

test('row 31: a change ends the sessions it takes the credential from, before it is answered', { skip }, async () => {
  const deviceId = randomUUID()
  const keys = sasKeys()
  await registry().create({ deviceId, authentication: keys })
  const connectionString = `HostName=localhost;DeviceId=${deviceId};SharedAccessKey=${keys.symmetricKey.primaryKey}`
  const connect = async (): Promise<Client> => {
    const client = neverRetry(Client.fromConnectionString(connectionString, Mqtt))
    await open(client)
    return client
  }
  const client = await connect()
  const shown = await gives(registry().get(deviceId))
  assert.equal(shown.connectionState, 'Connected')
  assert.ok(isRecent(shown.connectionStateUpdatedTime) && isRecent(shown.lastActivityTime))
  const before = disconnected(client)
  await registry().update({ deviceId, authentication: sasKeys(undefined, keys.symmetricKey.secondaryKey) })
  assert.equal((await gives(registry().get(deviceId))).connectionState, 'Disconnected')
  await before
  const gone = await gives(registry().get(deviceId))
  assert.ok(isRecent(gone.lastActivityTime) && isRecent(gone.connectionStateUpdatedTime))
  assert.ok(String(gone.connectionStateUpdatedTime) >= String(shown.connectionStateUpdatedTime))
  assert.equal(
    (await failure(neverRetry(Client.fromConnectionString(connectionString, Mqtt)).open())).name,
    'UnauthorizedError',
  )

  await registry().update({ deviceId, authentication: keys })
  const second = await connect()
  const disabled = disconnected(second)
  await registry().update({ deviceId, status: 'disabled', statusReason: 'stolen' })
  await disabled
  assert.equal(
    (await failure(neverRetry(Client.fromConnectionString(connectionString, Mqtt)).open())).name,
    'UnauthorizedError',
  )
})

test('row 32: a hundred devices are added, changed and removed', { skip }, async () => {
  const devices = Array.from({ length: 100 }, () => ({
    deviceId: `bulk-${randomUUID()}`,
    status: 'disabled',
    authentication: sasKeys(),
  }))
  const done = { isSuccessful: true, errors: [], warnings: [] }
  const statusOf = async ({ deviceId }: { deviceId: string }): Promise<unknown> =>
    (await gives(registry().get(deviceId))).status
  const since = performance.now()
  assert.deepEqual(await gives(registry().addDevices(devices as never)), done)
  assert.ok(performance.now() - since < 5_000, 'a hundred devices are not a hundred waits for the disk')
  const [first, last] = [devices[0], devices[99]]
  assert.ok(first !== undefined && last !== undefined)
  for (const one of [first, last]) {
    const { authentication, status } = await gives(registry().get(one.deviceId))
    assert.deepEqual((authentication as typeof one.authentication).symmetricKey, one.authentication.symmetricKey)
    assert.equal(status, 'disabled')
  }
  const enabled = devices.map(({ deviceId }) => ({ deviceId, status: 'enabled' }))
  assert.deepEqual(await gives(registry().updateDevices(enabled as never, true)), done)
  assert.deepEqual([await statusOf(first), await statusOf(last)], ['enabled', 'enabled'])
  assert.deepEqual(await gives(registry().removeDevices(enabled as never, true)), done)
  for (const { deviceId } of [first, last]) {
    await failsWith('DeviceNotFoundError', 404, 'DeviceNotFound', registry().get(deviceId))
  }
})

test('row 32: what fails is named by its code, what does not is done; ETags count where they are asked for', {
  skip,
}, async () => {
  const [old, fresh, stale, good] = Array.from({ length: 4 }, () => ({ deviceId: `bulk-${randomUUID()}` }))
  assert.ok(old !== undefined && fresh !== undefined && stale !== undefined && good !== undefined)
  const bulkError = async (promise: Promise<unknown>): Promise<Record<string, unknown>> => {
    const error = (await failure(promise)) as Error & {
      responseBody?: string
      response?: { statusCode?: number; headers?: Fields }
    }
    assert.equal(error.name, 'ArgumentError')
    assert.equal(error.response?.statusCode, 400)
    assert.equal(error.response.headers?.['iothub-errorcode'], 'BulkRegistryOperationFailure')
    const { isSuccessful, errors } = JSON.parse(error.responseBody ?? '') as {
      isSuccessful: boolean
      errors: { deviceId: string; errorCode: string; errorStatus: string }[]
    }
    assert.equal(isSuccessful, false)
    for (const { errorStatus } of errors) assert.ok(errorStatus.length > 5)
    return Object.fromEntries(errors.map(({ deviceId, errorCode }) => [deviceId, errorCode]))
  }
  await registry().create(old)
  assert.deepEqual(await bulkError(registry().addDevices([old, fresh] as never)), {
    [old.deviceId]: 'DeviceAlreadyExists',
  })
  await gives(registry().get(fresh.deviceId))

  const before = await gives(registry().create(stale))
  const current = await gives(registry().create(good))
  await registry().update(stale)
  const matched = [
    { deviceId: stale.deviceId, etag: before.etag, status: 'disabled' },
    { deviceId: good.deviceId, etag: current.etag, status: 'disabled' },
  ]
  assert.deepEqual(await bulkError(registry().updateDevices(matched as never, false)), {
    [stale.deviceId]: 'PreconditionFailed',
  })
  assert.equal((await gives(registry().get(good.deviceId))).status, 'disabled')
  assert.deepEqual(await bulkError(registry().removeDevices(matched as never, false)), {
    [stale.deviceId]: 'PreconditionFailed',
    [good.deviceId]: 'PreconditionFailed',
  })
  const twice = await bulkError(
    registry().addDevices([{ deviceId: 'twice' }, { deviceId: 'twice' }, { deviceId: 'third' }] as never),
  )
  assert.deepEqual(twice, { twice: 'DeviceDefinedMultipleTimes' })
  await failsWith('DeviceNotFoundError', 404, 'DeviceNotFound', registry().get('third'))
  assert.deepEqual(await bulkError(registry().removeDevices([{ deviceId: 'nobody' }] as never, true)), {
    nobody: 'DeviceNotFound',
  })

  // The SDK itself refuses more than a hundred; what sends them anyway is refused by the hub.
  const many = JSON.stringify(Array.from({ length: 101 }, (_, at) => ({ id: `many-${at}`, importMode: 'create' })))
  const headers = { ...(await as('iothubowner')), 'content-type': 'application/json' }
  assert.deepEqual(code(await raw({ method: 'POST', path: `/devices?${VERSION}`, headers, body: many })), [
    413,
    'TooManyDevices',
  ])
  await failsWith('DeviceNotFoundError', 404, 'DeviceNotFound', registry().get('many-0'))
})

test('row 32: devices are added with the twins they begin with', { skip }, async () => {
  const deviceId = `bulk-${randomUUID()}`
  const tags = { site: { floor: 3 } }
  const added = await gives(
    registry().addDevices([{ deviceId, tags, properties: { desired: { interval: 5 } } }] as never),
  )
  assert.deepEqual(added, { isSuccessful: true, errors: [], warnings: [] })
  const { responseBody: twin } = await registry().getTwin(deviceId)
  assert.deepEqual(twin.tags, tags)
  const { $metadata: _, ...desired } = twin.properties.desired as Fields
  assert.deepEqual(desired, { interval: 5, $version: 2 })
  const error = await failure(registry().addDevices([{ deviceId: 'bad-twin', tags: { 'a.b': 1 } }] as never))
  assert.equal(error.name, 'ArgumentError')
  await failsWith('DeviceNotFoundError', 404, 'DeviceNotFound', registry().get('bad-twin'))
})

test('row 33: edge devices have scopes, leaves and child edges stand under them', { skip }, async () => {
  const scopeError = (promise: Promise<unknown>): Promise<void> =>
    failsWith('ArgumentError', 400, 'ArgumentInvalid', promise)
  const edge = await gives(
    registry().create({ deviceId: `edge-${randomUUID()}`, authentication: sasKeys(), capabilities: { iotEdge: true } }),
  )
  assert.deepEqual(edge.capabilities, { iotEdge: true })
  assert.match(String(edge.deviceScope), new RegExp(`^ms-azure-iot-edge://${String(edge.deviceId)}-[0-9]+$`))

  const leaf = await gives(
    registry().create({
      deviceId: `leaf-${randomUUID()}`,
      authentication: sasKeys(),
      deviceScope: edge.deviceScope,
    } as never),
  )
  assert.equal(leaf.deviceScope, edge.deviceScope)
  assert.deepEqual(leaf.parentScopes, [edge.deviceScope])
  await scopeError(registry().update({ ...leaf, deviceScope: randomUUID() } as never))

  const child = await gives(
    registry().create({
      deviceId: `child-${randomUUID()}`,
      capabilities: { iotEdge: true },
      parentScopes: [edge.deviceScope],
    } as never),
  )
  assert.match(String(child.deviceScope), new RegExp(`^ms-azure-iot-edge://${String(child.deviceId)}-[0-9]+$`))
  assert.deepEqual(child.parentScopes, [edge.deviceScope])
  await scopeError(registry().update({ ...edge, parentScopes: [child.deviceScope] } as never))
  const moved = await gives(registry().update({ ...leaf, deviceScope: child.deviceScope } as never))
  assert.deepEqual([moved.deviceScope, moved.parentScopes], [child.deviceScope, [child.deviceScope]])

  await registry().delete(String(edge.deviceId))
  assert.equal((await gives(registry().get(String(child.deviceId)))).parentScopes, undefined)
  await registry().delete(String(leaf.deviceId))
})

test('row 34: modules are added, listed, changed with and without ETag, and removed', { skip }, async () => {
  const deviceId = randomUUID()
  const moduleId = `node_e2e_${randomUUID()}`
  await failsWith('DeviceNotFoundError', 404, 'DeviceNotFound', registry().addModule({ deviceId, moduleId }))
  await registry().create({ deviceId })
  const added = await gives(registry().addModule({ deviceId, moduleId }))
  const { etag, generationId, authentication, ...rest } = added
  assert.match(String(etag), ETAG)
  assert.match(String(generationId), /^[0-9]{1,20}$/)
  assert.deepEqual(rest, {
    moduleId,
    deviceId,
    managedBy: null,
    connectionState: 'Disconnected',
    connectionStateUpdatedTime: NEVER,
    lastActivityTime: NEVER,
    cloudToDeviceMessageCount: 0,
  })
  assert.deepEqual(await gives(registry().getModule(deviceId, moduleId)), added)
  const { responseBody: all } = await registry().getModulesOnDevice(deviceId)
  assert.deepEqual(all, [added])
  await failsWith(
    'DeviceAlreadyExistsError',
    409,
    'ModuleAlreadyExistsOnDevice',
    registry().addModule({ deviceId, moduleId }),
  )

  const { symmetricKey } = authentication as ReturnType<typeof sasKeys>
  const swapped = sasKeys(symmetricKey.secondaryKey, symmetricKey.primaryKey)
  const changed = await gives(registry().updateModule({ ...added, authentication: swapped } as never))
  assert.deepEqual((changed.authentication as typeof swapped).symmetricKey, swapped.symmetricKey)
  await failsWith(
    'InvalidEtagError',
    412,
    'PreconditionFailed',
    registry().updateModule({ ...added, managedBy: 'me' } as never),
  )
  const { etag: _, ...unconditional } = added
  const forced = await gives(registry().updateModule({ ...unconditional, managedBy: 'me' } as never, true))
  assert.equal(forced.managedBy, 'me')
  await failsWith('InvalidEtagError', 412, 'PreconditionFailed', removeModule(added))
  await removeModule(forced)
  // The SDK keeps its own class for devices alone.
  await failsWith('Error', 404, 'ModuleNotFound', registry().getModule(deviceId, moduleId))
  await failsWith('Error', 404, 'ModuleNotFound', registry().removeModule(deviceId, moduleId))
  await registry().addModule({ deviceId, moduleId })
  await registry().removeModule(deviceId, moduleId)
  assert.deepEqual((await registry().getModulesOnDevice(deviceId)).responseBody, [])
  await failsWith('ArgumentError', 400, 'ArgumentInvalid', registry().addModule({ deviceId, moduleId: 'a/b' }))

  const names = Array.from({ length: 51 }, (_, at) => `m${at}`)
  const outcomes = await Promise.allSettled(names.map((name) => registry().addModule({ deviceId, moduleId: name })))
  const refused = outcomes.filter((one) => one.status === 'rejected')
  assert.equal(refused.length, 1, 'fifty modules, whoever asks at the same time')
  await registry().delete(deviceId)
  await failsWith('DeviceNotFoundError', 404, 'DeviceNotFound', registry().getModule(deviceId, 'm0'))
})

test('row 37: statistics count devices by status, and those connected', { skip }, async () => {
  const before = await gives(registry().getRegistryStatistics())
  const service = async (): Promise<number> => {
    const { status, body } = await raw({
      method: 'GET',
      path: `/statistics/service?${VERSION}`,
      headers: await as('registryRead'),
    })
    assert.equal(status, 200)
    return (JSON.parse(body) as { connectedDeviceCount: number }).connectedDeviceCount
  }
  const connectedBefore = await service()
  const keys = sasKeys()
  const on = await gives(registry().create({ deviceId: randomUUID(), authentication: keys }))
  await registry().create({ deviceId: randomUUID(), status: 'disabled' })
  const count = (name: string): number => Number(before[name])
  assert.deepEqual(await gives(registry().getRegistryStatistics()), {
    totalDeviceCount: count('totalDeviceCount') + 2,
    enabledDeviceCount: count('enabledDeviceCount') + 1,
    disabledDeviceCount: count('disabledDeviceCount') + 1,
  })
  const client = clientOf(
    `HostName=localhost;DeviceId=${String(on.deviceId)};SharedAccessKey=${keys.symmetricKey.primaryKey}`,
    DEVICE_TRANSPORTS[1],
  )
  await open(client)
  assert.equal(await service(), connectedBefore + 1)
  await client.close()
  await eventually(async () => (await service()) === connectedBefore, 'the device still counts as connected')
})
