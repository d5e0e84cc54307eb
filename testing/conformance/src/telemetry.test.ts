/** Rows 8, 10 and 21 of azure-iot.md §12: what devices and modules send is kept as it was sent. */

import assert from 'node:assert/strict'
import { after, suite, test } from 'node:test'
import type { Api } from '@holdfast/api'
import { type Client, Message, ModuleClient } from './azure-sdk.ts'
import { HubProcess } from './hub-process.ts'
import { clientOf, DEVICE_TRANSPORTS, disconnected, failure, neverRetry, open, refused } from './sdk-client.ts'
import { requireStandardPorts } from './standard-ports.ts'

const skip = await requireStandardPorts()
const hub = skip === false ? await HubProcess.start('standard') : undefined
hub?.trust()
after(() => hub?.stop())

function theHub(): HubProcess {
  assert.ok(hub !== undefined)
  return hub
}

/** Body and properties together, in bytes (azure-iot.md §10). */
const MESSAGE_BYTES_MAX = 256 * 1024

/** What is kept, as the command line reads it back. */
function kept(deviceId: string): Promise<Api.Message[]> {
  return theHub().json<Api.Message>('messages', 'read', '--device', deviceId)
}

function bodyOf({ body, bodyEncoding }: Api.Message): Buffer {
  return Buffer.from(body, bodyEncoding)
}

function withProperties(message: Message, properties: Readonly<Record<string, string>>): Message {
  for (const [key, value] of Object.entries(properties)) message.properties.add(key, value)
  return message
}

// Each row has devices of its own, so they run side by side.
suite('telemetry', { concurrency: true }, () => {
  for (const transport of DEVICE_TRANSPORTS) {
    const { name } = transport
    const deviceIdOf = (row: string): string => `${row}-${name}`

    test(`row 8 ${name}: bodies and properties of every kind are kept as they were sent, in order`, {
      skip,
    }, async () => {
      const deviceId = deviceIdOf('r8')
      const { primary } = await theHub().device({ deviceId })
      const { generationId } = await theHub().show(deviceId)
      const client = clientOf(primary, transport)
      await open(client)
      const since = Date.now()

      const plain = new Message('plain text')
      const full = new Message(JSON.stringify({ temperature: 21.5, place: 'Zürich – 東京' }))
      full.messageId = 'message 1/2'
      full.correlationId = 'a&b=c'
      full.userId = '50% + "quotes"'
      full.to = '/somewhere/else'
      full.expiryTimeUtc = new Date('2031-05-06T07:08:09.010Z')
      full.contentType = 'application/json'
      full.contentEncoding = 'utf-8'
      full.ack = 'full' // Of cloud-to-device messages; the SDK sends none of it.
      const properties = {
        plain: 'value',
        'with space': 'a b  c',
        'plus+and&equals=': 'x+y&z=w',
        'per%cent': '100%',
        slash: 'a/b/../c',
        wild: '#+$',
        empty: '',
        umlaut: 'ÄÖÜ ß',
        emoji: '🔩🔧',
        Case: 'Sensitive',
        case: 'sensitive',
        'iothub-creation-time-utc': '2026-11-02T12:00:00.000Z',
        __proto__x: 'no prototype',
        constructor: 'neither',
      }
      withProperties(full, properties)
      const empty = new Message('')
      const emptyWithProperties = withProperties(new Message(Buffer.alloc(0)), { only: 'properties' })
      const binary = new Message(Buffer.from(Array.from({ length: 512 }, (_, at) => at % 256)))
      const largest = new Message(Buffer.alloc(MESSAGE_BYTES_MAX, 'holdfast'))
      const propertyBytes = Buffer.byteLength('namevalue')
      const largestWithProperties = withProperties(new Message(Buffer.alloc(MESSAGE_BYTES_MAX - propertyBytes, 0xff)), {
        name: 'value',
      })
      const sent = [plain, full, empty, emptyWithProperties, binary, largest, largestWithProperties]
      for (const message of sent) await client.sendEvent(message)
      // Many at once: the SDK numbers them, the hub acknowledges them in groups.
      const many = Array.from({ length: 200 }, (_, at) => new Message(`many ${at}`))
      await Promise.all(many.map((message) => client.sendEvent(message)))
      await client.close()

      const messages = await kept(deviceId)
      assert.equal(messages.length, sent.length + many.length)
      for (const [at, message] of [...sent, ...many].entries()) {
        const stored = messages[at]
        assert.ok(stored !== undefined)
        assert.ok(bodyOf(stored).equals(Buffer.from(message.getBytes())), `body ${at}`)
      }
      assert.deepEqual(messages[1]?.properties, properties)
      assert.deepEqual(Object.keys(messages[3]?.properties ?? {}), ['only'])
      assert.deepEqual(messages[4]?.bodyEncoding, 'base64')
      assert.deepEqual(messages[6]?.properties, { name: 'value' })
      const hubs = (message: Api.Message): Record<string, string> => ({
        'iothub-connection-device-id': deviceId,
        'iothub-connection-auth-method':
          '{"scope":"device","type":"sas","issuer":"iothub","acceptingIpFilterRule":null}',
        'iothub-connection-auth-generation-id': generationId,
        'iothub-enqueuedtime': message.enqueuedTime,
        'iothub-message-source': 'Telemetry',
      })
      const [first, second] = messages
      assert.ok(first !== undefined && second !== undefined)
      assert.deepEqual(first.systemProperties, hubs(first))
      assert.deepEqual(second.systemProperties, {
        messageId: 'message 1/2',
        correlationId: 'a&b=c',
        userId: '50% + "quotes"',
        to: '/somewhere/else',
        expiryTimeUtc: '2031-05-06T07:08:09.010Z',
        contentType: 'application/json',
        contentEncoding: 'utf-8',
        ...hubs(second),
      })
      assert.deepEqual(new Set(messages.map(({ partition }) => partition)).size, 1, 'a device is on one partition')
      for (const [at, message] of messages.entries()) {
        const before = messages[at - 1]
        assert.ok(before === undefined || message.sequenceNumber > before.sequenceNumber)
        assert.ok(before === undefined || BigInt(message.offset) > BigInt(before.offset))
        const enqueued = Date.parse(message.enqueuedTime)
        assert.ok(enqueued >= since - 100 && enqueued <= Date.now() + 100, message.enqueuedTime)
      }
    })

    test(`row 8 ${name}: a message of more than 256 KB closes the connection and is not kept`, { skip }, async () => {
      const deviceId = deviceIdOf('r8-large')
      const { primary } = await theHub().device({ deviceId })
      // A body that is too large does not leave the SDK; of properties beside it the SDK knows nothing.
      const client = clientOf(primary, transport)
      await open(client)
      const unsent = await failure(client.sendEvent(new Message(Buffer.alloc(MESSAGE_BYTES_MAX + 1))))
      assert.equal(unsent.name, 'MessageTooLargeError')
      const closed = disconnected(client)
      const tooLarge = withProperties(new Message(Buffer.alloc(MESSAGE_BYTES_MAX - 8)), { name: 'value' })
      const error = await failure(client.sendEvent(tooLarge))
      assert.equal(error.name, 'NotConnectedError')
      await closed
      await open(client)
      await client.sendEvent(new Message('small'))
      await client.close()
      assert.deepEqual(
        (await theHub().messages(deviceId)).map(({ body }) => body),
        ['small'],
      )
    })

    test(`row 10 ${name}: interface, component and model stand with the message`, { skip }, async () => {
      const deviceId = deviceIdOf('r10')
      const { primary } = await theHub().device({ deviceId })
      const client = clientOf(primary, transport)
      await client.setOptions({ modelId: 'dtmi:com:example:Thermostat;1' })
      await open(client)
      const message = withProperties(new Message('21'), { 'dt-subject': 'thermostat1', other: 'x' })
      message.interfaceId = 'urn:azureiot:Security:SecurityAgent:1'
      await client.sendEvent(message)
      await client.close()
      const [stored, ...others] = await theHub().messages(deviceId)
      assert.ok(stored !== undefined && others.length === 0)
      assert.deepEqual(stored.properties, { other: 'x' })
      assert.equal(stored.systemProperties['dt-subject'], 'thermostat1')
      assert.equal(stored.systemProperties['dt-dataschema'], 'dtmi:com:example:Thermostat;1')
      assert.equal(stored.systemProperties.interfaceId, 'urn:azureiot:Security:SecurityAgent:1')
    })

    test(`row 21 ${name}: a module connects beside its device, and its messages are its own`, { skip }, async () => {
      const deviceId = deviceIdOf('r21')
      const { primary } = await theHub().device({ deviceId })
      const moduleId = 'vibration'
      await theHub().object('module', 'add', deviceId, moduleId)
      const shown = await theHub().command('module', 'connection-string', deviceId, moduleId)
      const device = clientOf(primary, transport)
      const module = neverRetry(ModuleClient.fromConnectionString(shown.stdout.trim(), transport.constructorOf))
      await open(device)
      await open(module)
      await module.sendEvent(withProperties(new Message('of the module'), { axis: 'x' }))
      await module.sendOutputEvent('alerts', withProperties(new Message('to an output'), { axis: 'y' }))
      await device.sendEvent(new Message('of the device'))
      const { body: state } = await theHub().api<Api.Device>('GET', `/devices/${deviceId}/modules/${moduleId}`)
      assert.deepEqual([state.deviceId, state.moduleId, state.connected], [deviceId, moduleId, true])
      const messages = await kept(deviceId)
      assert.deepEqual(
        messages.map(({ moduleId: id, body, properties, systemProperties }) => [
          id,
          body,
          properties,
          systemProperties.outputName,
          systemProperties['iothub-connection-module-id'],
          JSON.parse(systemProperties['iothub-connection-auth-method'] ?? '').scope,
        ]),
        [
          [moduleId, 'of the module', { axis: 'x' }, undefined, moduleId, 'module'],
          [moduleId, 'to an output', { axis: 'y' }, 'alerts', moduleId, 'module'],
          [undefined, 'of the device', {}, undefined, undefined, 'device'],
        ],
      )
      // The module goes with its own switch, and the device stays.
      const closed = disconnected(module)
      const changed = await theHub().object<Api.Changed>('module', 'disable', deviceId, moduleId)
      assert.equal(changed.sessionsClosed, 1)
      await closed
      await refused(ModuleClient.fromConnectionString(shown.stdout.trim(), transport.constructorOf))
      await device.sendEvent(new Message('goes on'))
      await closeAll(device)
    })
  }
})

async function closeAll(...clients: readonly Client[]): Promise<void> {
  for (const client of clients) await client.close()
}
