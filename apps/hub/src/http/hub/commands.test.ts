import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hubStage } from '../../testing/hub-stage.ts'

const FEEDBACK = '/messages/serviceBound/feedback'

async function stageWithDevice() {
  const at = await hubStage()
  await at.services.registry.create({ deviceId: 'd' }, 'operator/local')
  await at.services.registry.create({ deviceId: 'd', moduleId: 'm' }, 'operator/local')
  at.commandStore.addIdentity({ deviceId: 'd' }, 'g')
  at.commandStore.addIdentity({ deviceId: 'd', moduleId: 'm' }, 'g')
  return at
}

async function send(at: Awaited<ReturnType<typeof stageWithDevice>>, more: object = {}): Promise<void> {
  await at.services.commands.send({ key: { deviceId: 'd' }, body: Buffer.from('x'), ...more }, 'operator/local')
}

test('a purge tells how much it ended; documents count what waits', async () => {
  const at = await stageWithDevice()
  await send(at)
  await send(at)
  await send(at, { key: { deviceId: 'd', moduleId: 'm' } })
  const counted = await at.local('GET', '/devices/d')
  assert.equal(Reflect.get(Object(counted.body), 'cloudToDeviceMessageCount'), 2)
  assert.deepEqual((await at.local('DELETE', '/devices/d/commands')).body, {
    totalMessagesPurged: 2,
    deviceId: 'd',
    moduleId: null,
  })
  assert.deepEqual((await at.local('DELETE', '/devices/d/modules/m/commands')).body, {
    totalMessagesPurged: 1,
    deviceId: 'd',
    moduleId: 'm',
  })
  for (const [path, code] of [
    ['/devices/x/commands', 'DeviceNotFound'],
    ['/devices/d/modules/x/commands', 'ModuleNotFound'],
  ] as const) {
    const { status, headers } = await at.local('DELETE', path)
    assert.deepEqual([status, headers.get('iothub-errorcode')], [404, code])
  }
})

test('feedback is looked at under a lock: completed it is gone, abandoned it comes again', async () => {
  const at = await stageWithDevice()
  assert.equal((await at.local('GET', FEEDBACK)).status, 204)
  await at.services.feedback.enqueue(Buffer.from('[{"statusCode":"Success"}]'))
  const first = await at.local('GET', FEEDBACK)
  assert.deepEqual([first.status, first.body], [200, [{ statusCode: 'Success' }]])
  assert.equal(first.headers.get('content-type'), 'application/vnd.microsoft.iothub.feedback.json')
  assert.equal(first.headers.get('iothub-deliverycount'), '0')
  const lockOf = (etag: string | null): string => /^"([^"]+)"$/.exec(etag ?? '')?.[1] ?? ''
  const lock = lockOf(first.headers.get('etag'))
  assert.equal((await at.local('GET', FEEDBACK)).status, 204, 'it is locked')
  assert.equal((await at.local('POST', `${FEEDBACK}/${lock}/abandon`)).status, 204)
  const again = await at.local('GET', FEEDBACK)
  assert.equal(again.headers.get('iothub-deliverycount'), '1')
  assert.equal((await at.local('DELETE', `${FEEDBACK}/${lock}`)).status, 412, 'the old lock')
  assert.equal((await at.local('DELETE', `${FEEDBACK}/${lockOf(again.headers.get('etag'))}`)).status, 204)
  assert.equal((await at.local('GET', FEEDBACK)).status, 204)
})
