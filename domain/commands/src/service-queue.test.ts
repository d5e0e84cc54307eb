import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ServiceQueue } from './service-queue.ts'
import { type CommandStage, commandStage } from './testing/index.ts'

const MINUTE = 60_000

function queueOf(at: CommandStage): ServiceQueue<string> {
  return new ServiceQueue<string>({
    name: 'file-notifications',
    store: at.store,
    encode: (text) => Buffer.from(text),
    decode: (bytes) => Buffer.from(bytes).toString(),
    clock: at.clock,
    random: (() => {
      let count = 0
      return (bytes) => new Uint8Array(bytes).fill((count += 1)).with(0, count >> 8)
    })(),
    events: (event) => void at.events.push(event),
  })
}

test('several receivers compete, each message goes to one, in order, under a lock of a minute', async () => {
  const at = commandStage()
  const queue = queueOf(at)
  await queue.enqueue('before')
  let calls = 0
  const one = queue.listen(() => (calls += 1))
  const two = queue.listen(() => (calls += 1))
  const [first, second] = [await one.receive(), await two.receive()]
  assert.deepEqual([first?.value, first?.deliveryCount, second], ['before', 0, undefined])
  await queue.enqueue('a')
  assert.equal(calls, 2)
  const a = await two.receive()
  assert.equal(a?.value, 'a')
  at.clock.advance(MINUTE)
  queue.tick()
  assert.equal(await one.settle(first?.lockToken ?? '', 'complete'), 'lock-lost')
  const again = await two.receive()
  assert.equal(again?.value, 'before')
  assert.equal(await two.settle(again?.lockToken ?? '', 'complete'), 'settled')
  two.close()
  assert.equal((await one.receive())?.value, 'a')
})

test('abandoned ten times, a message is gone; completed or rejected, at once', async () => {
  const at = commandStage()
  const queue = queueOf(at)
  await queue.enqueue('poison')
  for (let count = 0; count < 10; count += 1) {
    const delivery = await queue.receive()
    assert.equal(delivery?.deliveryCount, count)
    assert.equal(await queue.settle(delivery?.lockToken ?? '', 'abandon'), 'settled')
  }
  assert.equal(await queue.receive(), undefined)
  await queue.enqueue('x')
  const delivery = await queue.receive()
  assert.equal(await queue.settle(delivery?.lockToken ?? '', 'reject'), 'settled')
  assert.equal(await queue.settle(delivery?.lockToken ?? '', 'reject'), 'lock-lost')
  assert.equal(await queue.receive(), undefined)
})

test('what has expired is not given', async () => {
  const at = commandStage()
  const queue = queueOf(at)
  await queue.enqueue('old')
  at.clock.advance(30 * MINUTE)
  await queue.enqueue('new')
  at.clock.advance(30 * MINUTE)
  assert.equal((await queue.receive())?.value, 'new')
  assert.equal(await queue.receive(), undefined)
})

test('more messages than the window holds come all, in order, as receivers settle', async () => {
  const at = commandStage()
  const queue = queueOf(at)
  const texts = Array.from({ length: 700 }, (_, count) => `${count}`)
  for (const text of texts) await queue.enqueue(text)
  const got: string[] = []
  let isCalled = true
  const receiver = queue.listen(() => (isCalled = true))
  const held: string[] = []
  while (got.length < texts.length) {
    isCalled = false
    for (let one = await receiver.receive(); one !== undefined; one = await receiver.receive()) {
      got.push(one.value)
      held.push(one.lockToken)
    }
    assert.ok(held.length <= 256)
    for (const token of held.splice(0)) await receiver.settle(token, 'complete')
    assert.ok(isCalled || got.length === texts.length, 'it is called for what is outside the window')
  }
  assert.deepEqual(got, texts)
  assert.equal(await receiver.receive(), undefined)
})

test('another process’s end, a restart, has all messages and no locks', async () => {
  const at = commandStage()
  const before = queueOf(at)
  for (const text of ['a', 'b']) await before.enqueue(text)
  await before.receive()
  const after = queueOf(at)
  assert.deepEqual([(await after.receive())?.value, (await after.receive())?.value], ['a', 'b'])
})

test('a disk that fails loses nothing', async () => {
  const at = commandStage()
  const queue = queueOf(at)
  await queue.enqueue('a')
  at.store.failure = new Error('no disk')
  await assert.rejects(queue.receive(), /no disk/)
  at.store.failure = undefined
  const a = await queue.receive()
  at.store.failure = new Error('no disk')
  await assert.rejects(queue.settle(a?.lockToken ?? '', 'complete'), /no disk/)
  at.store.failure = undefined
  assert.equal(await queue.settle(a?.lockToken ?? '', 'complete'), 'settled')
})

test('what comes to a full queue takes the place of the oldest, and an event says so', async () => {
  const at = commandStage()
  const queue = queueOf(at)
  const enqueue = at.store.enqueueServiceMessage.bind(at.store)
  at.store.enqueueServiceMessage = (name, message) => enqueue(name, message, { messagesMax: 2 })
  for (const text of ['a', 'b', 'c']) await queue.enqueue(text)
  const { type, subject, detail } = at.events[0] ?? {}
  assert.deepEqual(
    { type, subject, detail },
    { type: 'service-queue.overflowed', subject: 'queue/file-notifications', detail: { messages: 1 } },
  )
  assert.deepEqual([(await queue.receive())?.value, (await queue.receive())?.value], ['b', 'c'])
})

test('a message that is too large is a bug of the caller', async () => {
  const queue = queueOf(commandStage())
  await assert.rejects(queue.enqueue('x'.repeat(262_145)), TypeError)
})

test('feedback comes in batches of 64 at once, of fewer after 15 seconds, and survives a fault of the disk', async () => {
  const at = commandStage()
  const key = { deviceId: 'd' }
  at.store.addIdentity(key, 'g')
  const complete = async (count: number): Promise<void> => {
    for (let sent = 0; sent < count; sent += 1) {
      await at.commands.send({ key, body: new Uint8Array(0), ack: 'full', messageId: `${sent}` }, 'x')
      const delivery = await at.commands.receive(key)
      await at.commands.settle(key, delivery?.lockToken ?? '', 'complete')
    }
  }
  await complete(130)
  await at.batcher.batch()
  assert.equal((await at.records()).length, 128)
  at.clock.advance(14_999)
  at.batcher.tick()
  await at.settle()
  assert.equal((await at.records()).length, 0)
  at.store.failure = new Error('no disk')
  at.clock.advance(1_001)
  at.batcher.tick()
  await at.settle()
  assert.equal(at.faults.length, 1)
  at.store.failure = undefined
  at.clock.advance(10_000)
  at.batcher.tick()
  await at.settle()
  assert.equal((await at.records()).length, 2)
})
