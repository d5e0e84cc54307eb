/** Rows 1 to 4, 6, 8 to 14 of azure-iot.md §12 over HTTPS: the devices' own API, as `azure-iot-device-http` speaks it. */

import assert from 'node:assert/strict'
import { after, suite, test } from 'node:test'
import type { Api } from '@holdfast/api'
import { Client, Http, Message } from './azure-sdk.ts'
import { Workshop } from './certificates.ts'
import { HubProcess } from './hub-process.ts'
import { keyOf, partsOf, sas } from './sas.ts'
import { failure, within } from './sdk-client.ts'
import { askRaw, type RawAnswer } from './raw-https.ts'
import { requireStandardPorts } from './standard-ports.ts'

const skip = await requireStandardPorts()
const hub = skip === false ? await HubProcess.start('standard') : undefined
hub?.trust()
const clients: Client[] = []
after(async () => {
  // The SDK's timers would keep the process for as long as a token lasts.
  for (const client of clients) await client.close()
  await hub?.stop()
})
const workshop = new Workshop()

const MESSAGE_BYTES_MAX = 256 * 1024
const EVENT_MS_MAX = 20_000

function theHub(): HubProcess {
  assert.ok(hub !== undefined)
  return hub
}

function kept<T extends Client>(client: T): T {
  clients.push(client)
  return client
}

function clientOf(connectionString: string): Client {
  return kept(Client.fromConnectionString(connectionString, Http))
}

function clientByToken(token: string): Client {
  return kept(Client.fromSharedAccessSignature(token, Http))
}

function bodyOf({ body, bodyEncoding }: Api.Message): Buffer {
  return Buffer.from(body, bodyEncoding)
}

async function bodiesOf(deviceId: string): Promise<string[]> {
  return (await theHub().messages(deviceId)).map((message) => bodyOf(message).toString())
}

function authMethod({ systemProperties }: Api.Message): string {
  return systemProperties['iothub-connection-auth-method'] ?? ''
}

/** What the SDK makes of the hub's refusal: the class of the error, and the status it came with. */
async function refusedAs(what: Promise<unknown>, name: string, status: number): Promise<void> {
  const error = await failure(what)
  assert.equal(error.name, name, String(error.stack))
  assert.ok('response' in error && typeof error.response === 'object' && error.response !== null)
  assert.ok('statusCode' in error.response)
  assert.equal(error.response.statusCode, status)
}

function ask(
  method: string,
  path: string,
  headers: Readonly<Record<string, string>>,
  body: string | Uint8Array = '',
): Promise<RawAnswer> {
  return askRaw(theHub(), { method, path, headers, body })
}

function tokenOf(connectionString: string): string {
  const { HostName: host = '', DeviceId: deviceId = '' } = partsOf(connectionString)
  const resource = encodeURIComponent(`${host}/devices/${deviceId}`)
  return sas({ resource, key: keyOf(connectionString), seconds: 600 })
}

const eventsPath = (deviceId: string, version = '2021-04-12'): string =>
  `/devices/${encodeURIComponent(deviceId)}/messages/events?api-version=${version}`

/** Polls once, and gives the message that came. */
async function received(client: Client): Promise<Message> {
  const message = new Promise<Message>((resolve) => client.once('message', resolve))
  return within(EVENT_MS_MAX, message, 'no message came')
}

async function send(deviceId: string, message: Api.MessageToDevice): Promise<void> {
  const { status } = await theHub().api('POST', `/devices/${deviceId}/messages`, message)
  assert.equal(status, 201)
}

suite('device https', { concurrency: true }, () => {
  test('row 1 https: primary and secondary key', { skip }, async () => {
    const deviceId = "h1 A0-.+%_#*?!(),:=@$'".replace(' ', '')
    const { primary, secondary } = await theHub().device({ deviceId })
    for (const [at, connectionString] of [primary, secondary].entries()) {
      await clientOf(connectionString).sendEvent(new Message(`by key ${at}`))
    }
    assert.deepEqual(await bodiesOf(deviceId), ['by key 0', 'by key 1'])
  })

  test('row 2 https: a token of the application’s own making; expired, foreign, forged, unknown and disabled are refused', {
    skip,
  }, async () => {
    const deviceId = 'h2'
    const { primary } = await theHub().device({ deviceId })
    await theHub().device({ deviceId: 'h2-other' })
    const key = keyOf(primary)
    const resource = encodeURIComponent(`localhost/devices/${deviceId}`)
    await clientByToken(sas({ resource, key, seconds: 60 })).sendEvent(new Message('by token'))
    const other = encodeURIComponent('localhost/devices/h2-other')
    const unknown = encodeURIComponent('localhost/devices/h2-unknown')
    for (const wish of [
      { resource, key, seconds: -86_400 },
      { resource, key: Buffer.alloc(32, 9).toString('base64'), seconds: 60 },
      { resource: other, key, seconds: 60 },
      { resource: unknown, key, seconds: 60 },
    ]) {
      await refusedAs(clientByToken(sas(wish)).sendEvent(new Message('no')), 'UnauthorizedError', 401)
    }
    const answer = await ask('POST', eventsPath(deviceId), {}, 'no credential')
    assert.equal(answer.status, 401)
    assert.equal(answer.headers['iothub-errorcode'], 'IotHubUnauthorizedAccess')
    await theHub().api('PATCH', `/devices/${deviceId}`, { status: 'disabled' })
    await refusedAs(clientOf(primary).sendEvent(new Message('no')), 'UnauthorizedError', 401)
    assert.deepEqual(await bodiesOf(deviceId), ['by token'])
    const events = await theHub().events(`device/${deviceId}`)
    // Their rate is bounded: of many at once some are told as a count.
    const codes = events.filter(({ type }) => type === 'session.refused').map(({ detail }) => detail.code)
    assert.ok(codes.includes('token-expired') && codes.includes('wrong-signature'), String(codes))
  })

  test('row 3 https: the key of a policy with DeviceConnect, and of none without', { skip }, async () => {
    const deviceId = 'h3'
    await theHub().device({ deviceId })
    const resource = encodeURIComponent(`localhost/devices/${deviceId}`)
    for (const [policy, isAllowed] of [
      ['device', true],
      ['iothubowner', true],
      ['service', false],
    ] as const) {
      const key = keyOf(await theHub().policy(policy))
      const client = clientByToken(sas({ resource, key, seconds: 60, policy }))
      if (isAllowed) await client.sendEvent(new Message(policy))
      else await refusedAs(client.sendEvent(new Message(policy)), 'UnauthorizedError', 401)
    }
    const messages = await theHub().messages(deviceId)
    assert.deepEqual(
      messages.map((message) => [bodyOf(message).toString(), authMethod(message)]),
      ['device', 'iothubowner'].map((policy) => [
        policy,
        '{"scope":"hub","type":"sas","issuer":"iothub","acceptingIpFilterRule":null}',
      ]),
    )
  })

  test('row 4 https: an X.509 thumbprint; another certificate is refused', { skip }, async () => {
    const deviceId = 'h4'
    const good = workshop.make({ commonName: deviceId })
    const bad = workshop.make({ commonName: deviceId })
    await theHub().device({ deviceId, auth: 'x509-thumbprint', thumbprints: [good.sha256] })
    const connectionString = `HostName=localhost;DeviceId=${deviceId};x509=true`
    for (const [certified, isAllowed] of [
      [good, true],
      [bad, false],
    ] as const) {
      const client = clientOf(connectionString)
      // No waiting: over HTTPS the SDK never calls back unless a policy for receiving is among the options.
      void client.setOptions({ cert: certified.certificate, key: certified.key })
      if (isAllowed) await client.sendEvent(new Message('by certificate'))
      else await refusedAs(client.sendEvent(new Message('no')), 'UnauthorizedError', 401)
    }
    const [message, ...more] = await theHub().messages(deviceId)
    assert.ok(message !== undefined && more.length === 0)
    assert.equal(authMethod(message), '{"scope":"device","type":"x509","issuer":"iothub","acceptingIpFilterRule":null}')
  })

  test('row 6 https: a new shared access signature is used from the next request on', { skip }, async () => {
    const deviceId = 'h6'
    const { primary } = await theHub().device({ deviceId })
    const resource = encodeURIComponent(`localhost/devices/${deviceId}`)
    const key = keyOf(primary)
    const client = clientByToken(sas({ resource, key, seconds: -86_400 }))
    await refusedAs(client.sendEvent(new Message('no')), 'UnauthorizedError', 401)
    await new Promise<void>((resolve, reject) => {
      const token = sas({ resource, key, seconds: 60 })
      client.updateSharedAccessSignature(token, (error) => (error ? reject(error) : resolve()))
    })
    await client.sendEvent(new Message('renewed'))
    assert.deepEqual(await bodiesOf(deviceId), ['renewed'])
  })

  test('rows 8 and 10 https: bodies and properties of every kind are kept as they were sent, in order', {
    skip,
  }, async () => {
    const deviceId = 'h8'
    const { primary } = await theHub().device({ deviceId })
    const { generationId } = await theHub().show(deviceId)
    const client = clientOf(primary)
    const full = new Message(Buffer.from(JSON.stringify({ place: 'Zürich – 東京' })))
    full.messageId = 'message 1/2'
    full.correlationId = 'a&b=c'
    full.userId = '50% + "quotes"'
    full.to = '/somewhere/else'
    full.expiryTimeUtc = new Date('2031-05-06T07:08:09.000Z')
    full.contentType = 'application/json'
    full.contentEncoding = 'utf-8'
    full.interfaceId = 'urn:example:interface:1'
    const properties: Record<string, string> = {
      plain: 'value',
      Case: 'Sensitive name',
      'dt-like': 'a b  c',
      signs: 'x+y&z=w 100% a/b #$',
      empty: '',
    }
    for (const [name, value] of Object.entries(properties)) full.properties.add(name, value)
    full.properties.add('dt-subject', 'thermostat1')
    const sent = [
      new Message('plain text'),
      full,
      new Message(''),
      new Message(Buffer.from(Array.from({ length: 512 }, (_, at) => at % 256))),
      new Message(Buffer.alloc(MESSAGE_BYTES_MAX, 'holdfast')),
    ]
    for (const message of sent) await client.sendEvent(message)
    const tooLarge = new Message(Buffer.alloc(MESSAGE_BYTES_MAX, 'x'))
    tooLarge.properties.add('one', 'more')
    await refusedAs(client.sendEvent(tooLarge), 'MessageTooLargeError', 413)

    const messages = await theHub().messages(deviceId)
    assert.equal(messages.length, sent.length)
    for (const [at, message] of messages.entries()) {
      assert.ok(bodyOf(message).equals(Buffer.from(sent[at]?.getBytes() ?? '')), `body ${at}`)
    }
    const [first, second] = messages
    assert.ok(first !== undefined && second !== undefined)
    const hubs = ({ enqueuedTime }: Api.Message): Record<string, string> => ({
      'iothub-connection-device-id': deviceId,
      'iothub-connection-auth-method': '{"scope":"device","type":"sas","issuer":"iothub","acceptingIpFilterRule":null}',
      'iothub-connection-auth-generation-id': generationId,
      'iothub-enqueuedtime': enqueuedTime,
      'iothub-message-source': 'Telemetry',
    })
    assert.deepEqual(first.properties, {})
    assert.deepEqual(first.systemProperties, hubs(first))
    assert.deepEqual(second.properties, properties)
    const { expiryTimeUtc, ...system } = second.systemProperties
    assert.equal(Date.parse(expiryTimeUtc ?? ''), Date.parse('2031-05-06T07:08:09.000Z'))
    assert.deepEqual(system, {
      messageId: 'message 1/2',
      correlationId: 'a&b=c',
      userId: '50% + "quotes"',
      to: '/somewhere/else',
      contentType: 'application/json',
      contentEncoding: 'utf-8',
      interfaceId: 'urn:example:interface:1',
      'dt-subject': 'thermostat1',
      ...hubs(second),
    })
  })

  test('row 9 https: sendEventBatch is kept whole and in order; too large or malformed, nothing of it is', {
    skip,
  }, async () => {
    const deviceId = 'h9'
    const { primary } = await theHub().device({ deviceId })
    const client = clientOf(primary)
    const batch = Array.from({ length: 300 }, (_, at) => {
      const message = new Message(`number ${at} – ü`)
      message.properties.add('at', String(at))
      return message
    })
    await client.sendEventBatch(batch)
    await refusedAs(
      client.sendEventBatch([1, 2, 3].map(() => new Message(Buffer.alloc(100_000)))),
      'MessageTooLargeError',
      413,
    )
    // The SDK escapes nothing.
    const broken = new Message('x')
    broken.properties.add('quote', '"')
    await refusedAs(client.sendEventBatch([new Message('good'), broken]), 'ArgumentError', 400)
    const messages = await theHub().messages(deviceId)
    assert.deepEqual(
      messages.map((message) => [bodyOf(message).toString(), message.properties.at]),
      batch.map((_, at) => [`number ${at} – ü`, String(at)]),
    )
    // As the SDK for C writes it: text, and another version.
    const text = '[{"body":"straße","base64Encoded":false,"properties":{"iothub-app-Case":"v","iothub-messageid":"m"}}]'
    const headers = { authorization: tokenOf(primary), 'content-type': 'application/vnd.microsoft.iothub.json' }
    assert.equal((await ask('POST', eventsPath(deviceId, '2016-11-14'), headers, text)).status, 204)
    const last = (await theHub().messages(deviceId)).at(-1)
    assert.ok(last !== undefined)
    assert.equal(bodyOf(last).toString(), 'straße')
    assert.deepEqual(last.properties, { Case: 'v' })
    assert.equal(last.systemProperties.messageId, 'm')
  })

  test('rows 11 and 12 https: messages are received in order, also those sent while the device was away, and completed', {
    skip,
  }, async () => {
    const deviceId = 'h11'
    const { primary } = await theHub().device({ deviceId })
    for (const body of ['one', 'two', 'three']) {
      await send(deviceId, {
        body,
        messageId: `id-${body}`,
        correlationId: 'c',
        properties: { Alert: 'yes', umlaut: 'ü' },
        ack: 'full',
      })
    }
    const client = clientOf(primary)
    void client.setOptions({ http: { receivePolicy: { interval: 1 } } } as object)
    const bodies: string[] = []
    const done = new Promise<void>((resolve, reject) => {
      client.on('message', (message: Message) => {
        bodies.push(Buffer.from(message.getBytes()).toString())
        client.complete(message, (error) => {
          if (error) reject(error)
          else if (bodies.length === 3) resolve()
        })
        if (bodies.length === 1) {
          assert.equal(message.messageId, 'id-one')
          assert.equal(message.correlationId, 'c')
          assert.equal(message.to, `/devices/${deviceId}/messages/deviceBound`)
          assert.equal(message.properties.getValue('iothub-app-alert'), 'yes')
          assert.match(message.lockToken ?? '', /^[0-9a-f-]{36}$/)
        }
      })
    })
    await within(EVENT_MS_MAX, done, 'not all of the messages came')
    assert.deepEqual(bodies, ['one', 'two', 'three'])
    const headers = { authorization: tokenOf(primary) }
    const nothing = await ask('GET', `/devices/${deviceId}/messages/devicebound?api-version=2016-11-14`, headers)
    assert.deepEqual([nothing.status, nothing.body], [204, ''])
  })

  test('rows 13 and 14 https: abandon and reject; what was settled is settled', { skip }, async () => {
    const deviceId = 'h13'
    const { primary } = await theHub().device({ deviceId })
    await send(deviceId, { body: 'first', properties: { 'X-Tone': 'ä' } })
    await send(deviceId, { body: 'second' })
    const client = clientOf(primary)
    void client.setOptions({ http: { receivePolicy: { interval: 1 } } } as object)
    const first = await received(client)
    assert.equal(Buffer.from(first.getBytes()).toString(), 'first')
    // Text beyond ASCII goes out as UTF-8, which Node reads as Latin-1, byte by byte.
    assert.equal(Buffer.from(first.properties.getValue('iothub-app-x-tone'), 'latin1').toString(), 'ä')
    // The client polls on, so it is asked by hand how often the next delivery was counted.
    client.removeAllListeners('message')
    await client.abandon(first)
    await refusedAs(client.complete(first), 'Error', 412)
    const headers = { authorization: tokenOf(primary) }
    const path = `/devices/${deviceId}/messages/devicebound`
    const next = async (): Promise<RawAnswer> => {
      for (;;) {
        const answer = await ask('GET', `${path}?api-version=2021-04-12`, headers)
        if (answer.status !== 204) return answer
      }
    }
    const again = await next()
    assert.equal(again.status, 200)
    assert.equal(again.headers['iothub-deliverycount'], '1')
    const lock = String(again.headers.etag).slice(1, -1)
    const rejected = await ask('DELETE', `${path}/${lock}?api-version=2021-04-12&reject`, headers)
    assert.deepEqual([rejected.status, again.body], [204, 'first'])
    const lost = await ask('DELETE', `${path}/${lock}?api-version=2021-04-12`, headers)
    assert.equal(lost.status, 412)
    assert.equal(lost.headers['iothub-errorcode'], 'DeviceMessageLockLost')
    const second = await next()
    assert.equal(second.body, 'second')
    const secondLock = String(second.headers.etag).slice(1, -1)
    const abandoned = await ask('POST', `${path}/${secondLock}/abandon?api-version=2021-04-12`, headers)
    assert.equal(abandoned.status, 204)
  })

  test('rows 8 and 57 https: what is malformed is refused in Azure’s form, and modules are', { skip }, async () => {
    const deviceId = 'h57'
    const { primary } = await theHub().device({ deviceId })
    const headers = { authorization: tokenOf(primary) }
    const events = `/devices/${deviceId}/messages/events`
    for (const [answer, status, code] of [
      [ask('POST', events, headers, 'x'), 400, 'InvalidProtocolVersion'],
      [ask('POST', `${events}?api-version=yesterday`, headers, 'x'), 400, 'InvalidProtocolVersion'],
      [ask('GET', `${events}?api-version=2021-04-12`, headers), 405, 'GenericMethodNotAllowed'],
      [ask('POST', eventsPath(deviceId), { ...headers, 'iothub-app-': 'x' }, 'x'), 400, 'ArgumentInvalid'],
      [
        ask('POST', `/devices/${deviceId}/modules/m/messages/events?api-version=2021-04-12`, headers),
        400,
        'InvalidOperation',
      ],
      [ask('POST', `/devices/${deviceId}/messages/other?api-version=2021-04-12`, headers), 404, 'GenericNotFound'],
    ] as const) {
      const { status: actual, headers: got, body } = await answer
      assert.deepEqual({ status: actual, code: got['iothub-errorcode'] }, { status, code })
      const { Message: message } = JSON.parse(body) as { Message: string }
      assert.match(message, new RegExp(`^ErrorCode:${code};`))
    }
    assert.deepEqual(await bodiesOf(deviceId), [])
  })
})
