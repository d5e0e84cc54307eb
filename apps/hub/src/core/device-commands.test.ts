import assert from 'node:assert/strict'
import { test } from 'node:test'
import { commandStage } from '@holdfast/commands/testing'
import type { SubscriptionTopic } from '@holdfast/iothub'
import type { Publication } from '@holdfast/messaging'
import { DeviceCommands } from './device-commands.ts'

const D = { deviceId: 'd' }
const TOPIC: SubscriptionTopic = { kind: 'devicebound', base: 'devices/d/messages/devicebound/' }
const FRESH = { isResumed: false }
const RESUMED = { isResumed: true }

/** One device in front of the handler: what it was sent, and whether it is there. */
function stage() {
  const world = commandStage()
  world.store.addIdentity(D, 'g')
  const published: Publication[] = []
  const device = { isThere: true }
  const handler = new DeviceCommands({
    commands: world.commands,
    publish: (_key, publication) => {
      if (device.isThere) published.push(publication)
      return device.isThere
    },
    fault: (error) => void world.faults.push(error),
  })
  handler.end()
  return {
    ...world,
    handler,
    device,
    published,
    send: (text: string, more: object = {}) =>
      world.commands.send({ key: D, body: Buffer.from(text), ...more }, 'policy/service'),
    /** Bodies since this was last asked, once all is at rest. */
    got: async (): Promise<readonly string[]> => {
      await world.settle()
      return published.splice(0).map(({ payload }) => Buffer.from(payload).toString())
    },
  }
}

test('what waits goes out in order when the device listens, eight at a time, and a PUBACK makes room', async () => {
  const at = stage()
  for (let count = 0; count < 12; count += 1) await at.send(`${count}`)
  at.handler.listening(D, [{ kind: 'methods' }], FRESH)
  assert.deepEqual(await at.got(), [], 'it does not listen to messages')
  at.handler.listening(D, [{ kind: 'methods' }, TOPIC], FRESH)
  await at.settle()
  const tickets = at.published.map(({ ticket = 0 }) => ticket)
  assert.deepEqual(await at.got(), ['0', '1', '2', '3', '4', '5', '6', '7'])
  assert.equal(new Set(tickets).size, 8)
  at.handler.delivered(D, tickets[0] ?? 0)
  at.handler.delivered(D, tickets[0] ?? 0)
  at.handler.delivered(D, 999)
  at.handler.delivered({ deviceId: 'other' }, tickets[1] ?? 0)
  assert.deepEqual(await at.got(), ['8'])
  assert.equal(at.store.commands.length, 11)
})

test('the topic is the client’s own, with all that belongs to the message, and QoS 1 is asked for', async () => {
  const at = stage()
  at.handler.listening(D, [TOPIC], FRESH)
  await at.settle()
  await at.send('x', { messageId: 'a/b', ack: 'full', properties: [['k', 'v/w']] })
  await at.settle()
  const [first] = at.published
  assert.equal(
    first?.topic,
    'devices/d/messages/devicebound/k=v%2Fw&%24.mid=a%2Fb&%24.to=%2Fdevices%2Fd%2Fmessages%2FdeviceBound&%24.exp=2026-11-02T13%3A00%3A00.000Z&iothub-ack=full',
  )
  assert.deepEqual([first?.qos, first?.againAs], [1, undefined])
})

test('what was not acknowledged goes out first on the next connection, under its packet id if the session goes on', async () => {
  const at = stage()
  at.handler.listening(D, [TOPIC], FRESH)
  for (const text of ['a', 'b', 'c']) await at.send(text)
  await at.settle()
  const [a, b, c] = at.published.map(({ ticket = 0 }) => ticket)
  at.handler.delivered(D, b ?? 0)
  await at.got()
  at.device.isThere = false
  at.handler.gone(D, [
    { ticket: a ?? 0, packetId: 7 },
    { ticket: c ?? 0, packetId: 9 },
  ])
  await at.send('d')
  assert.deepEqual(await at.got(), [])
  at.device.isThere = true
  at.handler.listening(D, [TOPIC], RESUMED)
  await at.settle()
  assert.deepEqual(
    at.published.map(({ againAs }) => againAs),
    [7, 9, undefined],
  )
  assert.deepEqual(await at.got(), ['a', 'c', 'd'])
  // Gone again before a word: still the same ids.
  at.handler.gone(D, [])
  at.handler.listening(D, [TOPIC], FRESH)
  await at.settle()
  assert.deepEqual(
    at.published.map(({ againAs }) => againAs),
    [undefined, undefined, undefined],
    'a new session',
  )
  assert.deepEqual(await at.got(), ['a', 'c', 'd'])
})

test('when the device is gone nothing of it stays in memory, and its messages wait', async () => {
  const at = stage()
  at.handler.listening(D, [TOPIC], FRESH)
  for (const text of ['a', 'b']) await at.send(text)
  await at.settle()
  assert.equal(at.commands.loaded, 1)
  at.handler.gone(D, [])
  at.handler.gone(D, [])
  await at.settle()
  assert.deepEqual([at.commands.loaded, at.store.commands.length], [0, 2])
})

test('a publication that finds no connection is given back', async () => {
  const at = stage()
  at.device.isThere = false
  await at.send('a')
  at.handler.listening(D, [TOPIC], FRESH)
  assert.deepEqual(await at.got(), [])
  assert.equal((await at.commands.receive(D))?.command.sequenceNumber, 1, 'others may have it')
})

test('what was sent into the end of a subscription goes out again a minute later', async () => {
  const at = stage()
  at.handler.listening(D, [TOPIC], FRESH)
  await at.send('a')
  assert.deepEqual(await at.got(), ['a'])
  at.handler.listening(D, [], FRESH)
  await at.send('b')
  assert.deepEqual(await at.got(), [])
  at.handler.listening(D, [TOPIC], FRESH)
  assert.deepEqual(await at.got(), ['b'])
  at.clock.advance(60_000)
  at.commands.tick()
  assert.deepEqual(await at.got(), ['a'])
})

test('an acknowledgement that the disk does not take is taken later; meanwhile it is not sent again', async (context) => {
  context.mock.timers.enable({ apis: ['setInterval'] })
  const world = commandStage()
  world.store.addIdentity(D, 'g')
  const published: Publication[] = []
  const handler = new DeviceCommands({
    commands: world.commands,
    publish: (_key, publication) => published.push(publication) > 0,
    fault: (error) => void world.faults.push(error),
  })
  handler.listening(D, [TOPIC], FRESH)
  await world.commands.send({ key: D, body: Buffer.from('a'), ack: 'full' }, 'x')
  await world.settle()
  world.store.failure = new Error('no disk')
  handler.delivered(D, published[0]?.ticket ?? 0)
  await world.settle()
  assert.equal(world.faults.length, 1)
  world.store.failure = undefined
  context.mock.timers.tick(1_000)
  await world.settle()
  assert.deepEqual([published.length, world.store.commands.length, world.store.feedback.length], [1, 0, 1])
  handler.end()
})

test('messages of a module wait for a transport that can carry them', async () => {
  const at = stage()
  const key = { deviceId: 'd', moduleId: 'm' }
  at.store.addIdentity(key, 'g2')
  at.handler.listening(key, [{ kind: 'inputs', base: 'devices/d/modules/m/inputs/' }], FRESH)
  await at.send('x', { key })
  assert.deepEqual(await at.got(), [])
  assert.equal(at.store.commands.length, 1)
})
