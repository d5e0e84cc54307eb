/**
 * The first packets of clients that are not Node's: user names, token forms and flags of the SDKs for Python, C, .NET and
 * Java and of embedded devices (azure-iot.md §2, §3, §6), as they put them on the wire. Each must be let in.
 */

import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { after, test } from 'node:test'
import type { Api } from '@holdfast/api'
import { requireTool } from '@holdfast/testing-tidy'
import { Workshop } from './certificates.ts'
import { HubProcess } from './hub-process.ts'
import { connectPacket, publishPacket, RawMqtt, subscribePacket } from './raw-mqtt.ts'
import { derivedKey, keyOf } from './sas.ts'

const hub = await HubProcess.start('free')
after(() => hub.stop())

const DEVICE = 'First.Packet-1'
const MODULE = 'edge_module'
const { primary } = await hub.device({ deviceId: DEVICE })
const deviceKey = keyOf(primary)
await hub.api('POST', `/devices/${DEVICE}/modules`, { moduleId: MODULE })
const { body: moduleString } = await hub.api<Api.ConnectionString>(
  'GET',
  `/devices/${DEVICE}/modules/${MODULE}/connection-string`,
)
const moduleKey = keyOf(moduleString.connectionString)

/** An assignment takes milliseconds, so that a handful of polls see its end. */
const POLLS_MAX = 50
const EXPIRES = Math.floor(Date.now() / 1000) + 3_600

function signature(resource: string, key: string, expires: number | string = EXPIRES): string {
  return createHmac('sha256', Buffer.from(key, 'base64')).update(`${resource}\n${expires}`).digest('base64')
}

const lowerHex = (text: string): string => text.replace(/%[0-9A-F]{2}/g, (one) => one.toLowerCase())
/** Python's `quote_plus`, and what .NET's and Java's encoders leave alone. */
const upperHex = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`)

/** A token in the form of each SDK. */
const TOKENS = {
  python: (resource: string, key: string) => {
    const sr = upperHex(resource)
    return `SharedAccessSignature sr=${sr}&sig=${upperHex(signature(sr, key))}&se=${EXPIRES}`
  },
  // Lower-case hex, and an skn that is there and empty.
  c: (resource: string, key: string) => {
    const sr = lowerHex(upperHex(resource))
    return `SharedAccessSignature sr=${sr}&sig=${lowerHex(upperHex(signature(sr, key)))}&se=${EXPIRES}&skn=`
  },
  dotnet: (resource: string, key: string) => {
    const sr = upperHex(resource)
    return `SharedAccessSignature sr=${sr}&sig=${upperHex(signature(sr, key))}&se=${EXPIRES}`
  },
  // Other order of the fields.
  java: (resource: string, key: string) => {
    const sr = upperHex(resource)
    return `SharedAccessSignature sig=${upperHex(signature(sr, key))}&se=${EXPIRES}&sr=${sr}`
  },
  // The C SDK for embedded devices signs the resource as it stands.
  embedded: (resource: string, key: string) =>
    `SharedAccessSignature sr=${resource}&sig=${upperHex(signature(resource, key))}&se=${EXPIRES}`,
} as const

interface Client {
  readonly name: string
  readonly query: string
  readonly token: keyof typeof TOKENS
  readonly keepAliveSeconds: number
  readonly isClean?: boolean
  readonly modelId?: string
}

const CLIENTS: readonly Client[] = [
  {
    name: 'Python 2.14',
    query:
      '/?api-version=2019-10-01&DeviceClientType=azure-iot-device-iothub-py%2F2.14.0%283.12.3%3BLinux%3B%231%20SMP%3Bx86_64%29',
    token: 'python',
    keepAliveSeconds: 60,
  },
  {
    name: 'Python 2.14 with a model',
    query:
      '/?api-version=2020-09-30&DeviceClientType=azure-iot-device-iothub-py%2F2.14.0%283.12.3%3BLinux%29&model-id=dtmi%3Acom%3Aexample%3AThermostat%3B1',
    token: 'python',
    keepAliveSeconds: 60,
    modelId: 'dtmi:com:example:Thermostat;1',
  },
  {
    name: 'C',
    query: '/?api-version=2020-09-30&DeviceClientType=iothubclient%2f1.14.0%20%28native%3b%20Linux%3b%20x86_64%29',
    token: 'c',
    keepAliveSeconds: 240,
  },
  {
    name: 'C with a model',
    query:
      '/?api-version=2020-09-30&DeviceClientType=iothubclient%2f1.14.0%20%28native%3b%20Linux%3b%20x86_64%29&model-id=dtmi%3acom%3aexample%3aThermostat%3b1',
    token: 'c',
    keepAliveSeconds: 240,
    modelId: 'dtmi:com:example:Thermostat;1',
  },
  {
    name: '.NET',
    query:
      '/?api-version=2020-09-30&DeviceClientType=.NET%2F1.42.3%20%28.NET%208.0.11%3B%20Ubuntu%2022.04.5%20LTS%3B%20X64%29',
    token: 'dotnet',
    keepAliveSeconds: 300,
  },
  {
    name: '.NET with a model',
    query: '/?api-version=2020-09-30&DeviceClientType=.NET%2F1.42.3&model-id=dtmi%3Acom%3Aexample%3AThermostat%3B1',
    token: 'dotnet',
    keepAliveSeconds: 300,
    modelId: 'dtmi:com:example:Thermostat;1',
  },
  {
    name: 'Java',
    query: '/?api-version=2020-09-30&DeviceClientType=com.microsoft.azure.sdk.iot.iot-device-client%2F2.5.0',
    token: 'java',
    keepAliveSeconds: 230,
  },
  {
    name: 'C for embedded devices',
    query: '/?api-version=2020-09-30&DeviceClientType=azsdk-c%2F1.6.0',
    token: 'embedded',
    keepAliveSeconds: 240,
    isClean: true,
  },
  { name: 'the documentation', query: '/?api-version=2021-04-12', token: 'python', keepAliveSeconds: 0 },
  { name: 'an old client', query: '/api-version=2016-11-14', token: 'c', keepAliveSeconds: 240 },
  {
    name: 'an old .NET',
    query: '/?DeviceClientType=Microsoft.Azure.Devices.Client%2F1.5.1&api-version=2017-06-30',
    token: 'dotnet',
    keepAliveSeconds: 300,
  },
]

for (const client of CLIENTS) {
  test(`row 25 first packet of ${client.name}: device and module are let in and send`, async () => {
    for (const [id, key, topic] of [
      [DEVICE, deviceKey, `devices/${DEVICE}/messages/events/`],
      [`${DEVICE}/${MODULE}`, moduleKey, `devices/${DEVICE}/modules/${MODULE}/messages/events/`],
    ] as const) {
      const resource = `localhost/devices/${id.replace('/', '/modules/')}`
      const raw = await RawMqtt.open(hub, 'mqtt')
      raw.send(
        connectPacket({
          clientId: id,
          username: `localhost/${id}${client.query}`,
          password: TOKENS[client.token](resource, key),
          keepAliveSeconds: client.keepAliveSeconds,
          isClean: client.isClean ?? false,
        }),
      )
      const connack = await raw.next()
      assert.ok(connack?.cmd === 'connack')
      assert.equal(connack.returnCode, 0, id)
      raw.send(publishPacket(topic, client.name))
      assert.equal((await raw.next())?.cmd, 'puback')
      // C subscribes to all that lies below a module, the others to its inputs.
      const below = client.name.startsWith('C') ? '#' : 'inputs/#'
      const filter =
        id === DEVICE ? `devices/${id}/messages/devicebound/#` : `${topic.replace('messages/events/', below)}`
      raw.send(subscribePacket([[filter, 1]]))
      assert.equal((await raw.next())?.cmd, 'suback', filter)
      raw.destroy()
      const message = (await hub.messages(DEVICE)).at(-1)
      assert.deepEqual([message?.body, message?.moduleId], [client.name, id === DEVICE ? undefined : MODULE])
      assert.equal(message?.systemProperties['dt-dataschema'], client.modelId)
    }
  })
}

test('row 25 first packet of Python, C and .NET with X.509: user name and no password', {
  skip: requireTool('openssl'),
}, async () => {
  const deviceId = 'first-x509'
  const certified = new Workshop().make({ commonName: deviceId })
  await hub.device({ deviceId, auth: 'x509-thumbprint', thumbprints: [certified.sha1] })
  for (const { name, query, keepAliveSeconds } of CLIENTS) {
    const credentials = { cert: certified.certificate, key: certified.key }
    const raw = await RawMqtt.open(hub, 'mqtt', credentials)
    raw.send(connectPacket({ clientId: deviceId, username: `localhost/${deviceId}${query}`, keepAliveSeconds }))
    const connack = await raw.next()
    assert.ok(connack?.cmd === 'connack')
    assert.equal(connack.returnCode, 0, name)
    raw.destroy()
  }
})

test('row 45 first packets of Python, C and .NET: a device is provisioned', async () => {
  const groupKey = Buffer.alloc(64, 5).toString('base64')
  const group = { id: 'first-group', attestation: 'symmetric-key', primaryKey: groupKey }
  assert.equal((await hub.api('POST', '/enrollment-groups', group)).status, 201)
  const { idScope } = hub.ready
  const forms = [
    ['python', 'api-version=2019-03-31&ClientVersion=azure-iot-device-provisioning-py%2F2.14.0%283.12.3%3BLinux%29'],
    ['c', 'api-version=2021-06-01&ClientVersion=iotdps%2f1.14.0'],
    ['dotnet', 'api-version=2019-03-31&ClientVersion=Microsoft.Azure.Devices.Provisioning.Client%2F1.19.4'],
  ] as const
  for (const [at, [form, query]] of forms.entries()) {
    const id = `first-${at}`
    const resource = `${idScope}/registrations/${id}`
    const sr = form === 'c' ? lowerHex(upperHex(resource)) : upperHex(resource)
    const sig = upperHex(signature(sr, derivedKey(groupKey, id)))
    const raw = await RawMqtt.open(hub, 'mqtt')
    raw.send(
      connectPacket({
        clientId: id,
        username: `${resource}/${query}`,
        password: `SharedAccessSignature sr=${sr}&sig=${sig}&se=${EXPIRES}&skn=registration`,
        isClean: true,
      }),
    )
    const connack = await raw.next()
    assert.ok(connack?.cmd === 'connack')
    assert.equal(connack.returnCode, 0, form)
    raw.send(subscribePacket([['$dps/registrations/res/#', 1]]))
    assert.equal((await raw.next())?.cmd, 'suback')
    const body =
      form === 'c' ? JSON.stringify({ registrationId: id }) : JSON.stringify({ registrationId: id, payload: null })
    raw.send(publishPacket(`$dps/registrations/PUT/iotdps-register/?$rid=${at}a`, body))
    const answers = [await raw.next(), await raw.next()]
    assert.deepEqual(new Set(answers.map((one) => one?.cmd)), new Set(['puback', 'publish']))
    const accepted = answers.find((one) => one?.cmd === 'publish')
    assert.ok(accepted?.cmd === 'publish')
    assert.match(accepted.topic, new RegExp(`^\\$dps/registrations/res/202/\\?\\$rid=${at}a&retry-after=\\d+$`))
    const operation: { operationId: string; status: string } = JSON.parse(accepted.payload.toString())
    assert.equal(operation.status, 'assigning')
    const poll = `$dps/registrations/GET/iotdps-get-operationstatus/?$rid=${at}b&operationId=${operation.operationId}`
    let result = operation.status
    for (let polls = 0; result !== 'assigned' && polls < POLLS_MAX; polls += 1) {
      raw.send(publishPacket(poll, form === 'python' ? '{}' : ' ', { packetId: 9 }))
      const polled = [await raw.next(), await raw.next()].find((one) => one?.cmd === 'publish')
      assert.ok(polled?.cmd === 'publish')
      assert.match(polled.topic, new RegExp(`^\\$dps/registrations/res/20[02]/\\?\\$rid=${at}b`))
      const answer: { status: string; registrationState?: { assignedHub?: string; deviceId?: string } } = JSON.parse(
        polled.payload.toString(),
      )
      result = answer.status
      if (result === 'assigned') {
        assert.deepEqual([answer.registrationState?.assignedHub, answer.registrationState?.deviceId], ['localhost', id])
      } else assert.equal(result, 'assigning')
    }
    assert.equal(result, 'assigned')
    raw.destroy()
  }
})
