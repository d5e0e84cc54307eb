import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MODULES_PER_DEVICE_MAX } from '@holdfast/identity'
import { codeOf, type HubAnswer, hubStage } from '../../testing/hub-stage.ts'

const ANY = { 'if-match': '"*"' }
const outcome = (answer: HubAnswer): readonly unknown[] => [answer.status, codeOf(answer)]
const fields = (answer: HubAnswer): Record<string, unknown> => answer.body as Record<string, unknown>

test('a module is made, read, listed, changed and deleted', async () => {
  const hub = await hubStage()
  await hub.local('PUT', '/devices/d', {})
  const made = await hub.local('PUT', '/devices/d/modules/m', { deviceId: 'd', moduleId: 'm', managedBy: 'me' })
  const { authentication, etag, generationId, ...rest } = fields(made)
  assert.deepEqual(rest, {
    moduleId: 'm',
    managedBy: 'me',
    deviceId: 'd',
    connectionState: 'Disconnected',
    connectionStateUpdatedTime: '0001-01-01T00:00:00Z',
    lastActivityTime: '0001-01-01T00:00:00Z',
    cloudToDeviceMessageCount: 0,
  })
  assert.ok(typeof etag === 'string' && typeof generationId === 'string' && authentication !== undefined)
  assert.deepEqual((await hub.local('GET', '/devices/d/modules/m')).body, made.body)
  assert.deepEqual((await hub.local('GET', '/devices/d/modules')).body, [made.body])
  assert.deepEqual(outcome(await hub.local('PUT', '/devices/d/modules/m', {})), [409, 'ModuleAlreadyExistsOnDevice'])
  const changed = await hub.local('PUT', '/devices/d/modules/m', { managedBy: null }, { 'if-match': `"${etag}"` })
  assert.equal(fields(changed)['managedBy'], null)
  const stale = await hub.local('DELETE', '/devices/d/modules/m', undefined, { 'if-match': `"${etag}"` })
  assert.deepEqual(outcome(stale), [412, 'PreconditionFailed'])
  assert.equal((await hub.local('DELETE', '/devices/d/modules/m', undefined, ANY)).status, 204)
  assert.deepEqual((await hub.local('GET', '/devices/d/modules')).body, [])
})

test('what is not there is called by its name', async () => {
  const hub = await hubStage()
  for (const [method, body] of [
    ['GET', undefined],
    ['PUT', {}],
    ['DELETE', undefined],
  ] as const) {
    assert.deepEqual(
      outcome(await hub.local(method, '/devices/d/modules/m', body, ANY)),
      [404, 'DeviceNotFound'],
      method,
    )
  }
  assert.deepEqual(outcome(await hub.local('PUT', '/devices/d/modules/m', {})), [404, 'DeviceNotFound'])
  assert.deepEqual(outcome(await hub.local('GET', '/devices/d/modules')), [404, 'DeviceNotFound'])
  await hub.local('PUT', '/devices/d', {})
  for (const [method, body] of [
    ['GET', undefined],
    ['PUT', {}],
    ['DELETE', undefined],
  ] as const) {
    assert.deepEqual(
      outcome(await hub.local(method, '/devices/d/modules/m', body, ANY)),
      [404, 'ModuleNotFound'],
      method,
    )
  }
})

test('a device has so many modules and no more; one of them can still be made anew', async () => {
  const hub = await hubStage()
  await hub.local('PUT', '/devices/d', {})
  const names = Array.from({ length: MODULES_PER_DEVICE_MAX + 1 }, (_, at) => `m${at}`)
  const answers = await Promise.all(names.map((name) => hub.local('PUT', `/devices/d/modules/${name}`, {})))
  assert.deepEqual(answers.filter(({ status }) => status === 200).length, MODULES_PER_DEVICE_MAX)
  const [refused] = answers.filter(({ status }) => status !== 200)
  assert.ok(refused !== undefined)
  assert.deepEqual(outcome(refused), [413, 'TooManyModulesOnDevice'])
})

test('a module goes with its device; what is of devices alone is refused', async () => {
  const hub = await hubStage()
  await hub.local('PUT', '/devices/d', {})
  await hub.local('PUT', '/devices/d/modules/m', {})
  await hub.local('DELETE', '/devices/d', undefined, ANY)
  await hub.local('PUT', '/devices/d', {})
  assert.deepEqual((await hub.local('GET', '/devices/d/modules')).body, [])
  assert.deepEqual(outcome(await hub.local('PUT', '/devices/d/modules/m', { managedBy: 'x'.repeat(129) })), [
    400,
    'ArgumentInvalid',
  ])
  for (const id of ['a%2Fb', '%C3%A9', 'x'.repeat(129)]) {
    assert.deepEqual(outcome(await hub.local('PUT', `/devices/d/modules/${id}`, {})), [400, 'ArgumentInvalid'])
  }
  assert.deepEqual(outcome(await hub.local('PATCH', '/devices/d/modules/m', {})), [405, 'GenericMethodNotAllowed'])
})
