/** The REST part of row 57 of azure-iot.md §12: rights, tokens, versions and errors of the registry. */

import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, test } from 'node:test'
import { Registry } from './azure-sdk.ts'
import { HubProcess } from './hub-process.ts'
import { code, failsWith, gives, key, raw, sasKeys, VERSION } from './registry-sdk.ts'
import { keyOf, partsOf, sas } from './sas.ts'
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

const tokens = new Map<string, string>()
async function as(policy: string): Promise<Record<string, string>> {
  let token = tokens.get(policy)
  if (token === undefined) {
    token = sas({ resource: 'localhost', key: keyOf(await theHub().policy(policy)), seconds: 3_600, policy })
    tokens.set(policy, token)
  }
  return { authorization: token }
}

test('row 57: each policy may do what its rights say, and is refused the rest in the same words', {
  skip,
}, async () => {
  const deviceId = randomUUID()
  await registry().create({ deviceId })
  const clients = new Map<string, Registry>()
  for (const policy of ['registryRead', 'registryReadWrite', 'service', 'device']) {
    clients.set(policy, Registry.fromConnectionString(await theHub().policy(policy)))
  }
  const denied = (promise: Promise<unknown>): Promise<void> =>
    failsWith('UnauthorizedError', 401, 'IotHubUnauthorizedAccess', promise)
  for (const [policy, client] of clients) {
    const mayRead = policy.startsWith('registry')
    const mayWrite = policy === 'registryReadWrite'
    if (mayRead) {
      const { authentication } = await gives(client.get(deviceId))
      const { symmetricKey } = authentication as ReturnType<typeof sasKeys>
      assert.ok(symmetricKey.primaryKey.length > 0, 'as in Azure, who reads the registry reads keys')
      await gives(client.getRegistryStatistics())
    } else {
      await denied(client.get(deviceId))
      await denied(client.list())
      await denied(client.getRegistryStatistics())
    }
    if (mayWrite) await gives(client.update({ deviceId }))
    else {
      await denied(client.update({ deviceId }))
      await denied(client.create({ deviceId: 'other' }))
      await denied(client.delete(deviceId))
      await denied(client.addModule({ deviceId, moduleId: 'm' }))
      await denied(client.addDevices([{ deviceId: 'other' }] as never))
    }
  }
  const disclosures = (await theHub().events(`device/${deviceId}`)).filter(
    ({ type }) => type === 'identity.secret-disclosed',
  )
  assert.ok(disclosures.some(({ actor }) => actor === 'policy/registryRead'))
})

test('row 57: tokens that are expired, of another hub, of a wrong key or of a device are refused', {
  skip,
}, async () => {
  const { SharedAccessKey = '' } = partsOf(await theHub().policy('iothubowner'))
  const deviceId = randomUUID()
  const keys = sasKeys()
  await registry().create({ deviceId, authentication: keys })
  const good = { resource: 'localhost', key: SharedAccessKey, seconds: 3_600, policy: 'iothubowner' }
  for (const authorization of [
    undefined,
    '',
    'Bearer x',
    sas({ ...good, seconds: -86_400 }),
    sas({ ...good, resource: 'other.azure-devices.net' }),
    sas({ ...good, key: key() }),
    sas({ ...good, policy: 'nobody' }),
    sas({ resource: `localhost/devices/${deviceId}`, key: keys.symmetricKey.primaryKey, seconds: 3_600 }),
  ]) {
    const headers = authorization === undefined ? {} : { authorization }
    const answer = await raw({ method: 'GET', path: `/devices/${deviceId}?${VERSION}`, headers })
    assert.deepEqual(code(answer), [401, 'IotHubUnauthorizedAccess'], authorization ?? 'none')
    assert.match(answer.body, /^\{"Message":"ErrorCode:IotHubUnauthorizedAccess;Unauthorized"/)
  }
  const signed = Registry.fromSharedAccessSignature(sas(good))
  assert.equal((await gives(signed.get(deviceId))).deviceId, deviceId)
  const lower = await raw({
    method: 'GET',
    path: `/devices/${deviceId}?${VERSION}`,
    headers: { authorization: sas({ ...good, resource: 'LOCALHOST' }) },
  })
  assert.equal(lower.status, 200)
})

test('row 57: versions, methods, addresses and bodies that are none get their own error', { skip }, async () => {
  const headers = await as('iothubowner')
  const json = { ...headers, 'content-type': 'application/json; charset=utf-8' }
  const ask = async (
    method: string,
    path: string,
    body?: string,
    more: Record<string, string> = json,
  ): Promise<readonly unknown[]> =>
    code(await raw({ method, path, headers: more, ...(body === undefined ? {} : { body }) }))
  for (const query of ['', '?', '?api-version=', '?api-version=soon', '?api-version=2021-02-30']) {
    assert.deepEqual(await ask('GET', `/devices${query}`), [400, 'InvalidProtocolVersion'], query)
  }
  for (const version of ['2018-06-30', '2020-03-13', '2020-09-30', '2021-04-12', '2025-08-01-preview']) {
    assert.equal((await raw({ method: 'GET', path: `/devices/?api-version=${version}&top=1`, headers })).status, 200)
  }
  const patched = await raw({ method: 'PATCH', path: `/devices/x?${VERSION}`, headers: json, body: '{}' })
  assert.deepEqual(code(patched), [405, 'GenericMethodNotAllowed'])
  assert.equal(patched.headers.allow, 'GET, PUT, DELETE')
  assert.deepEqual(await ask('GET', `/devices/x/y/z?${VERSION}`), [404, 'GenericNotFound'])
  assert.deepEqual(await ask('GET', `/statistics/other?${VERSION}`), [404, 'GenericNotFound'])
  assert.deepEqual(await ask('PUT', `/devices/x?${VERSION}`, '{"deviceId":'), [400, 'IotHubFormatError'])
  assert.deepEqual(await ask('PUT', `/devices/x?${VERSION}`, '[1]'), [400, 'ArgumentInvalid'])
  assert.deepEqual(await ask('PUT', `/devices/x?${VERSION}`, '"x"'), [400, 'ArgumentInvalid'])
  assert.deepEqual(await ask('PUT', `/devices/x?${VERSION}`, '{"deviceId":"y"}'), [400, 'ArgumentInvalid'])
  assert.deepEqual(await ask('PUT', `/devices/x?${VERSION}`), [400, 'ArgumentNull'])
  assert.deepEqual(await ask('PUT', `/devices/x?${VERSION}`, '<x/>', { ...headers, 'content-type': 'text/xml' }), [
    415,
    'GenericUnsupportedMediaType',
  ])
  const deep = `${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}`
  assert.equal(
    (await raw({ method: 'PUT', path: `/devices/deep?${VERSION}`, headers: json, body: deep })).status,
    200,
    'what is not known is not looked at',
  )
  assert.deepEqual(await ask('PUT', `/devices/x?${VERSION}`, JSON.stringify({ pad: 'x'.repeat(1_048_000) })), [
    413,
    'MessageTooLarge',
  ])
  for (const id of ['%2e%2e%2fx', 'a%2Fb', 'a%5Cb', 'a%00', '%C3%28', '%', 'x%20y']) {
    const [status, name] = await ask('GET', `/devices/${id}?${VERSION}`)
    assert.deepEqual([status, name], [400, 'ArgumentInvalid'], id)
  }
  // What climbs out of its address is somebody else's address, and nobody's.
  assert.deepEqual(await ask('GET', `/devices/../devices/%2e%2e/nothing?${VERSION}`), [404, undefined])
  await failsWith('DeviceNotFoundError', 404, 'DeviceNotFound', registry().get('x'))
})
