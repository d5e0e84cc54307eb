/** Back ends with Azure's own SDK, over REST and AMQP, while the keys of their policy are rotated. */

import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, test } from 'node:test'
import azureIothub from 'azure-iothub'
import { Message, Registry, ServiceClient } from './azure-sdk.ts'
import { endWithTests } from './end-with-tests.ts'
import { HubProcess } from './hub-process.ts'
import { gives } from './registry-sdk.ts'
import { requireStandardPorts } from './standard-ports.ts'

const skip = await requireStandardPorts()
const hub = skip === false ? await HubProcess.start('standard') : undefined
hub?.trust()
after(() => hub?.stop())
endWithTests()

function theHub(): HubProcess {
  assert.ok(hub !== undefined)
  return hub
}

async function cli(...parameters: readonly string[]): Promise<void> {
  const { code, stderr } = await theHub().command(...parameters)
  assert.equal(code, 0, stderr)
}

async function refused(promise: Promise<unknown>): Promise<void> {
  await assert.rejects(promise, (error) => error instanceof Error && error.name === 'UnauthorizedError')
}

test('a back end on the former key goes on through the overlap, one on the new key begins; retired, the former is refused', {
  skip,
}, async () => {
  const deviceId = randomUUID()
  const formerText = await theHub().policy('iothubowner')
  const former = Registry.fromConnectionString(formerText)
  await gives(former.create({ deviceId }))
  const sender = ServiceClient.fromConnectionString(formerText, azureIothub.Amqp)
  await sender.open()
  sender.setRetryPolicy({ shouldRetry: () => false, nextRetryTimeout: () => -1 })
  await cli('policy', 'rotate', 'iothubowner', '--overlap', '1h')
  const nextText = await theHub().policy('iothubowner')
  assert.notEqual(nextText, formerText, 'connection strings carry the new key from now on')
  const next = Registry.fromConnectionString(nextText)
  await gives(former.get(deviceId))
  await gives(next.get(deviceId))
  await sender.send(deviceId, new Message('during the overlap'))

  const retired = await theHub().object<{ readonly sessionsClosed: number }>('policy', 'retire', 'iothubowner')
  assert.equal(retired.sessionsClosed, 1, 'the session on the former key')
  await refused(gives(former.get(deviceId)))
  await gives(next.get(deviceId))
  const again = ServiceClient.fromConnectionString(nextText, azureIothub.Amqp)
  await again.open()
  await again.send(deviceId, new Message('with the new key'))
  await again.close()
})
