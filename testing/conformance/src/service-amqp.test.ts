/**
 * Rows 26 to 29 of azure-iot.md §12: the service SDK over AMQP and AMQP over WebSockets. Messages to devices, what became
 * of them, and what devices uploaded.
 */

import assert from 'node:assert/strict'
import { after, suite, test } from 'node:test'
import type { Api } from '@holdfast/api'
import azureIothub from 'azure-iothub'
import { Client, Http, Message, ServiceClient } from './azure-sdk.ts'
import { endWithTests } from './end-with-tests.ts'
import { HubProcess } from './hub-process.ts'
import { clientOf, DEVICE_TRANSPORTS, eventually, failure, pause, within } from './sdk-client.ts'
import { requireStandardPorts } from './standard-ports.ts'

const { Amqp, AmqpWs } = azureIothub
const skip = await requireStandardPorts()
const hub = skip === false ? await HubProcess.start('standard') : undefined
hub?.trust()
after(() => hub?.stop())
endWithTests()

const TRANSPORTS = [
  { name: 'amqp', constructorOf: Amqp },
  { name: 'amqp-ws', constructorOf: AmqpWs },
] as const
type Transport = (typeof TRANSPORTS)[number]

/** A batch of feedback is made after 15 seconds. */
const FEEDBACK_MS_MAX = 40_000
const NO_RETRY = { shouldRetry: (): boolean => false, nextRetryTimeout: (): number => -1 }

interface Record {
  readonly originalMessageId: string
  readonly statusCode: string
  readonly description: string
  readonly deviceId: string
  readonly deviceGenerationId: string
  readonly enqueuedTimeUtc: string
}

function theHub(): HubProcess {
  assert.ok(hub !== undefined)
  return hub
}

async function serviceClient({ constructorOf }: Transport, text?: string): Promise<ServiceClient> {
  const client = ServiceClient.fromConnectionString(text ?? (await theHub().policy('service')), constructorOf)
  client.setRetryPolicy(NO_RETRY)
  return client
}

interface Receiver {
  on(event: 'message', listener: (message: Message) => void): unknown
  complete(message: Message, done: () => void): void
  abandon(message: Message, done: () => void): void
  reject(message: Message, done: () => void): void
}

/** By the callback: the promise gives a pair that the types and the samples do not agree on. */
function receiverOf(
  client: ServiceClient,
  which: 'getFeedbackReceiver' | 'getFileNotificationReceiver',
): Promise<Receiver> {
  return new Promise((resolve, reject) => {
    client[which]((error, receiver) => {
      if (error !== null && error !== undefined) reject(error)
      else resolve(receiver as unknown as Receiver)
    })
  })
}

async function opened(transport: Transport): Promise<ServiceClient> {
  const client = await serviceClient(transport)
  await client.open()
  return client
}

function command(messageId: string, body = messageId): Message {
  const message = new Message(body)
  message.messageId = messageId
  message.ack = 'full'
  return message
}

for (const transport of TRANSPORTS) {
  const { name } = transport
  suite(`service ${name}`, { concurrency: false }, () => {
    test(`row 26 ${name}: opens and closes by a policy's key, and by a token`, { skip }, async () => {
      const client = await opened(transport)
      await client.close()
      const token = await theHub().object<{ readonly token: string }>('policy', 'token', 'service')
      const byToken = ServiceClient.fromSharedAccessSignature(token.token, transport.constructorOf)
      byToken.setRetryPolicy(NO_RETRY)
      await byToken.open()
      await byToken.close()
    })

    test(`row 26 ${name}: a wrong key and a token that has ended are refused`, { skip }, async () => {
      const good = await theHub().policy('service')
      const wrong = good.replace(/SharedAccessKey=.*/, `SharedAccessKey=${Buffer.alloc(32, 3).toString('base64')}`)
      await unauthorized((await serviceClient(transport, wrong)).open())
      const { token } = await theHub().object<{ readonly token: string }>('policy', 'token', 'service')
      const old = token.replace(/se=\d+/, `se=${Math.floor(Date.now() / 1000) - 86_400}`)
      const late = ServiceClient.fromSharedAccessSignature(old, transport.constructorOf)
      late.setRetryPolicy(NO_RETRY)
      await unauthorized(late.open())
    })

    test(`row 26 ${name}: a policy without the right ServiceConnect sends nothing`, { skip }, async () => {
      await theHub().device({ deviceId: `r26-${name}` })
      const client = await serviceClient(transport, await theHub().policy('registryReadWrite'))
      await client.open()
      const error = await failure(client.send(`r26-${name}`, command('no')))
      assert.equal(error.name, 'UnauthorizedError', String(error.stack))
      await client.close()
    })

    test(`row 27 ${name}: a message reaches the device with its properties`, { skip }, async () => {
      const deviceId = `r27-${name}`
      const { primary } = await theHub().device({ deviceId })
      const device = clientOf(primary, DEVICE_TRANSPORTS[0])
      const received: Message[] = []
      device.on('message', (message: Message) => received.push(message))
      await device.open()
      const client = await opened(transport)
      const message = new Message(Buffer.from([0, 1, 254, 255]))
      message.messageId = '6d3d9d4e-58f1-4d0c-8f0e-6e1f2c4b1a11'
      message.correlationId = 'c-27'
      message.contentType = 'application/json'
      message.contentEncoding = 'utf-8'
      message.expiryTimeUtc = Date.now() + 600_000
      message.properties.add('key', 'value & more')
      await client.send(deviceId, message)
      await client.send(deviceId, new Message('second'))
      await eventually(async () => received.length === 2, 'the messages do not come')
      const [first, second] = received
      assert.ok(first !== undefined && second !== undefined)
      assert.deepEqual([...first.getBytes()], [0, 1, 254, 255])
      // A uuid travels as one over AMQP, and is text again at the device.
      assert.equal(first.messageId, '6d3d9d4e-58f1-4d0c-8f0e-6e1f2c4b1a11')
      assert.equal(first.correlationId, 'c-27')
      assert.equal(first.contentType, 'application/json')
      assert.equal(first.contentEncoding, 'utf-8')
      assert.equal(propertyOf(first, 'key'), 'value & more')
      assert.equal(Buffer.from(second.getBytes()).toString(), 'second')
      await client.close()
      await device.close()
    })

    test(`row 27 ${name}: an unknown device, a full queue and too large a message are told apart`, {
      skip,
    }, async () => {
      const client = await opened(transport)
      const unknown = await failure(client.send('r27-nobody', command('u')))
      assert.equal(unknown.name, 'DeviceNotFoundError', String(unknown.stack))
      const deviceId = `r27-full-${name}`
      await theHub().device({ deviceId })
      const large = await failure(client.send(deviceId, new Message(Buffer.alloc(70_000))))
      assert.equal(large.name, 'MessageTooLargeError', String(large.stack))
      for (let index = 0; index < 50; index += 1) await client.send(deviceId, new Message(String(index)))
      const full = await failure(client.send(deviceId, new Message('one too many')))
      assert.equal(full.name, 'DeviceMaximumQueueDepthExceededError', String(full.stack))
      // None of it ended the connection.
      await theHub().device({ deviceId: `r27-after-${name}` })
      await client.send(`r27-after-${name}`, new Message('still'))
      await client.close()
    })

    test(`row 28 ${name}: feedback says how each message ended`, { skip }, async () => {
      const deviceId = `r28-${name}`
      const { primary } = await theHub().device({ deviceId })
      const { generationId } = await theHub().show(deviceId)
      const client = await opened(transport)
      const receiver = await receiverOf(client, 'getFeedbackReceiver')
      const records = new Map<string, Record>()
      const contentTypes = new Set<string | undefined>()
      receiver.on('message', (message: Message) => {
        contentTypes.add(message.contentType)
        const parsed = JSON.parse(String(message.data)) as Record[]
        for (const record of parsed) records.set(record.originalMessageId, record)
        receiver.complete(message, () => {})
      })
      const device = Client.fromConnectionString(primary, Http)
      const settle = async (expected: string, how: (message: Message) => Promise<unknown>): Promise<void> => {
        const message = await nextOf(device)
        assert.equal(message.messageId, expected)
        await how(message)
      }
      await client.send(deviceId, command('done'))
      await settle('done', (message) => device.complete(message))
      await client.send(deviceId, command('refused'))
      await settle('refused', (message) => device.reject(message))
      await client.send(deviceId, command('given-up'))
      for (let times = 0; times < 10; times += 1) await settle('given-up', (message) => device.abandon(message))
      const late = command('late')
      late.expiryTimeUtc = Date.now() + 1_000
      await client.send(deviceId, late)
      const quiet = command('quiet')
      quiet.ack = 'none'
      await client.send(deviceId, quiet)
      await pause(1_500)
      await settle('quiet', (message) => device.complete(message))
      await client.send(deviceId, command('purged'))
      await theHub().api('DELETE', `/devices/${deviceId}/messages`)
      await within(
        FEEDBACK_MS_MAX,
        (async () => {
          while (records.size < 5) await pause(100)
        })(),
        'not all feedback comes',
      )
      assert.deepEqual(Object.fromEntries([...records].map(([id, { statusCode }]) => [id, statusCode])), {
        done: 'Success',
        refused: 'Rejected',
        'given-up': 'DeliveryCountExceeded',
        late: 'Expired',
        purged: 'Purged',
      })
      for (const record of records.values()) {
        assert.equal(record.deviceId, deviceId)
        assert.equal(record.deviceGenerationId, generationId)
        assert.ok(Math.abs(Date.now() - Date.parse(record.enqueuedTimeUtc)) < 120_000)
      }
      assert.deepEqual([...contentTypes], ['application/vnd.microsoft.iothub.feedback.json'])
      await client.close()
    })

    test(`row 28 ${name}: feedback that is abandoned comes again, to whoever is there`, { skip }, async () => {
      const deviceId = `r28-again-${name}`
      const { primary } = await theHub().device({ deviceId })
      const client = await opened(transport)
      const receiver = await receiverOf(client, 'getFeedbackReceiver')
      let deliveries = 0
      const again = new Promise<string>((resolve) => {
        receiver.on('message', (message: Message) => {
          deliveries += 1
          if (deliveries === 1) receiver.abandon(message, () => {})
          else {
            receiver.complete(message, () => resolve(String(message.data)))
          }
        })
      })
      await client.send(deviceId, command('again'))
      const device = Client.fromConnectionString(primary, Http)
      await device.complete(await nextOf(device))
      const records = JSON.parse(await within(FEEDBACK_MS_MAX, again, 'it does not come again')) as Record[]
      assert.deepEqual(
        records.map(({ originalMessageId }) => originalMessageId),
        ['again'],
      )
      await client.close()
    })

    test(`row 29 ${name}: an upload is told, abandoned, told again and completed`, { skip }, async () => {
      const deviceId = `r29-${name}`
      const { primary } = await theHub().device({ deviceId })
      const client = await opened(transport)
      const receiver = await receiverOf(client, 'getFileNotificationReceiver')
      const told: Message[] = []
      const done = new Promise<void>((resolve) => {
        receiver.on('message', (message: Message) => {
          told.push(message)
          if (told.length === 1) receiver.abandon(message, () => {})
          if (told.length === 2) receiver.complete(message, () => resolve())
        })
      })
      const device = Client.fromConnectionString(primary, Http)
      const grant = await device.getBlobSharedAccessSignature('log.txt')
      await put(grant, Buffer.from('hello blob'))
      await device.notifyBlobUploadStatus(grant.correlationId, true, 200, 'ok')
      await within(20_000, done, 'the upload is not told')
      const [first, second] = told.map(({ data }) => JSON.parse(String(data)) as { [key: string]: unknown })
      assert.deepEqual(second, first)
      assert.equal(first?.['deviceId'], deviceId)
      assert.equal(first?.['blobName'], `${deviceId}/log.txt`)
      assert.equal(first?.['blobSizeInBytes'], 10)
      assert.ok(Math.abs(Date.now() - Date.parse(String(first?.['enqueuedTimeUtc']))) < 60_000)
      assert.ok(String(first?.['blobUri']).endsWith(`/${deviceId}/log.txt`))
      assert.equal(told[0]?.contentType, 'application/json')
      await client.close()
    })

    test(`row 29 ${name}: an upload that is rejected is not told again`, { skip }, async () => {
      const deviceId = `r29-no-${name}`
      const { primary } = await theHub().device({ deviceId })
      const client = await opened(transport)
      const receiver = await receiverOf(client, 'getFileNotificationReceiver')
      let count = 0
      const done = new Promise<void>((resolve) => {
        receiver.on('message', (message: Message) => {
          count += 1
          receiver.reject(message, () => resolve())
        })
      })
      const device = Client.fromConnectionString(primary, Http)
      const grant = await device.getBlobSharedAccessSignature('no.txt')
      await put(grant, Buffer.from('x'))
      await device.notifyBlobUploadStatus(grant.correlationId, true, 200, 'ok')
      await within(20_000, done, 'the upload is not told')
      await pause(500)
      assert.equal(count, 1)
      await client.close()
    })
  })
}

test('a policy key that is changed ends the service clients that came by it', { skip }, async () => {
  const clients = await Promise.all(TRANSPORTS.map((transport) => opened(transport)))
  const answer = await theHub().api<Api.Changed>('POST', '/policies/service/regenerate-key', { key: 'primary' })
  assert.equal(answer.body.sessionsClosed, 2)
  const isTold = async (): Promise<boolean> => {
    const events = await theHub().events('policy/service')
    const closed = events.filter(({ type }) => type === 'amqp.closed')
    return closed.filter(({ detail }) => /taken away/.test(String(detail['reason']))).length === 2
  }
  await eventually(isTold, 'the two closings are not told')
  // They come back with the key that they have, and that is none any more.
  for (const client of clients) await failure(client.send('r27-after-amqp', new Message('too late')))
})

/** The SDK wraps what the hub said of the token into an error that says only that it could not connect. */
async function unauthorized(what: Promise<unknown>): Promise<void> {
  const error = await failure(what)
  const reason: unknown = 'amqpError' in error ? error.amqpError : undefined
  assert.ok(reason instanceof Error, String(error.stack))
  assert.equal(reason.name, 'UnauthorizedError')
}

/** The next message over HTTPS, which the SDK polls for. */
function nextOf(device: Client): Promise<Message> {
  return within(
    20_000,
    new Promise((resolve) => {
      const taken = (message: Message): void => {
        device.removeListener('message', taken)
        resolve(message)
      }
      device.on('message', taken)
    }),
    'no message comes',
  )
}

function propertyOf(message: Message, name: string): string | undefined {
  for (let index = 0; index < message.properties.count(); index += 1) {
    const { key, value } = message.properties.getItem(index)
    if (key === name) return value
  }
  return undefined
}

type Grant = Awaited<ReturnType<Client['getBlobSharedAccessSignature']>>

async function put({ hostName, containerName, blobName, sasToken }: Grant, bytes: Buffer<ArrayBuffer>): Promise<void> {
  const answer = await fetch(`https://${hostName}/${containerName}/${blobName}${sasToken}`, {
    method: 'PUT',
    headers: { 'x-ms-blob-type': 'BlockBlob', 'x-ms-version': '2021-12-02' },
    body: bytes,
  })
  assert.equal(answer.status, 201)
}
