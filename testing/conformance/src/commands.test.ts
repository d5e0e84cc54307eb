/**
 * Rows 11, 12 and 42 of azure-iot.md §12: messages to devices over MQTT, their purge, and feedback over HTTPS. They are
 * sent by the hub's own API here; over AMQP by the service SDK's rows.
 */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, suite, test } from 'node:test'
import type { Api } from '@holdfast/api'
import type { IPublishPacket, Packet } from 'mqtt-packet'
import type { Client, Message } from './azure-sdk.ts'
import { HubProcess } from './hub-process.ts'
import { connectPacket, packet, RawMqtt, subscribePacket } from './raw-mqtt.ts'
import { keyOf, sas } from './sas.ts'
import { clientOf, DEVICE_TRANSPORTS, eventually, open, pause, within } from './sdk-client.ts'
import { requireStandardPorts } from './standard-ports.ts'

const skip = await requireStandardPorts()
const hub = skip === false ? await HubProcess.start('standard') : undefined
hub?.trust()
after(() => hub?.stop())

function theHub(): HubProcess {
  assert.ok(hub !== undefined)
  return hub
}

/** A batch of feedback is made after 15 seconds. */
const FEEDBACK_MS_MAX = 25_000
/** How long nothing must come, in milliseconds, where nothing may come. */
const SILENCE_MS = 300

async function send(deviceId: string, message: Api.MessageToDevice): Promise<Api.MessageSent> {
  const { status, body } = await theHub().api<Api.MessageSent>('POST', `/devices/${deviceId}/messages`, message)
  assert.equal(status, 201, JSON.stringify(body))
  return body
}

/** Everything that the SDK gives its application, and a way to wait for the next. */
class Inbox {
  readonly messages: Message[] = []
  readonly #client: Client
  #taken = 0

  constructor(client: Client) {
    this.#client = client
    client.on('message', (message: Message) => this.messages.push(message))
  }

  async next(): Promise<Message> {
    while (this.messages.length <= this.#taken) await within(10_000, once(this.#client, 'message'), 'no message comes')
    const message = this.messages[this.#taken]
    this.#taken += 1
    assert.ok(message !== undefined)
    return message
  }

  async nothing(): Promise<void> {
    await pause(SILENCE_MS)
    assert.deepEqual(this.messages.slice(this.#taken).map(textOf), [])
  }
}

function textOf(message: Message): string {
  return Buffer.from(message.getBytes()).toString('utf8')
}

function propertiesOf(message: Message): Record<string, string> {
  return Object.fromEntries(message.properties.propertyList.map(({ key, value }) => [key, value]))
}

interface HttpAnswer {
  readonly status: number
  readonly headers: Headers
  readonly body: unknown
}

/** As a back end without an SDK, with a token of a policy. */
async function service(method: string, path: string, policy = 'service'): Promise<HttpAnswer> {
  const authorization = sas({
    resource: 'localhost',
    key: keyOf(await theHub().policy(policy)),
    seconds: 60,
    policy,
  })
  const response = await fetch(`https://localhost:${theHub().ready.httpsPort}${path}?api-version=2021-04-12`, {
    method,
    headers: { authorization },
  })
  const text = await response.text()
  return { status: response.status, headers: response.headers, body: text === '' ? undefined : JSON.parse(text) }
}

interface FeedbackRecord {
  readonly originalMessageId: string
  readonly description: string
  readonly statusCode: string
  readonly deviceId: string
  readonly deviceGenerationId: string
  readonly enqueuedTimeUtc: string
}

const FEEDBACK = '/messages/serviceBound/feedback'
const records: FeedbackRecord[] = []

/** Takes batches until there is a record for each of these messages; feedback is the whole hub's. */
async function feedbackOf(...messageIds: readonly string[]): Promise<readonly FeedbackRecord[]> {
  const found = (): readonly FeedbackRecord[] =>
    records.filter(({ originalMessageId }) => messageIds.includes(originalMessageId))
  const until = performance.now() + FEEDBACK_MS_MAX
  while (found().length < messageIds.length) {
    if (performance.now() > until) throw new Error(`feedback is missing: ${JSON.stringify(found())}`)
    const { status, headers, body } = await service('GET', FEEDBACK)
    if (status === 204) {
      await pause(250)
      continue
    }
    assert.equal(status, 200)
    assert.equal(headers.get('content-type'), 'application/vnd.microsoft.iothub.feedback.json')
    assert.ok(Array.isArray(body) && body.length > 0 && body.length <= 64)
    records.push(...(body as FeedbackRecord[]))
    const etag = headers.get('etag') ?? ''
    assert.match(etag, /^"[0-9a-f-]{36}"$/)
    assert.equal((await service('DELETE', `${FEEDBACK}/${etag.slice(1, -1)}`)).status, 204)
  }
  return found()
}

const ODD_PROPERTIES = {
  plain: 'value',
  slash: 'a/b/../c#+$',
  'per%cent': '100% & more = "enough"',
  plus: 'x+y z',
  unicode: 'Zürich – 東京 🔩',
  empty: '',
  $dollar: 'of its own',
}

suite('messages to devices', { concurrency: true }, () => {
  for (const transport of DEVICE_TRANSPORTS) {
    const { name } = transport
    const deviceIdOf = (row: string): string => `${row}-${name}`

    test(`row 11 ${name}: what was sent while the device was away comes in order, whole, when it listens`, {
      skip,
    }, async () => {
      const deviceId = deviceIdOf('r11')
      const { primary } = await theHub().device({ deviceId })
      const binary = Buffer.from(Array.from({ length: 512 }, (_, at) => at % 256))
      const before = Date.now()
      await send(deviceId, {
        body: '{"on":true}',
        messageId: 'message 1/2',
        correlationId: 'a&b=c',
        userId: '50% + "quotes"',
        contentType: 'application/json; charset=utf-8',
        contentEncoding: 'utf-8',
        ack: 'full',
        lifeSeconds: 600,
        properties: ODD_PROPERTIES,
      })
      await send(deviceId, { body: binary.toString('base64'), bodyEncoding: 'base64' })
      await send(deviceId, {})
      const waiting = Array.from({ length: 30 }, (_, at) => `waiting ${at}`)
      for (const body of waiting) await send(deviceId, { body })

      const client = clientOf(primary, transport)
      await open(client)
      const inbox = new Inbox(client)
      const first = await inbox.next()
      assert.equal(textOf(first), '{"on":true}')
      assert.equal(first.messageId, 'message 1/2')
      assert.equal(first.correlationId, 'a&b=c')
      assert.equal(first.userId, '50% + "quotes"')
      assert.equal(first.contentType, 'application/json; charset=utf-8')
      assert.equal(first.contentEncoding, 'utf-8')
      assert.equal(first.to, `/devices/${deviceId}/messages/deviceBound`)
      const expires = Date.parse(String(first.expiryTimeUtc))
      assert.ok(expires >= before + 600_000 - 100 && expires <= Date.now() + 600_000, String(first.expiryTimeUtc))
      assert.deepEqual(propertiesOf(first), { ...ODD_PROPERTIES, 'iothub-ack': 'full' })
      const second = await inbox.next()
      assert.ok(Buffer.from(second.getBytes()).equals(binary))
      assert.deepEqual(propertiesOf(second), {})
      assert.equal((await inbox.next()).getBytes().length, 0)
      for (const body of waiting) assert.equal(textOf(await inbox.next()), body)
      // And now that it is there, at once.
      const live = Array.from({ length: 20 }, (_, at) => `live ${at}`)
      for (const body of live) await send(deviceId, { body })
      for (const body of live) assert.equal(textOf(await inbox.next()), body)
      await inbox.nothing()
      await client.close()
    })

    test(`row 11 ${name}: the largest message comes whole, one byte more is refused, and so is the 51st`, {
      skip,
    }, async () => {
      const deviceId = deviceIdOf('r11-bounds')
      const { primary } = await theHub().device({ deviceId })
      const largest = Buffer.alloc(65_536 - 'namevalue'.length, 0xfe)
      const message: Api.MessageToDevice = { bodyEncoding: 'base64', properties: { name: 'value' } }
      const at = `/devices/${deviceId}/messages`
      const tooLarge = await theHub().api<{ code: string }>('POST', at, {
        ...message,
        body: Buffer.concat([largest, Buffer.of(1)]).toString('base64'),
      })
      assert.deepEqual([tooLarge.status, tooLarge.body.code], [413, 'too-large'])
      await send(deviceId, { ...message, body: largest.toString('base64') })
      for (let sent = 1; sent < 50; sent += 1) await send(deviceId, { body: `${sent}` })
      const full = await theHub().api<{ code: string }>('POST', at, { body: '50' })
      assert.deepEqual([full.status, full.body.code], [409, 'queue-full'])
      const client = clientOf(primary, transport)
      await open(client)
      const inbox = new Inbox(client)
      const first = await inbox.next()
      assert.ok(Buffer.from(first.getBytes()).equals(largest))
      for (let sent = 1; sent < 50; sent += 1) assert.equal(textOf(await inbox.next()), `${sent}`)
      await client.close()
    })

    test(`row 12 ${name}: what the device was given and acknowledged is gone, and its sender hears of it`, {
      skip,
    }, async () => {
      const deviceId = deviceIdOf('r12')
      const { primary } = await theHub().device({ deviceId })
      const { generationId } = await theHub().show(deviceId)
      const ids = [`${deviceId}-1`, `${deviceId}-2`] as const
      const client = clientOf(primary, transport)
      await open(client)
      const inbox = new Inbox(client)
      for (const messageId of ids) await send(deviceId, { body: messageId, messageId, ack: 'positive' })
      for (const messageId of ids) {
        const message = await inbox.next()
        assert.equal(message.messageId, messageId)
        const result: unknown = await client.complete(message)
        assert.ok(typeof result === 'object' && result !== null)
      }
      const feedback = await feedbackOf(...ids)
      assert.deepEqual(
        feedback.map(({ enqueuedTimeUtc, ...record }) => {
          assert.ok(Math.abs(Date.parse(enqueuedTimeUtc) - Date.now()) < 60_000)
          return record
        }),
        ids.map((originalMessageId) => ({
          originalMessageId,
          description: 'Success',
          statusCode: 'Success',
          deviceId,
          deviceGenerationId: generationId,
        })),
      )
      await client.close()
      await open(client)
      const again = new Inbox(client)
      await again.nothing()
      await client.close()
    })

    test(`row 12 ${name}: what was not acknowledged comes again first, under its packet id, before what is newer`, {
      skip,
    }, async () => {
      const deviceId = deviceIdOf('r12-again')
      const { primary } = await theHub().device({ deviceId })
      const filter = `devices/${deviceId}/messages/devicebound/#`
      const connect = async (): Promise<RawMqtt> => {
        const raw = await RawMqtt.open(theHub(), name)
        const resource = `localhost%2Fdevices%2F${deviceId}`
        const password = sas({ resource, key: keyOf(primary), seconds: 600 })
        const username = `localhost/${deviceId}/?api-version=2021-04-12`
        return raw.send(connectPacket({ clientId: deviceId, username, password, isClean: false }))
      }
      const first = await connect()
      assert.equal((await first.next())?.cmd, 'connack')
      first.send(subscribePacket([[filter, 1]]))
      assert.equal((await first.next())?.cmd, 'suback')
      for (const body of ['a', 'b', 'c']) await send(deviceId, { body })
      const given = [publishOf(await first.next()), publishOf(await first.next()), publishOf(await first.next())]
      assert.deepEqual(given.map(bodyAndDup), [
        ['a', false],
        ['b', false],
        ['c', false],
      ])
      first.send(puback(given[0]?.messageId ?? 0))
      await eventually(async () => (await waiting(deviceId)) === 2, 'the acknowledged message stays')
      first.destroy()
      await eventually(async () => !(await theHub().show(deviceId)).connected, 'the connection stays')
      await send(deviceId, { body: 'd' })

      const second = await connect()
      const connack = await second.next()
      assert.ok(connack?.cmd === 'connack' && connack.sessionPresent)
      const again = [publishOf(await second.next()), publishOf(await second.next()), publishOf(await second.next())]
      assert.deepEqual(again.map(bodyAndDup), [
        ['b', true],
        ['c', true],
        ['d', false],
      ])
      assert.deepEqual(
        again.slice(0, 2).map(({ messageId }) => messageId),
        given.slice(1).map(({ messageId }) => messageId),
      )
      for (const { messageId = 0 } of again) second.send(puback(messageId))
      await eventually(async () => (await waiting(deviceId)) === 0, 'acknowledged messages stay')
      second.destroy()
    })

    test(`row 11 ${name}: a message whose time is over is not given, and its sender hears of it`, {
      skip,
    }, async () => {
      const deviceId = deviceIdOf('r11-expiry')
      const { primary } = await theHub().device({ deviceId })
      const messageId = `${deviceId}-over`
      const expiryTime = new Date(Date.now() + 500).toISOString()
      await send(deviceId, { body: 'over', messageId, ack: 'negative', expiryTime })
      await send(deviceId, { body: 'stays', ack: 'none' })
      await pause(600)
      const client = clientOf(primary, transport)
      await open(client)
      const inbox = new Inbox(client)
      assert.equal(textOf(await inbox.next()), 'stays')
      await inbox.nothing()
      const [record] = await feedbackOf(messageId)
      assert.deepEqual([record?.statusCode, record?.description], ['Expired', 'Expired'])
      await client.close()
    })

    test(`row 11 ${name}: another device of the same id inherits nothing`, { skip }, async () => {
      const deviceId = deviceIdOf('r11-anew')
      await theHub().device({ deviceId })
      await send(deviceId, { body: 'to the old one' })
      assert.equal((await theHub().api('DELETE', `/devices/${deviceId}`)).status, 200)
      assert.equal((await theHub().api('POST', `/devices/${deviceId}/messages`, { body: 'x' })).status, 404)
      const { primary } = await theHub().device({ deviceId })
      const client = clientOf(primary, transport)
      await open(client)
      const inbox = new Inbox(client)
      await inbox.nothing()
      await send(deviceId, { body: 'to the new one' })
      assert.equal(textOf(await inbox.next()), 'to the new one')
      await client.close()
    })
  }

  test('row 42 https: a purge ends what waits, says how much, and its senders hear of it', { skip }, async () => {
    const deviceId = 'r42'
    await theHub().device({ deviceId })
    const ids = ['r42-full', 'r42-negative']
    await send(deviceId, { body: '1', messageId: ids[0] ?? '', ack: 'full' })
    await send(deviceId, { body: '2', messageId: ids[1] ?? '', ack: 'negative' })
    await send(deviceId, { body: '3', messageId: 'r42-positive', ack: 'positive' })
    const denied = await service('DELETE', `/devices/${deviceId}/commands`, 'registryRead')
    assert.equal(denied.status, 401)
    const purged = await service('DELETE', `/devices/${deviceId}/commands`)
    assert.deepEqual([purged.status, purged.body], [200, { totalMessagesPurged: 3, deviceId, moduleId: null }])
    assert.deepEqual((await service('DELETE', `/devices/${deviceId}/commands`)).body, {
      totalMessagesPurged: 0,
      deviceId,
      moduleId: null,
    })
    const unknown = await service('DELETE', '/devices/nobody/commands')
    assert.equal(unknown.status, 404)
    assert.equal(unknown.headers.get('iothub-errorcode'), 'DeviceNotFound')
    const feedback = await feedbackOf(...ids)
    assert.deepEqual(
      new Map(feedback.map(({ originalMessageId, statusCode }) => [originalMessageId, statusCode])),
      new Map(ids.map((id) => [id, 'Purged'])),
    )
    assert.ok(!records.some(({ originalMessageId }) => originalMessageId === 'r42-positive'))
    const events = await theHub().events(`device/${deviceId}`)
    assert.equal(events.filter(({ type }) => type === 'command.purged').length, 2)
    assert.ok(events.some(({ type, actor }) => type === 'command.purged' && actor === 'policy/service'))
  })

  test('row 42 https: a lock that was never there, or is used up, is lost', { skip }, async () => {
    for (const [method, path] of [
      ['DELETE', `${FEEDBACK}/11111111-1111-4111-8111-111111111111`],
      ['POST', `${FEEDBACK}/nonsense/abandon`],
    ] as const) {
      const answer = await service(method, path)
      assert.equal(answer.status, 412)
      assert.equal(answer.headers.get('iothub-errorcode'), 'DeviceMessageLockLost')
    }
    assert.equal((await service('GET', FEEDBACK, 'device')).status, 401)
  })

  test('the command line sends and purges', { skip }, async () => {
    const deviceId = 'by-hand'
    const { primary } = await theHub().device({ deviceId })
    const sent = await theHub().object<Api.MessageSent>(
      'device',
      'send',
      deviceId,
      '--body',
      'hello',
      '--property',
      'a=b=c',
      '--property',
      'd=',
      '--expiry',
      '10m',
    )
    assert.ok(sent.sequenceNumber > 0)
    assert.equal(Date.parse(sent.expiryTime) - Date.parse(sent.enqueuedTime), 600_000)
    const [transport] = DEVICE_TRANSPORTS
    const client = clientOf(primary, transport)
    await open(client)
    const message = await new Inbox(client).next()
    assert.equal(textOf(message), 'hello')
    assert.deepEqual(propertiesOf(message), { a: 'b=c', d: '' })
    await client.close()
    await theHub().command('device', 'send', deviceId)
    assert.deepEqual(await theHub().object('device', 'purge', deviceId), { messages: 1 })
  })
})

function publishOf(one: Packet | undefined): IPublishPacket {
  assert.ok(one?.cmd === 'publish', JSON.stringify(one))
  return one
}

function bodyAndDup({ payload, dup }: IPublishPacket): readonly [string, boolean] {
  return [payload.toString(), dup]
}

function puback(packetId: number): Buffer {
  return packet(0x40, Buffer.of(packetId >> 8, packetId & 0xff))
}

/** Messages that wait for a device, as the registry tells back ends. */
async function waiting(deviceId: string): Promise<number> {
  const { status, body } = await service('GET', `/twins/${deviceId}`, 'iothubowner')
  assert.equal(status, 200)
  assert.ok(typeof body === 'object' && body !== null && 'cloudToDeviceMessageCount' in body)
  return Number(body.cloudToDeviceMessageCount)
}
