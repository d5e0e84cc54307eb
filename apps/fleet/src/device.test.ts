import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test, type TestContext } from 'node:test'
import { parseSasToken, verifySasToken } from '@holdfast/tokens'
import { Device, type DeviceEvents } from './device.ts'
import type { End } from './mqtt-socket.ts'
import { makeSelfSigned, thumbprintOf } from './self-signed.ts'
import { type Door, openDoor, type Rules } from './testing/door.ts'

const key = randomBytes(32).toString('base64')
const welcoming: Rules = { onConnect: () => 0, onPublish: () => true }

async function openFor(t: TestContext, rules: Rules = welcoming): Promise<Door> {
  const door = await openDoor(rules)
  t.after(() => door.close())
  return door
}

/** A device whose next event of each kind can be awaited. */
function watched(
  t: TestContext,
  door: Door,
  id = 'pump-1',
  credential: ConstructorParameters<typeof Device>[2] = { kind: 'key', key },
) {
  let connected = Promise.withResolvers<void>()
  let ended = Promise.withResolvers<End>()
  let acknowledged = Promise.withResolvers<number>()
  const events: DeviceEvents = {
    onConnected: () => connected.resolve(),
    onEnded: (_device, end) => ended.resolve(end),
    onAcknowledged: (_device, milliseconds) => acknowledged.resolve(milliseconds),
  }
  const device = new Device(id, door.server, credential, events)
  t.after(() => device.stop())
  return {
    device,
    connected: () => connected.promise,
    ended: () => ended.promise,
    acknowledged: () => acknowledged.promise,
    again() {
      connected = Promise.withResolvers()
      ended = Promise.withResolvers()
      acknowledged = Promise.withResolvers()
    },
  }
}

test('a device proves itself by a token for its own path, under its own key', async (t) => {
  const seen: { clientId: string; username: string | undefined; password: string }[] = []
  const door = await openFor(t, {
    ...welcoming,
    onConnect: ({ clientId, username, password }) => {
      seen.push({ clientId, username, password: Buffer.from(password ?? []).toString() })
      return 0
    },
  })
  const { device, connected } = watched(t, door)
  device.start()
  await connected()
  assert.equal(seen[0]?.clientId, 'pump-1')
  assert.match(seen[0]?.username ?? '', /^hub\.test\/pump-1\/\?api-version=/)
  const token = parseSasToken(seen[0]?.password ?? '')
  assert.equal(decodeURIComponent(token.sr), 'hub.test/devices/pump-1')
  assert.equal(verifySasToken(token, key), true)
})

test('a device with a certificate shows that one, and no password', async (t) => {
  const own = await makeSelfSigned('press-1')
  const shown = Promise.withResolvers<string>()
  const door = await openFor(t, {
    ...welcoming,
    onConnect: ({ password }, { socket }) => {
      assert.equal(password, undefined)
      shown.resolve(socket.getPeerCertificate().fingerprint256.replaceAll(':', ''))
      return 0
    },
  })
  const { device } = watched(t, door, 'press-1', { kind: 'certificate', certificate: own })
  device.start()
  assert.equal(await shown.promise, thumbprintOf(own.certificate))
})

test('a message goes to the events topic as JSON, and its acknowledgement is timed', async (t) => {
  const arrived = Promise.withResolvers<{ topic: string; body: string }>()
  const door = await openFor(t, {
    ...welcoming,
    onPublish: ({ topic, payload }) => {
      arrived.resolve({ topic, body: Buffer.from(payload).toString() })
      return true
    },
  })
  const { device, connected, acknowledged } = watched(t, door)
  assert.equal(device.send(Buffer.from('{}')), false, 'nothing leaves before it is connected')
  device.start()
  await connected()
  assert.equal(device.send(Buffer.from('{"t":1}')), true)
  const { topic, body } = await arrived.promise
  assert.equal(topic, 'devices/pump-1/messages/events/%24.ct=application%2Fjson&%24.ce=utf-8')
  assert.equal(body, '{"t":1}')
  assert.ok((await acknowledged()) >= 0)
  assert.equal(device.unacknowledged, 0)
})

test('what was not acknowledged when the connection broke is sent again on the next', async (t) => {
  const bodies: string[] = []
  let breaks = true
  const again = Promise.withResolvers<void>()
  const door = await openFor(t, {
    ...welcoming,
    onPublish: ({ payload, dup }, { socket }) => {
      bodies.push(`${Buffer.from(payload).toString()}${dup ? ' again' : ''}`)
      if (breaks) {
        breaks = false
        socket.destroy()
        return false
      }
      again.resolve()
      return true
    },
  })
  const { device, connected, acknowledged } = watched(t, door)
  device.start()
  await connected()
  device.send(Buffer.from('one'))
  await again.promise
  await acknowledged()
  assert.deepEqual(bodies, ['one', 'one again'])
  assert.equal(device.unacknowledged, 0)
})

test('a device holds back once too much is unacknowledged', async (t) => {
  const door = await openFor(t, { ...welcoming, onPublish: () => false })
  const { device, connected } = watched(t, door)
  device.start()
  await connected()
  let sent = 0
  while (device.send(Buffer.from('x'))) sent += 1
  assert.equal(sent, 16)
})

test('a refusal is told with its code, and is no reason to try again at once', async (t) => {
  let attempts = 0
  const door = await openFor(t, {
    ...welcoming,
    onConnect: () => {
      attempts += 1
      return 5
    },
  })
  const { device, ended } = watched(t, door)
  device.start()
  assert.deepEqual(await ended(), { kind: 'refused', code: 5 })
  assert.equal(device.isConnected, false)
  await new Promise((resolve) => setTimeout(resolve, 50))
  assert.equal(attempts, 1)
})

test('a server of another name or of another root gets no token', async (t) => {
  let asked = 0
  const rules: Rules = {
    ...welcoming,
    onConnect: () => {
      asked += 1
      return 0
    },
  }
  const door = await openFor(t, rules)
  const other = await openFor(t, rules)
  for (const server of [
    { ...door.server, hostname: 'other.test' },
    { ...door.server, authority: other.server.authority },
  ]) {
    const ended = Promise.withResolvers<End>()
    const device = new Device('pump-1', server, { kind: 'key', key }, { onEnded: (_device, end) => ended.resolve(end) })
    device.start()
    assert.equal((await ended.promise).kind, 'lost')
    await device.stop()
  }
  assert.equal(asked, 0)
})

test('stopping says goodbye, and nothing comes back', async (t) => {
  const door = await openFor(t)
  const { device, connected, ended } = watched(t, door)
  device.start()
  await connected()
  await device.stop()
  assert.deepEqual(await ended(), { kind: 'left' })
  assert.equal(device.isConnected, false)
})
