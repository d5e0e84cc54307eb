import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stage } from '../../testing/management-stage.ts'

async function stageWithDevice() {
  const at = await stage()
  await at.local('POST', '/devices', { deviceId: 'd' })
  at.commandStore.addIdentity({ deviceId: 'd' }, 'g')
  return at
}

test('a message is sent with all that it may carry, by whoever has the right of a service', async () => {
  const at = await stageWithDevice()
  const message = {
    body: 'ÿ',
    properties: { a: 'b', __proto__x: 'c' },
    messageId: 'id',
    correlationId: 'c',
    userId: 'u',
    contentType: 'text/plain',
    contentEncoding: 'utf-8',
    ack: 'full',
    lifeSeconds: 60,
  }
  const sent = await at.service('service', 'POST', '/devices/d/messages', message)
  assert.deepEqual([sent.status, sent.body.sequenceNumber, sent.body.messageId], [201, 1, 'id'])
  assert.equal(Date.parse(String(sent.body.expiryTime)) - Date.parse(String(sent.body.enqueuedTime)), 60_000)
  const { command } = (await at.commands.receive({ deviceId: 'd' })) ?? {}
  assert.equal(Buffer.from(command?.body ?? []).toString(), 'ÿ')
  assert.deepEqual(command?.properties, Object.entries(message.properties))
  assert.equal((await at.service('device', 'POST', '/devices/d/messages', message)).status, 403)
  assert.equal((await at.service('registryReadWrite', 'DELETE', '/devices/d/messages')).status, 403)
  assert.equal((await at.remote('POST', '/devices/d/messages', {}, message)).status, 401)
})

test('a body is text, or bytes as base64, and nothing that only looks like it', async () => {
  const at = await stageWithDevice()
  const bytes = Buffer.from([0, 255, 254])
  await at.local('POST', '/devices/d/messages', { body: bytes.toString('base64'), bodyEncoding: 'base64' })
  await at.local('POST', '/devices/d/messages', {})
  const first = await at.commands.receive({ deviceId: 'd' })
  assert.deepEqual(Buffer.from(first?.command.body ?? []), bytes)
  assert.equal((await at.commands.receive({ deviceId: 'd' }))?.command.body.length, 0)
  for (const body of ['not base64!', 'AA=A', 'A']) {
    const { status } = await at.local('POST', '/devices/d/messages', { body, bodyEncoding: 'base64' })
    assert.equal(status, 400, body)
  }
})

test('what is wrong with a message is said, and nothing is sent', async () => {
  const at = await stageWithDevice()
  const hostile: readonly (readonly [object, number, string])[] = [
    [{ body: 7 }, 400, 'invalid-request'],
    [{ other: 1 }, 400, 'invalid-request'],
    [{ ack: 'maybe' }, 400, 'invalid-request'],
    [{ properties: { a: 1 } }, 400, 'invalid-request'],
    [{ expiryTime: 'tomorrow' }, 400, 'invalid-request'],
    [{ expiryTime: '2026-11-03T00:00:00Z', lifeSeconds: 60 }, 400, 'invalid-request'],
    [{ lifeSeconds: 59 }, 400, 'invalid'],
    [{ lifeSeconds: 1e300 }, 400, 'invalid'],
    [{ lifeSeconds: 60.5 }, 400, 'invalid-request'],
    [{ properties: { 'with space': 'x' } }, 400, 'invalid'],
    [{ properties: { '$.to': 'x' } }, 400, 'invalid'],
    [{ properties: { a: 'x\r\ny' } }, 400, 'invalid'],
    [{ messageId: 'x'.repeat(129) }, 400, 'invalid'],
    [{ body: Buffer.alloc(65_537).toString('base64'), bodyEncoding: 'base64' }, 413, 'too-large'],
  ]
  for (const [message, status, code] of hostile) {
    const answer = await at.local('POST', '/devices/d/messages', message)
    assert.deepEqual([answer.status, answer.body.code], [status, code], JSON.stringify(message).slice(0, 100))
  }
  assert.equal((await at.local('POST', '/devices/x/messages', {})).status, 404)
  assert.equal((await at.local('POST', '/devices/d/modules/m/messages', {})).status, 404)
  assert.equal((await at.local('DELETE', '/devices/x/messages')).status, 404)
  assert.equal(at.commandStore.commands.length, 0)
  for (let sent = 0; sent < 50; sent += 1) await at.local('POST', '/devices/d/messages', {})
  const full = await at.local('POST', '/devices/d/messages', {})
  assert.deepEqual([full.status, full.body.code], [409, 'queue-full'])
  assert.deepEqual((await at.local('DELETE', '/devices/d/messages')).body, { messages: 50 })
})
