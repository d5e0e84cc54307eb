/** rhea as a client against our server, over the loopback: what peers that mean well get. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, before, test } from 'node:test'
import rhea, { type Connection, type EventContext } from 'rhea'
import { serveEcho, type Stage } from './testing/echo-application.ts'

let stage: Stage

before(async () => {
  stage = await serveEcho()
})
after(() => stage.close())

function connect(options: object = {}): Connection {
  const connection = rhea.create_container().connect({
    host: '127.0.0.1',
    port: stage.port,
    reconnect: false,
    ...options,
  })
  connection.on('disconnected', () => {})
  connection.on('error', () => {})
  return connection
}

async function next(
  emitter: { once(event: string, listener: (context: EventContext) => void): unknown },
  event: string,
) {
  return new Promise<EventContext>((resolve) => {
    emitter.once(event, resolve)
  })
}

async function over(connection: Connection): Promise<void> {
  const closed = next(connection, 'connection_close')
  connection.close()
  await closed
}

test('a peer without SASL sends a message of many frames, and it is accepted', async () => {
  const connection = connect()
  const sender = connection.open_sender('inbox')
  await next(sender, 'sendable')
  const body = Buffer.alloc(200_000, 7)
  sender.send({
    message_id: 'one',
    to: 'x',
    application_properties: { a: 'b' },
    body: rhea.message.data_section(body),
  })
  await next(sender, 'accepted')
  const message = stage.deliveries.at(-1)?.message
  assert.equal(message?.messageId, 'one')
  assert.equal(message?.applicationProperties.get('a'), 'b')
  assert.ok(message?.body.kind === 'data' && Buffer.from(message.body.bytes).equals(body))
  await over(connection)
})

test('ids keep their types: a uuid comes as one', async () => {
  const connection = connect()
  const sender = connection.open_sender('inbox')
  await next(sender, 'sendable')
  const id = '6d3d9d4e-58f1-4d0c-8f0e-6e1f2c4b1a11'
  sender.send({ message_id: rhea.string_to_uuid(id) as unknown as string, body: 'text' })
  await next(sender, 'accepted')
  const message = stage.deliveries.at(-1)?.message
  assert.equal(String(message?.messageId), id)
  assert.deepEqual(message?.body, { kind: 'value', value: 'text' })
  await over(connection)
})

test('credit comes back one by one: more messages than a link may hold at once', async () => {
  const connection = connect()
  const sender = connection.open_sender('inbox')
  let sent = 0
  let accepted = 0
  const done = new Promise<void>((resolve) => {
    sender.on('accepted', () => {
      accepted += 1
      if (accepted === 1_000) resolve()
    })
  })
  sender.on('sendable', () => {
    while (sender.sendable() && sent < 1_000) {
      sent += 1
      sender.send({ body: sent })
    }
  })
  await done
  await over(connection)
})

test('messages that are not settled hold their credit', async () => {
  const connection = connect()
  const sender = connection.open_sender('held')
  const before = stage.deliveries.length
  let sent = 0
  sender.on('sendable', () => {
    while (sender.sendable()) {
      sent += 1
      sender.send({ body: sent })
    }
  })
  await next(sender, 'sendable')
  await new Promise((resolve) => setTimeout(resolve, 50))
  assert.equal(stage.deliveries.length - before, 10)
  stage.deliveries.at(-1)?.reject({ condition: 'amqp:not-found', description: 'no such device' })
  const { delivery } = await next(sender, 'rejected')
  const state = delivery?.remote_state as { error?: { condition?: string; description?: string } } | undefined
  assert.equal(state?.error?.condition, 'amqp:not-found')
  assert.equal(state?.error?.description, 'no such device')
  await over(connection)
})

test('PLAIN with the right password is let in, with the wrong one it is not', async () => {
  const good = connect({ username: 'me', password: 'secret' })
  await next(good, 'connection_open')
  await over(good)
  const bad = connect({ username: 'me', password: 'wrong' })
  const { error } = await next(bad, 'connection_error')
  assert.match(String(error), /Failed to authenticate: 1/)
})

test('ANONYMOUS is let through to show its token later', async () => {
  const connection = connect({ username: 'anonymous' })
  await next(connection, 'connection_open')
  await over(connection)
})

test('an unknown address is refused: attach without a target, then detach with the reason', async () => {
  const connection = connect()
  const sender = connection.open_sender('nowhere')
  await next(sender, 'sender_error')
  assert.equal((sender.error as { condition?: string }).condition, 'amqp:not-found')
  assert.equal(sender.target?.address, undefined)
  await over(connection)
})

test('a redirect says where to', async () => {
  const connection = connect()
  const receiver = connection.open_receiver('redirect')
  await next(receiver, 'receiver_error')
  const error = receiver.error as { condition?: string; info?: Record<string, unknown> }
  assert.equal(error.condition, 'amqp:link:redirect')
  assert.equal(error.info?.['hostname'], 'other')
  assert.equal(error.info?.['port'], 5671)
  assert.equal(error.info?.['address'], 'amqps://other/x')
  await over(connection)
})

test('a receiver gets what it asks for and no more; drain gives the rest back', async () => {
  const connection = connect()
  const receiver = connection.open_receiver({ source: 'numbers', credit_window: 0 })
  await next(receiver, 'receiver_open')
  const ids: unknown[] = []
  receiver.on('message', ({ message }) => ids.push(message?.message_id))
  receiver.add_credit(5)
  await new Promise((resolve) => setTimeout(resolve, 50))
  assert.deepEqual(ids, ['n1', 'n2', 'n3', 'n4', 'n5'])
  receiver.add_credit(3)
  await new Promise((resolve) => setTimeout(resolve, 50))
  assert.deepEqual(ids.slice(5), ['n6', 'n7', 'n8'])
  await over(connection)
})

test('outcomes of a peek-locked delivery are told with its token', async () => {
  stage.log.length = 0
  const connection = connect()
  const receiver = connection.open_receiver({ source: 'locked', credit_window: 0, autoaccept: false })
  await next(receiver, 'receiver_open')
  // One by one: rhea as a client mixes up outcomes of one turn.
  receiver.add_credit(1)
  let count = 0
  receiver.on('message', ({ delivery }) => {
    count += 1
    if (count === 1) delivery?.accept()
    if (count === 2) delivery?.reject({ condition: 'a:b' })
    if (count === 3) delivery?.release()
    if (count === 4) delivery?.modified({ delivery_failed: true })
    else setTimeout(() => receiver.add_credit(1), 5)
  })
  await new Promise((resolve) => setTimeout(resolve, 100))
  assert.deepEqual(
    stage.log.filter((line) => /^(accepted|rejected|released|modified)/.test(line)),
    ['accepted 1', 'rejected 2', 'released 3', 'modified 4'],
  )
  await over(connection)
})

test('another protocol is told ours, and let go', async () => {
  const { createConnection } = await import('node:net')
  const socket = createConnection(stage.port, '127.0.0.1')
  const ended = once(socket, 'close')
  const parts: Buffer[] = []
  socket.on('data', (bytes: Buffer) => parts.push(bytes))
  socket.write('GET / HTTP/1.1\r\n\r\n')
  await ended
  assert.deepEqual(Buffer.concat(parts), Buffer.from([0x41, 0x4d, 0x51, 0x50, 3, 1, 0, 0]))
})

test('two messages that are settled in one turn keep each its own outcome', async () => {
  const connection = connect()
  const sender = connection.open_sender('held')
  await next(sender, 'sendable')
  const outcomes: string[] = []
  for (const outcome of ['accepted', 'rejected', 'released']) {
    sender.on(outcome, () => outcomes.push(outcome))
  }
  const before = stage.deliveries.length
  for (const body of [1, 2, 3, 4, 5]) sender.send({ body })
  while (stage.deliveries.length < before + 5) await new Promise((resolve) => setTimeout(resolve, 5))
  const [first, second, third, fourth, fifth] = stage.deliveries.slice(before)
  first?.accept()
  second?.reject({ condition: 'amqp:not-found', description: 'no' })
  third?.release()
  fourth?.accept()
  fifth?.accept()
  while (outcomes.length < 5) await new Promise((resolve) => setTimeout(resolve, 5))
  assert.deepEqual(outcomes, ['accepted', 'rejected', 'released', 'accepted', 'accepted'])
  await over(connection)
})

test('nothing of this was a fault of ours', () => {
  assert.deepEqual(stage.faults, [])
})
