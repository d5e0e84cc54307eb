import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Delivery } from './command.ts'
import { CommandError } from './errors.ts'
import { type CommandStage, commandStage } from './testing/index.ts'

const D = { deviceId: 'd' }
const M = { deviceId: 'd', moduleId: 'm' }
const MINUTE = 60_000
const HOUR = 60 * MINUTE

function stage(): CommandStage {
  const made = commandStage()
  made.store.addIdentity(D, 'g1')
  made.store.addIdentity(M, 'g2')
  return made
}

function send(at: CommandStage, text: string, more: object = {}): Promise<unknown> {
  return at.commands.send({ key: D, body: Buffer.from(text), messageId: text, ...more }, 'policy/service')
}

function textOf(delivery: Delivery | undefined): string | undefined {
  return delivery === undefined ? undefined : Buffer.from(delivery.command.body).toString()
}

/** Receives until there is nothing. */
async function all(receive: () => Promise<Delivery | undefined>): Promise<readonly string[]> {
  const texts: string[] = []
  for (;;) {
    const text = textOf(await receive())
    if (text === undefined) return texts
    texts.push(text)
  }
}

test('what is received is what was sent, with its place and time', async () => {
  const at = stage()
  const sent = await at.commands.send(
    {
      key: M,
      messageId: 'id',
      correlationId: 'c',
      userId: 'u',
      contentType: 't',
      contentEncoding: 'e',
      ack: 'positive',
      lifeMs: MINUTE,
      properties: [['a', 'b']],
      body: Uint8Array.of(1, 2, 3),
    },
    'policy/service',
  )
  const { command } = (await at.commands.receive(M)) ?? {}
  assert.deepEqual(
    { ...command, body: [...(command?.body ?? [])] },
    {
      key: M,
      generationId: 'g2',
      messageId: 'id',
      correlationId: 'c',
      userId: 'u',
      to: '/devices/d/modules/m/messages/deviceBound',
      contentType: 't',
      contentEncoding: 'e',
      ack: 'positive',
      enqueued: sent.enqueued,
      expires: sent.enqueued + MINUTE,
      deliveryCount: 0,
      sequenceNumber: sent.sequenceNumber,
      properties: [['a', 'b']],
      body: [1, 2, 3],
    },
  )
  assert.equal(await at.commands.receive(D), undefined, "a module's message is not its device's")
  assert.deepEqual(at.events, [
    {
      type: 'command.sent',
      at: sent.enqueued,
      subject: 'device/d/module/m',
      actor: 'policy/service',
      detail: { sequenceNumber: sent.sequenceNumber, bytes: 3, ack: 'positive' },
    },
  ])
})

test('to nobody, and to a full queue, nothing is sent; what has expired makes room', async () => {
  const at = stage()
  const refused = async (code: string, key: object): Promise<void> => {
    await assert.rejects(send(at, 'x', { key }), (error) => error instanceof CommandError && error.code === code)
  }
  await refused('device-missing', { deviceId: 'nobody' })
  await refused('module-missing', { deviceId: 'd', moduleId: 'x' })
  for (let count = 0; count < 50; count += 1) await send(at, `${count}`, { lifeMs: MINUTE })
  await refused('queue-full', D)
  assert.deepEqual(await at.commands.count([D, M]), [50, 0])
  at.clock.advance(MINUTE)
  await send(at, 'room')
  assert.deepEqual(await at.commands.count([D]), [1])
})

test('a completed message is gone, a rejected one too, an abandoned one comes again at its place', async () => {
  const at = stage()
  for (const text of ['a', 'b', 'c']) await send(at, text)
  const [a, b] = [await at.commands.receive(D), await at.commands.receive(D)]
  assert.equal(await at.commands.settle(D, a?.lockToken ?? '', 'complete'), 'settled')
  assert.equal(await at.commands.settle(D, a?.lockToken ?? '', 'complete'), 'lock-lost', 'twice')
  assert.equal(await at.commands.settle(D, b?.lockToken ?? '', 'abandon'), 'settled')
  const again = await at.commands.receive(D)
  assert.deepEqual([textOf(again), again?.command.deliveryCount], ['b', 1])
  assert.notEqual(again?.lockToken, b?.lockToken)
  assert.equal(await at.commands.settle(D, b?.lockToken ?? '', 'complete'), 'lock-lost', 'the old lock')
  assert.equal(await at.commands.settle(M, again?.lockToken ?? '', 'complete'), 'lock-lost', "another's lock")
  assert.equal(await at.commands.settle(D, again?.lockToken ?? '', 'reject'), 'settled')
  assert.deepEqual(await all(() => at.commands.receive(D)), ['c'])
})

test('a message that was abandoned ten times is ended, and its sender hears of it', async () => {
  const at = stage()
  await send(at, 'poison', { ack: 'negative' })
  for (let count = 0; count < 10; count += 1) {
    const delivery = await at.commands.receive(D)
    assert.equal(delivery?.command.deliveryCount, count)
    await at.commands.settle(D, delivery?.lockToken ?? '', 'abandon')
  }
  assert.equal(await at.commands.receive(D), undefined)
  assert.deepEqual(
    at.store.feedback.map(({ originalMessageId, statusCode }) => [originalMessageId, statusCode]),
    [['poison', 'DeliveryCountExceeded']],
  )
})

test('a lock ends after a minute, and is no delivery that counts; renewed, it lasts', async () => {
  const at = stage()
  await send(at, 'a')
  const first = await at.commands.receive(D)
  at.clock.advance(MINUTE - 1)
  at.commands.tick()
  assert.equal(await at.commands.receive(D), undefined)
  assert.equal(at.commands.renew(D, first?.lockToken ?? ''), true)
  at.clock.advance(MINUTE - 1)
  at.commands.tick()
  assert.equal(await at.commands.receive(D), undefined)
  at.clock.advance(1)
  at.commands.tick()
  const second = await at.commands.receive(D)
  assert.deepEqual([textOf(second), second?.command.deliveryCount], ['a', 0])
  assert.equal(await at.commands.settle(D, first?.lockToken ?? '', 'complete'), 'lock-lost')
  assert.equal(at.commands.renew(D, first?.lockToken ?? ''), false)
})

test('what has expired is not given, ends within seconds, and its sender hears of it; locked, it is its holder’s', async () => {
  const at = stage()
  await send(at, 'short', { lifeMs: MINUTE, ack: 'full' })
  await send(at, 'held', { lifeMs: MINUTE, ack: 'full' })
  await send(at, 'long', { ack: 'full' })
  const receiver = at.commands.listen(D, () => undefined)
  const short = await receiver.receive()
  const held = await receiver.receive()
  receiver.release(short?.lockToken ?? '')
  at.clock.advance(MINUTE)
  assert.equal(textOf(await receiver.receive()), 'long', 'not the one whose time is over')
  await at.commands.sweep()
  assert.deepEqual(
    at.store.feedback.map(({ originalMessageId, statusCode }) => [originalMessageId, statusCode]),
    [['short', 'Expired']],
  )
  assert.equal(await receiver.settle(held?.lockToken ?? '', 'complete'), 'settled')
  await at.commands.sweep()
  assert.deepEqual(
    at.store.feedback.map(({ originalMessageId, statusCode }) => [originalMessageId, statusCode]),
    [
      ['short', 'Expired'],
      ['held', 'Success'],
    ],
  )
})

test('a message sent with a time that has passed ends with the feedback that was asked for', async () => {
  const at = stage()
  await send(at, 'late', { expires: at.clock.wall(), ack: 'negative' })
  assert.equal(await at.commands.receive(D), undefined)
  await at.commands.sweep()
  assert.equal(at.store.feedback[0]?.statusCode, 'Expired')
})

test('a sweep ends more than one page, and goes on after a fault of the disk', async () => {
  const at = stage()
  for (let device = 0; device < 12; device += 1) {
    const key = { deviceId: `many-${device}` }
    at.store.addIdentity(key, 'g')
    for (let count = 0; count < 50; count += 1) await send(at, 'x', { key, lifeMs: MINUTE })
  }
  at.clock.advance(MINUTE)
  at.store.failure = new Error('no disk')
  await at.commands.sweep()
  assert.equal(at.faults.length, 1)
  at.store.failure = undefined
  await at.commands.sweep()
  assert.equal(at.store.commands.length, 0)
})

test('a purge ends what waits, locked or not, and says so', async () => {
  const at = stage()
  for (const text of ['a', 'b']) await send(at, text, { ack: 'negative' })
  await send(at, 'of the module', { key: M })
  const held = await at.commands.receive(D)
  assert.equal(await at.commands.purge(D, 'operator/local'), 2)
  assert.equal(await at.commands.settle(D, held?.lockToken ?? '', 'complete'), 'lock-lost')
  assert.equal(await at.commands.receive(D), undefined)
  assert.deepEqual(
    at.store.feedback.map(({ statusCode }) => statusCode),
    ['Purged', 'Purged'],
  )
  assert.deepEqual(await at.commands.count([D, M]), [0, 1])
  const { at: _, ...event } = at.events.at(-1) ?? {}
  assert.deepEqual(event, {
    type: 'command.purged',
    subject: 'device/d',
    actor: 'operator/local',
    detail: { messages: 2 },
  })
  assert.equal(at.commands.loaded, 0)
})

test('a receiver is called for what is sent, what is released and what is abandoned, and takes it in order', async () => {
  const at = stage()
  await send(at, 'before')
  let calls = 0
  const receiver = at.commands.listen(D, () => {
    calls += 1
  })
  const before = await receiver.receive()
  assert.equal(textOf(before), 'before')
  assert.equal(await receiver.receive(), undefined)
  for (const text of ['a', 'b', 'c']) await send(at, text)
  assert.equal(calls, 3)
  receiver.release(before?.lockToken ?? '')
  assert.equal(calls, 4)
  assert.deepEqual(await all(() => receiver.receive()), ['before', 'a', 'b', 'c'])
  receiver.close()
  assert.equal(await receiver.receive(), undefined)
  assert.equal(at.commands.loaded, 0, 'nothing is kept in memory when nobody is there')
})

test('what a receiver holds lasts as long as it does, and goes back when it ends', async () => {
  const at = stage()
  for (const text of ['a', 'b']) await send(at, text)
  const first = at.commands.listen(D, () => undefined)
  const a = await first.receive()
  at.clock.advance(HOUR / 2)
  at.commands.tick()
  assert.equal(textOf(await at.commands.receive(D)), 'b', 'the rest is for others')
  assert.equal(await first.settle(a?.lockToken ?? '', 'complete'), 'settled')
  const second = at.commands.listen(D, () => undefined)
  first.close()
  at.clock.advance(MINUTE)
  at.commands.tick()
  const b = await second.receive()
  assert.equal(textOf(b), 'b')
  second.limit(b?.lockToken ?? '')
  at.clock.advance(MINUTE)
  at.commands.tick()
  assert.equal(await second.settle(b?.lockToken ?? '', 'complete'), 'lock-lost')
  second.close()
  second.close()
})

test('two receivers compete: each message goes to one of them', async () => {
  const at = stage()
  const receivers = [0, 1].map(() => at.commands.listen(D, () => undefined))
  for (let count = 0; count < 20; count += 1) await send(at, `${count}`)
  const got = await Promise.all(receivers.map((receiver) => all(() => receiver.receive())))
  assert.deepEqual(
    got.flat().toSorted((a, b) => Number(a) - Number(b)),
    Array.from({ length: 20 }, (_, count) => `${count}`),
  )
})

test('a message that arrives while the queue is read is given once, in order', async () => {
  const at = stage()
  await send(at, 'a')
  const receiver = at.commands.listen(D, () => undefined)
  const [first] = await Promise.all([receiver.receive(), send(at, 'b')])
  assert.equal(textOf(first), 'a')
  assert.deepEqual(await all(() => receiver.receive()), ['b'])
})

test('a disk that fails loses nothing: what was not settled comes again, what was not sent is refused', async () => {
  const at = stage()
  await send(at, 'a', { ack: 'full' })
  let calls = 0
  const receiver = at.commands.listen(D, () => {
    calls += 1
  })
  at.store.failure = new Error('no disk')
  await assert.rejects(receiver.receive(), /no disk/)
  await assert.rejects(send(at, 'b'), /no disk/)
  at.store.failure = undefined
  at.clock.advance(10_000)
  at.commands.tick()
  await at.settle()
  assert.ok(calls > 0, 'it is told when it can be read again')
  const a = await receiver.receive()
  at.store.failure = new Error('no disk')
  await assert.rejects(receiver.settle(a?.lockToken ?? '', 'complete'), /no disk/)
  at.store.failure = undefined
  assert.equal(await receiver.receive(), undefined, 'it is still locked for its receiver')
  assert.equal(await receiver.settle(a?.lockToken ?? '', 'complete'), 'settled')
  assert.equal(at.store.feedback.length, 1)
})

test('a lock whose settlement failed ends by the clock like any other', async () => {
  const at = stage()
  await send(at, 'a')
  const a = await at.commands.receive(D)
  at.store.failure = new Error('no disk')
  const settling = at.commands.settle(D, a?.lockToken ?? '', 'complete')
  at.commands.tick()
  await assert.rejects(settling)
  at.store.failure = undefined
  at.clock.advance(MINUTE)
  at.commands.tick()
  assert.equal(textOf(await at.commands.receive(D)), 'a')
})

test('a receiver that ends while the disk fails gives back what it was settling', async () => {
  const at = stage()
  await send(at, 'a')
  const receiver = at.commands.listen(D, () => undefined)
  const a = await receiver.receive()
  at.store.failure = new Error('no disk')
  const settling = receiver.settle(a?.lockToken ?? '', 'complete')
  receiver.close()
  await assert.rejects(settling)
  at.store.failure = undefined
  assert.equal(textOf(await at.commands.receive(D)), 'a')
})

test('a message that can never be read stands in nobody’s way', async () => {
  const at = stage()
  await send(at, 'damaged')
  await send(at, 'whole')
  const read = at.store.readCommand.bind(at.store)
  at.store.readCommand = async (key, sequence) => {
    if (sequence === 1) throw Object.assign(new Error('it does not open'), { code: 'STORE_DAMAGED' })
    return read(key, sequence)
  }
  assert.deepEqual(await all(() => at.commands.receive(D)), ['whole'])
  assert.equal(at.faults.length, 1)
})

test('of a device that is deleted nothing is given out, and another of the same id inherits nothing', async () => {
  const at = stage()
  for (const key of [D, M]) await send(at, 'old', { key, ack: 'full' })
  const held = await at.commands.receive(D)
  const receiver = at.commands.listen(M, () => undefined)
  at.store.deleteIdentity(D)
  at.commands.forget(D)
  assert.equal(await at.commands.settle(D, held?.lockToken ?? '', 'complete'), 'lock-lost')
  at.store.addIdentity(D, 'g3')
  at.store.addIdentity(M, 'g4')
  await send(at, 'to the new module', { key: M })
  assert.equal(await receiver.receive(), undefined, 'a receiver of the old one gets nothing of the new one')
  receiver.close()
  assert.equal(textOf(await at.commands.receive(M)), 'to the new module')
  assert.equal(await at.commands.receive(D), undefined)
  await send(at, 'new')
  assert.equal(textOf(await at.commands.receive(D)), 'new')
  assert.equal(at.store.feedback.length, 0)
})

test('also when nobody said that the identity was made anew', async () => {
  const at = stage()
  await send(at, 'old')
  const held = await at.commands.receive(D)
  at.store.deleteIdentity(D)
  at.store.addIdentity(D, 'g3')
  await send(at, 'new')
  const next = await at.commands.receive(D)
  assert.deepEqual([textOf(next), next?.command.generationId], ['new', 'g3'])
  assert.equal(await at.commands.settle(D, held?.lockToken ?? '', 'complete'), 'lock-lost')
})

test('more on its way to the disk than is held is refused', async () => {
  const at = stage()
  let release = (): void => undefined
  const gate = new Promise<void>((resolve) => {
    release = resolve
  })
  at.store.delay = () => gate
  const body = Buffer.alloc(65_000)
  const outcomes = Array.from({ length: 600 }, (_, count) => {
    const key = { deviceId: `d${count}` }
    at.store.addIdentity(key, 'g')
    return at.commands.send({ key, body }, 'x').then(
      () => 'sent',
      (error: unknown) => (error instanceof CommandError ? error.code : 'failed'),
    )
  })
  release()
  const told = await Promise.all(outcomes)
  const busy = told.filter((one) => one === 'busy').length
  assert.ok(busy > 50 && told.filter((one) => one === 'sent').length === 600 - busy, `${busy}`)
  assert.equal(await at.commands.send({ key: D, body }, 'x').then(({ sequenceNumber }) => sequenceNumber > 0), true)
})
