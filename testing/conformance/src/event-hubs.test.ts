/**
 * Rows 43 and 44 of azure-iot.md §12: telemetry as `@azure/event-hubs` reads it, over TCP and over a WebSocket, and the
 * way there from the hub's own address.
 */

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import {
  type EventHubConsumerClient as Consumer,
  EventHubConsumerClient,
  type EventPosition,
  earliestEventPosition,
  latestEventPosition,
  type ReceivedEventData,
  type SubscribeOptions,
} from '@azure/event-hubs'
import type { Api } from '@holdfast/api'
import { formatSasToken } from '@holdfast/tokens'
import rhea, { type Connection, type EventContext } from 'rhea'
import { Message } from './azure-sdk.ts'
import { endWithTests } from './end-with-tests.ts'
import { HubProcess } from './hub-process.ts'
import { clientOf, DEVICE_TRANSPORTS, eventually, open, pause, within } from './sdk-client.ts'
import { AMQP_PORT, requireStandardPorts } from './standard-ports.ts'

const skip = await requireStandardPorts()
const hub = skip === false ? await HubProcess.start('standard') : undefined
after(() => hub?.stop())

const TRANSPORTS = ['amqp', 'amqp-ws'] as const
type Transport = (typeof TRANSPORTS)[number]
const EVENTS_MS_MAX = 30_000
/** Nothing may come in this time, in milliseconds. */
const SILENCE_MS = 700

function theHub(): HubProcess {
  assert.ok(hub !== undefined)
  return hub
}

async function connectionString(policy = 'service'): Promise<string> {
  const at = `/policies/${policy}/connection-string?eventHub=true`
  return (await theHub().api<Api.ConnectionString>('GET', at)).body.connectionString
}

interface Choice {
  readonly group?: string
  readonly text?: string
}

async function consumer(transport: Transport, { group = '$Default', text }: Choice = {}): Promise<Consumer> {
  return new EventHubConsumerClient(group, text ?? (await connectionString()), {
    // The first outcome is what a row wants to see.
    retryOptions: { maxRetries: 0, timeoutInMs: 20_000 },
    ...(transport === 'amqp-ws' ? { webSocketOptions: { webSocket: WebSocket } } : {}),
  })
}

interface Subscribed {
  readonly events: ReceivedEventData[]
  readonly errors: Error[]
  readonly last: () => unknown
  close(): Promise<void>
}

function subscribe(client: Consumer, partition: string, options: SubscribeOptions): Subscribed {
  const events: ReceivedEventData[] = []
  const errors: Error[] = []
  let last: unknown
  const subscription = client.subscribe(
    partition,
    {
      processEvents: async (received, context) => {
        events.push(...received)
        last = context.lastEnqueuedEventProperties
      },
      processError: async (error) => {
        errors.push(error instanceof Error ? error : new Error(String(error)))
      },
    },
    { maxWaitTimeInSeconds: 1, ...options },
  )
  return { events, errors, last: () => last, close: () => subscription.close() }
}

async function got(subscribed: Subscribed, count: number): Promise<readonly ReceivedEventData[]> {
  await within(
    EVENTS_MS_MAX,
    eventually(async () => subscribed.events.length >= count || subscribed.errors.length > 0, 'no events come'),
    'no events come',
  )
  assert.deepEqual(subscribed.errors, [])
  return subscribed.events
}

async function failed(subscribed: Subscribed): Promise<Error & { readonly code?: string }> {
  await eventually(async () => subscribed.errors.length > 0, 'no error comes')
  const [error] = subscribed.errors
  assert.ok(error !== undefined)
  return error
}

/** A device, and the partition that its messages go to. */
interface Source {
  readonly deviceId: string
  readonly partition: string
  send(...bodies: readonly (string | Message)[]): Promise<void>
  close(): Promise<void>
}

async function source(deviceId: string): Promise<Source> {
  const { primary } = await theHub().device({ deviceId })
  const client = clientOf(primary, DEVICE_TRANSPORTS[0])
  await open(client)
  await client.sendEvent(new Message('first'))
  const [first] = await theHub().messages(deviceId)
  assert.ok(first !== undefined)
  return {
    deviceId,
    partition: String(first.partition),
    send: async (...bodies) => {
      for (const body of bodies) await client.sendEvent(typeof body === 'string' ? new Message(body) : body)
    },
    close: async () => {
      await client.close()
    },
  }
}

let pump: Source

before(async () => {
  if (hub === undefined) return
  hub.trust()
  pump = await source('eh-pump')
})
after(() => (hub === undefined ? undefined : pump.close()))

function bodies(events: readonly ReceivedEventData[]): unknown[] {
  return events.filter(ofPump).map(({ body }) => (Buffer.isBuffer(body) ? body.toString() : body))
}

function ofPump({ systemProperties }: ReceivedEventData): boolean {
  return systemProperties?.['iothub-connection-device-id'] === 'eh-pump'
}

for (const transport of TRANSPORTS) {
  test(`row 43: properties of the Event Hub and of its partitions, ${transport}`, { skip }, async () => {
    const client = await consumer(transport)
    const properties = await client.getEventHubProperties()
    assert.equal(properties.name, 'localhost')
    assert.deepEqual(properties.partitionIds, ['0', '1', '2', '3'])
    assert.ok(Math.abs(Date.now() - properties.createdOn.getTime()) < 600_000)
    const before = await client.getPartitionProperties(pump.partition)
    await pump.send('one more')
    const after = await client.getPartitionProperties(pump.partition)
    assert.equal(after.eventHubName, 'localhost')
    assert.equal(after.partitionId, pump.partition)
    assert.equal(after.beginningSequenceNumber, 0)
    assert.equal(after.lastEnqueuedSequenceNumber, before.lastEnqueuedSequenceNumber + 1)
    assert.ok(Number(after.lastEnqueuedOffset) > Number(before.lastEnqueuedOffset))
    assert.ok(Math.abs(Date.now() - after.lastEnqueuedOnUtc.getTime()) < 60_000)
    assert.equal(after.isEmpty, false)
    await assert.rejects(client.getPartitionProperties('99'), { code: 'MessagingEntityNotFoundError' })
    await client.close()
  })

  test(`row 43: reading starts at the oldest, at a place, at a time, or with what comes, ${transport}`, {
    skip,
  }, async () => {
    const tag = `start-${transport}`
    await pump.send(`${tag}-0`)
    await pause(20)
    const middle = Date.now()
    await pause(20)
    await pump.send(`${tag}-1`, `${tag}-2`, `${tag}-3`)
    const client = await consumer(transport)
    const readFrom = async (startPosition: EventPosition, count: number): Promise<readonly ReceivedEventData[]> => {
      const subscribed = subscribe(client, pump.partition, { startPosition })
      const events = await got(subscribed, count)
      await pause(100)
      await subscribed.close()
      return events
    }
    const { lastEnqueuedSequenceNumber } = await client.getPartitionProperties(pump.partition)
    const all = (await readFrom(earliestEventPosition, lastEnqueuedSequenceNumber + 1)).filter(ofPump)
    assert.equal(all[0]?.body.toString(), 'first')
    const own = all.filter(({ body }) => String(body).startsWith(tag))
    assert.equal(own.length, 4)
    const [zero, one] = own
    assert.ok(zero !== undefined && one !== undefined)
    const rest = [`${tag}-1`, `${tag}-2`, `${tag}-3`]
    assert.deepEqual(bodies(await readFrom({ sequenceNumber: zero.sequenceNumber }, 3)), rest)
    assert.deepEqual(bodies(await readFrom({ sequenceNumber: one.sequenceNumber, isInclusive: true }, 3)), rest)
    assert.deepEqual(bodies(await readFrom({ offset: zero.offset }, 3)), rest)
    assert.deepEqual(bodies(await readFrom({ offset: one.offset, isInclusive: true }, 3)), rest)
    assert.deepEqual(bodies(await readFrom({ enqueuedOn: middle }, 3)), rest)
    const latest = subscribe(client, pump.partition, { startPosition: latestEventPosition })
    await pause(SILENCE_MS)
    assert.deepEqual(latest.events, [])
    await pump.send(`${tag}-late`)
    assert.deepEqual(bodies(await got(latest, 1)), [`${tag}-late`])
    await latest.close()
    await client.close()
  })

  test(`row 43: a message has its properties, annotations and body, ${transport}`, { skip }, async () => {
    const client = await consumer(transport)
    const subscribed = subscribe(client, pump.partition, { startPosition: latestEventPosition })
    await pause(SILENCE_MS)
    const message = new Message(JSON.stringify({ degrees: 21.5 }))
    message.messageId = 'm-1'
    message.correlationId = 'c-1'
    message.userId = 'user'
    message.contentType = 'application/json'
    message.contentEncoding = 'utf-8'
    message.properties.add('alarm', 'true')
    message.properties.add('ort', 'Köln & Umgebung')
    const binary = new Message(Buffer.from([0, 255, 1, 254]))
    const begun = Date.now()
    await pump.send(message, binary, '')
    const [first, second, third] = (await got(subscribed, 3)).filter(ofPump)
    assert.ok(first !== undefined && second !== undefined && third !== undefined)
    assert.deepEqual(first.body, { degrees: 21.5 })
    assert.equal(first.messageId, 'm-1')
    assert.equal(first.correlationId, 'c-1')
    assert.equal(first.contentType, 'application/json')
    assert.deepEqual(first.properties, { alarm: 'true', ort: 'Köln & Umgebung' })
    assert.ok(Math.abs(first.enqueuedTimeUtc.getTime() - begun) < 60_000)
    const device = await theHub().show('eh-pump')
    const { systemProperties } = first
    assert.ok(systemProperties !== undefined)
    assert.equal(systemProperties['iothub-connection-device-id'], 'eh-pump')
    assert.equal(systemProperties['iothub-connection-auth-generation-id'], device.generationId)
    assert.deepEqual(JSON.parse(systemProperties['iothub-connection-auth-method']), {
      scope: 'device',
      type: 'sas',
      issuer: 'iothub',
      acceptingIpFilterRule: null,
    })
    assert.equal(systemProperties['iothub-message-source'], 'Telemetry')
    assert.equal(systemProperties['iothub-enqueuedtime'], first.enqueuedTimeUtc.getTime())
    assert.equal(systemProperties['contentEncoding'], 'utf-8')
    // The SDK takes bytes apart into an object of numbers.
    assert.equal(Buffer.from(Object.values<number>(systemProperties['userId'])).toString(), 'user')
    assert.ok(Buffer.isBuffer(second.body) && second.body.equals(Buffer.from([0, 255, 1, 254])))
    assert.equal(second.sequenceNumber, first.sequenceNumber + 1)
    assert.ok(Number(second.offset) > Number(first.offset))
    assert.equal(third.body.length, 0)
    await subscribed.close()
    await client.close()
  })

  test(`row 43: a higher owner level displaces, a lower one is refused, ${transport}`, { skip }, async () => {
    const [low, high, none] = await Promise.all([1, 2, 3].map(() => consumer(transport)))
    assert.ok(low !== undefined && high !== undefined && none !== undefined)
    const options = { startPosition: latestEventPosition }
    const without = subscribe(none, pump.partition, options)
    await pause(SILENCE_MS)
    const first = subscribe(low, pump.partition, { ...options, ownerLevel: 5 })
    assert.equal((await failed(without)).code, 'ReceiverDisconnectedError')
    await pump.send('for level 5')
    assert.deepEqual(bodies(await got(first, 1)), ['for level 5'])
    const second = subscribe(high, pump.partition, { ...options, ownerLevel: 6 })
    const displaced = await failed(first)
    assert.equal(displaced.code, 'ReceiverDisconnectedError')
    assert.match(displaced.message, /higher epoch of '6'/)
    await first.close()
    const lower = subscribe(low, pump.partition, { ...options, ownerLevel: 5 })
    const refused = await failed(lower)
    assert.equal(refused.code, 'ReceiverDisconnectedError')
    assert.match(refused.message, /higher epoch '6' already exists/)
    await without.close()
    const plain = subscribe(none, pump.partition, options)
    assert.equal((await failed(plain)).code, 'ReceiverDisconnectedError')
    await pump.send('for level 6')
    assert.deepEqual(bodies(await got(second, 1)), ['for level 6'])
    for (const one of [second, lower, plain]) await one.close()
    for (const client of [low, high, none]) await client.close()
  })

  test(`row 43: consumer groups keep readers apart; one that is not there is not found, ${transport}`, {
    skip,
  }, async () => {
    const name = `dashboards-${transport}`
    const created = await theHub().command('consumer-group', 'create', name)
    assert.equal(created.code, 0, created.stderr)
    const [one, other] = [await consumer(transport), await consumer(transport, { group: name.toUpperCase() })]
    const options = { startPosition: latestEventPosition, ownerLevel: 1 }
    const subscriptions = [subscribe(one, pump.partition, options), subscribe(other, pump.partition, options)]
    await pause(SILENCE_MS)
    await pump.send('for both')
    for (const subscribed of subscriptions) assert.deepEqual(bodies(await got(subscribed, 1)), ['for both'])
    for (const subscribed of subscriptions) await subscribed.close()
    assert.equal((await theHub().command('consumer-group', 'delete', name)).code, 0)
    const unknown = await consumer(transport, { group: 'nobody' })
    const missing = subscribe(unknown, pump.partition, { startPosition: earliestEventPosition })
    assert.equal((await failed(missing)).code, 'MessagingEntityNotFoundError')
    await missing.close()
    for (const client of [one, other, unknown]) await client.close()
  })

  test(`row 43: who asks is told where the partition ends, ${transport}`, { skip }, async () => {
    const client = await consumer(transport)
    await pump.send('the last one')
    const { lastEnqueuedSequenceNumber, lastEnqueuedOffset } = await client.getPartitionProperties(pump.partition)
    const subscribed = subscribe(client, pump.partition, {
      startPosition: { sequenceNumber: lastEnqueuedSequenceNumber, isInclusive: true },
      trackLastEnqueuedEventProperties: true,
    })
    await got(subscribed, 1)
    const last = subscribed.last() as {
      sequenceNumber?: number
      offset?: string
      enqueuedOn?: Date
      retrievedOn?: Date
    }
    assert.equal(last.sequenceNumber, lastEnqueuedSequenceNumber)
    assert.equal(last.offset, lastEnqueuedOffset)
    assert.ok(Math.abs(Date.now() - (last.enqueuedOn?.getTime() ?? 0)) < 60_000)
    assert.ok(Math.abs(Date.now() - (last.retrievedOn?.getTime() ?? 0)) < 60_000)
    await subscribed.close()
    await client.close()
  })

  test(`row 43: a wrong key, a policy without the right and another entity are refused, ${transport}`, {
    skip,
  }, async () => {
    const good = await connectionString()
    const wrong = await consumer(transport, {
      text: good.replace(/SharedAccessKey=[^;]+/, `SharedAccessKey=${Buffer.alloc(32, 9).toString('base64')}`),
    })
    await assert.rejects(wrong.getEventHubProperties(), { code: 'UnauthorizedError' })
    const device = await consumer(transport, { text: await connectionString('device') })
    await assert.rejects(device.getEventHubProperties(), { code: 'UnauthorizedError' })
    const reading = subscribe(device, pump.partition, { startPosition: earliestEventPosition })
    assert.equal((await failed(reading)).code, 'UnauthorizedError')
    await reading.close()
    const entity = await consumer(transport, { text: good.replace(/EntityPath=[^;]+/, 'EntityPath=elsewhere') })
    await assert.rejects(entity.getEventHubProperties(), { code: 'MessagingEntityNotFoundError' })
    const elsewhere = subscribe(entity, '0', { startPosition: earliestEventPosition })
    assert.equal((await failed(elsewhere)).code, 'MessagingEntityNotFoundError')
    await elsewhere.close()
    for (const client of [wrong, device, entity]) await client.close()
  })
}

test('row 43: two thousand messages of twenty devices come in order, none twice, none lost', { skip }, async () => {
  const devices = await Promise.all(Array.from({ length: 20 }, (_, index) => source(`eh-many-${index}`)))
  await Promise.all(
    devices.map(async ({ send }) => {
      await send(...Array.from({ length: 99 }, (_, index) => String(index)))
    }),
  )
  const client = await consumer('amqp')
  const seen = new Map<string, ReceivedEventData[]>()
  const errors: unknown[] = []
  const subscription = client.subscribe(
    {
      processEvents: async (events, { partitionId }) => {
        seen.set(partitionId, [...(seen.get(partitionId) ?? []), ...events])
      },
      processError: async (error) => void errors.push(error),
    },
    { startPosition: earliestEventPosition, maxBatchSize: 300 },
  )
  const many = (): ReceivedEventData[] =>
    [...seen.values()]
      .flat()
      .filter(({ systemProperties }) =>
        String(systemProperties?.['iothub-connection-device-id']).startsWith('eh-many-'),
      )
  await eventually(async () => many().length >= 2_000, 'not all come')
  await pause(200)
  assert.deepEqual(errors, [])
  assert.equal(many().length, 2_000)
  for (const events of seen.values()) {
    assert.deepEqual(
      events.map(({ sequenceNumber }) => sequenceNumber),
      events.map((_, index) => index),
    )
  }
  for (const { deviceId } of devices) {
    const own = many().filter(({ systemProperties }) => systemProperties?.['iothub-connection-device-id'] === deviceId)
    assert.deepEqual(
      own.map(({ body }) => String(body)),
      ['first', ...Array.from({ length: 99 }, (_, index) => String(index))],
    )
  }
  await subscription.close()
  await client.close()
  await Promise.all(devices.map((device) => device.close()))
})

test("row 44: the hub's own address sends readers to the Event Hub, and what it says works there", {
  skip,
}, async () => {
  const service = await theHub().policy('service')
  const key = /SharedAccessKey=([^;]+)/.exec(service)?.[1] ?? ''
  const token = formatSasToken({
    resource: 'localhost',
    key,
    policyName: 'service',
    expirySeconds: Math.floor(Date.now() / 1000) + 600,
  })
  // As the sample of the SDK for service developers does.
  const connection = rhea.create_container().connect({
    transport: 'tls',
    host: 'localhost',
    hostname: 'localhost',
    port: AMQP_PORT,
    username: 'service@sas.root.localhost',
    password: token,
    reconnect: false,
  })
  await event(connection, 'connection_open')
  const receiver = connection.open_receiver({
    source: { address: 'amqps://localhost/messages/events/$management' },
  })
  await event(receiver, 'receiver_error')
  const error = receiver.error as { condition?: string; info?: Record<string, unknown> }
  assert.equal(error.condition, 'amqp:link:redirect')
  assert.equal(error.info?.['hostname'], 'localhost')
  assert.equal(error.info?.['network-host'], 'localhost')
  assert.equal(error.info?.['port'], AMQP_PORT)
  assert.equal(error.info?.['address'], 'amqps://localhost:5671/localhost/$management')
  connection.close()
  const entity = String(error.info?.['address']).split('/')[3]
  const client = new EventHubConsumerClient(
    '$Default',
    `Endpoint=sb://${String(error.info?.['hostname'])}/;EntityPath=${entity};SharedAccessKeyName=service;SharedAccessKey=${key}`,
  )
  assert.equal((await client.getEventHubProperties()).name, 'localhost')
  await client.close()
})

test('who has no claim is not told where to go', { skip }, async () => {
  const connection = rhea
    .create_container()
    .connect({ transport: 'tls', host: 'localhost', port: AMQP_PORT, reconnect: false })
  connection.on('disconnected', () => {})
  await event(connection, 'connection_open')
  const receiver = connection.open_receiver({ source: { address: 'messages/events/$management' } })
  await event(receiver, 'receiver_error')
  assert.equal((receiver.error as { condition?: string }).condition, 'amqp:unauthorized-access')
  connection.close()
})

test('a token that ends and is not renewed ends its connection, and nothing more comes', { skip }, async () => {
  const begun = Date.now()
  const connection = await reader(3)
  const { error } = await event(connection, 'connection_error')
  assert.equal((error as { condition?: string } | undefined)?.condition, 'amqp:unauthorized-access')
  const seconds = (Date.now() - begun) / 1000
  assert.ok(seconds > 1.9 && seconds < 8, `after ${seconds} s`)
})

endWithTests()

// Not with the SDK: its clients go on trying with the key that they have, for as long as they are.
test('a policy key that is changed ends the readers that came by it, and they are counted', { skip }, async () => {
  const connections = [await reader(60), await reader(60)]
  const ends = connections.map((connection) => event(connection, 'connection_error'))
  const answer = await theHub().api<Api.Changed>('POST', '/policies/service/regenerate-key', { key: 'primary' })
  assert.equal(answer.status, 200)
  assert.equal(answer.body.sessionsClosed, 2)
  for (const { error } of await Promise.all(ends)) {
    assert.equal((error as { condition?: string } | undefined)?.condition, 'amqp:unauthorized-access')
  }
  // A flood of events is summarised, once a second: an event may stand for several.
  const told = async (): Promise<number> =>
    (await theHub().events('policy/service'))
      .filter(({ type, detail }) => type === 'amqp.closed' && /taken away/.test(String(detail['reason'])))
      .reduce((sum, { detail }) => sum + Number(detail['repeated'] ?? 1), 0)
  for (const until = Date.now() + 5_000; (await told()) < 2 && Date.now() < until; ) await pause(200)
  assert.ok((await told()) >= 2)
})

/** A connection that has read a message of the pump's partition, by a token of so many seconds. */
async function reader(seconds: number): Promise<Connection> {
  const { body } = await theHub().api<Api.ConnectionString>('GET', '/policies/service/connection-string')
  const key = /SharedAccessKey=([^;]+)/.exec(body.connectionString)?.[1] ?? ''
  const expirySeconds = Math.floor(Date.now() / 1000) + seconds
  const connection = rhea.create_container().connect({
    transport: 'tls',
    host: 'localhost',
    port: AMQP_PORT,
    username: 'service@sas.root.localhost',
    password: formatSasToken({ resource: 'localhost', key, policyName: 'service', expirySeconds }),
    reconnect: false,
  })
  connection.on('disconnected', () => {})
  await event(connection, 'connection_open')
  const address = `localhost/ConsumerGroups/$Default/Partitions/${pump.partition}`
  await event(connection.open_receiver({ source: { address } }), 'message')
  return connection
}

function event(
  emitter: { once(name: string, listener: (context: EventContext) => void): unknown },
  name: string,
): Promise<EventContext> {
  return within(
    20_000,
    new Promise((resolve) => {
      emitter.once(name, resolve)
    }),
    `${name} does not come`,
  )
}
