/**
 * Rows 15, 16, 17, 23 (twins of modules) and 35 (who is connected) of azure-iot.md §12: twins as the device SDK sees
 * them. What upstream's own twin tests expect (versions from 1, by 1; merging; nulls) stands here too.
 */

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, suite, test } from 'node:test'
import type { Api } from '@holdfast/api'
import { type Client, ModuleClient, type Registry } from './azure-sdk.ts'
import { HubProcess } from './hub-process.ts'
import { byKey, keyAttestation, PROVISIONING_TRANSPORTS, put, register, serviceOf } from './provisioning-sdk.ts'
import { clientOf, DEVICE_TRANSPORTS, eventually, failure, neverRetry, open, within } from './sdk-client.ts'
import { requireStandardPorts } from './standard-ports.ts'
import {
  type DeviceTwin,
  listen,
  nested,
  NEW,
  plain,
  propertiesOf,
  pushedUntil,
  type RawAnswer,
  type RawCall,
  raw as rawOf,
  registryClient as registryOf,
  report,
  type Section,
  sized,
  subscribe,
} from './twin-sdk.ts'

const skip = await requireStandardPorts()
const hub = skip === false ? await HubProcess.start('standard') : undefined
hub?.trust()
after(() => hub?.stop())

function theHub(): HubProcess {
  assert.ok(hub !== undefined)
  return hub
}

const registryClient = (policy?: string): Promise<Registry> => registryOf(theHub(), policy)
const raw = (...[method, path, body, headers]: RawCall): Promise<RawAnswer> =>
  rawOf(theHub(), method, path, body, headers)

async function moduleOf(deviceId: string, moduleId: string): Promise<string> {
  await theHub().api('POST', `/devices/${deviceId}/modules`, { moduleId })
  const at = `/devices/${deviceId}/modules/${moduleId}/connection-string`
  return (await theHub().api<Api.ConnectionString>('GET', at)).body.connectionString
}

suite('twins of devices', { concurrency: true }, () => {
  for (const transport of DEVICE_TRANSPORTS) {
    const { name } = transport

    async function connected(row: string): Promise<{ deviceId: string; client: Client; twin: DeviceTwin }> {
      const deviceId = `${row}-${name}`
      const { primary } = await theHub().device({ deviceId })
      const client = clientOf(primary, transport)
      await open(client)
      return { deviceId, client, twin: await client.getTwin() }
    }

    test(`row 15 ${name}: a new twin is empty at version 1, and later shows what both sides wrote`, {
      skip,
    }, async () => {
      const { deviceId, client, twin } = await connected('r15')
      assert.deepEqual(plain(twin.properties), { desired: { $version: 1 }, reported: { $version: 1 } })
      const registry = await registryClient()
      await registry.updateTwin(deviceId, { tags: { secret: 1 }, properties: { desired: NEW } }, '*')
      await report(twin, { up: true, list: [1, 'a', { b: false }] })
      await twin.get()
      assert.deepEqual(plain(twin.properties), {
        desired: { ...NEW, $version: 2 },
        reported: { up: true, list: [1, 'a', { b: false }], $version: 2 },
      })
      await client.close()
      await client.open()
      await twin.get()
      assert.deepEqual(propertiesOf(twin.properties.desired), NEW)
      await client.close()
    })

    test(`row 16 ${name}: reports merge, null takes away, and the service sees them with their times`, {
      skip,
    }, async () => {
      const { deviceId, client, twin } = await connected('r16')
      const registry = await registryClient()
      const began = Date.now()
      const reportedOf = async (): Promise<Section> =>
        (await registry.getTwin(deviceId)).responseBody.properties.reported as Section
      await report(twin, NEW)
      await report(twin, { bar: { baz: 3 } })
      assert.deepEqual(propertiesOf(await reportedOf()), { foo: 1, bar: { baz: 3, tweedle: { dee: 3 } } })
      await report(twin, { bar: { tweedle: null }, foo: { now: 'an object' }, Größe: '😀', big: 4_503_599_627_370_495 })
      const reported = await reportedOf()
      assert.deepEqual(propertiesOf(reported), {
        foo: { now: 'an object' },
        bar: { baz: 3 },
        Größe: '😀',
        big: 4_503_599_627_370_495,
      })
      assert.equal(reported.$version, 4)
      const metadata = reported.$metadata as Record<string, Section>
      assert.deepEqual(Object.keys(metadata).toSorted(), ['$lastUpdated', 'Größe', 'bar', 'big', 'foo'])
      assert.deepEqual(Object.keys(metadata.bar ?? {}).toSorted(), ['$lastUpdated', 'baz'])
      for (const time of [metadata.$lastUpdated, metadata.bar?.$lastUpdated]) {
        assert.match(String(time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
        assert.ok(Date.parse(String(time)) >= began - 1 && Date.parse(String(time)) <= Date.now())
      }
      await client.close()
    })

    test(`row 16 ${name}: what no twin can hold is refused, says why, and changes nothing`, { skip }, async () => {
      const { client, twin } = await connected('r16-bad')
      await report(twin, { good: 1 })
      const bad: readonly (readonly [RegExp, unknown])[] = [
        [/dollar sign/, { $bad: 1 }],
        [/dot/, { a: { 'b.c': 1 } }],
        [/space/, { 'a b': 1 }],
        [/control character/, { 'a\u0007': 1 }],
        [/empty key/, { '': 1 }],
        [/key of more than 1024 bytes/, { ['k'.repeat(1_025)]: 1 }],
        [/text of more than 4096 bytes/, { a: 'x'.repeat(4_097) }],
        [/text of more than 4096 bytes/, { a: ['ä'.repeat(2_049)] }],
        [/nested more than 10 levels/, nested(11)],
        [/array with a null/, { a: [1, null] }],
        [/integer .*not within/, { a: 4_503_599_627_370_496 }],
        [/integer .*not within/, { a: [-4_503_599_627_370_497] }],
        [/has to be an object/, [1, 2]],
        [/has to be an object/, 'text'],
        [/more than 32768 bytes/, sized(32_768)],
      ]
      for (const [message, patch] of bad) assert.match((await failure(report(twin, patch))).message, message)
      await twin.get()
      assert.deepEqual(plain(twin.properties.reported), { good: 1, $version: 2 })
      await report(twin, { good: null })
      await report(twin, { ...sized(32_000), ...nested(10) })
      await report(twin, { ['k'.repeat(700)]: 'x' })
      await failure(report(twin, { more: 'x'.repeat(100) }))
      await report(twin, { k000: null })
      await twin.get()
      assert.equal(twin.properties.reported.$version, 6)
      await client.close()
    })

    test(`row 17 ${name}: what is desired is pushed as it was written, nulls too, in the order of versions`, {
      skip,
    }, async () => {
      const { deviceId, client, twin } = await connected('r17')
      const registry = await registryClient()
      const pushed = await listen(twin)
      const patches = [NEW, { bar: { baz: 3 } }, { foo: null, bar: { tweedle: null } }, { list: [1, { a: 'b' }] }]
      for (const desired of patches) await registry.updateTwin(deviceId, { properties: { desired } }, '*')
      await pushedUntil(pushed, 5)
      assert.deepEqual(
        pushed,
        patches.map((patch, at) => ({ ...patch, $version: at + 2 })),
      )
      assert.deepEqual(propertiesOf(twin.properties.desired), { bar: { baz: 3 }, list: [1, { a: 'b' }] })
      // Tags are not for the device.
      await registry.updateTwin(deviceId, { tags: { a: 1 } }, '*')
      await registry.updateTwin(deviceId, { properties: { desired: null } }, '*')
      await pushedUntil(pushed, 6)
      assert.deepEqual(pushed.at(-1), { bar: null, list: null, $version: 6 })
      assert.deepEqual(propertiesOf(twin.properties.desired), {}, 'the SDK merges what is pushed')
      // A replacement is pushed whole, with nulls for what it takes away.
      await registry.updateTwin(deviceId, { properties: { desired: { only: { that: 1 }, other: 1 } } }, '*')
      await raw('PUT', `/twins/${deviceId}`, { properties: { desired: { only: { this: 1 } } } })
      await pushedUntil(pushed, 8)
      assert.deepEqual(pushed.at(-1), { other: null, only: { that: null, this: 1 }, $version: 8 })
      assert.deepEqual(propertiesOf(twin.properties.desired), { only: { this: 1 } })
      assert.equal(pushed.length, 7)
      await twin.get()
      assert.deepEqual(plain(twin.properties.desired), { only: { this: 1 }, $version: 8 })
      await client.close()
    })

    test(`row 17 ${name}: of two services at once the device hears every write once and in order`, {
      skip,
    }, async () => {
      const { deviceId, client, twin } = await connected('r17-many')
      const registries = await Promise.all([registryClient(), registryClient('iothubowner')])
      const pushed = await listen(twin)
      await Promise.all(
        registries.map((registry, by) =>
          Promise.all(
            Array.from({ length: 40 }, (_, at) =>
              registry.updateTwin(deviceId, { properties: { desired: { [`s${by}`]: at, last: by } } }, '*'),
            ),
          ),
        ),
      )
      await pushedUntil(pushed, 81)
      assert.deepEqual(
        pushed.map(({ $version }) => $version),
        Array.from({ length: 80 }, (_, at) => at + 2),
      )
      const local = plain(twin.properties.desired)
      await twin.get()
      assert.deepEqual(plain(twin.properties.desired), local, 'what the device put together is what the hub holds')
      await client.close()
    })

    test(`row 17 ${name}: who was not connected sees it in the twin, and pushes go on after a new token`, {
      skip,
    }, async () => {
      const { deviceId, client, twin } = await connected('r17-away')
      const registry = await registryClient()
      const pushed = await listen(twin)
      await client.close()
      await registry.updateTwin(deviceId, { properties: { desired: { missed: 1 } } }, '*')
      await open(client)
      assert.equal(await client.getTwin(), twin)
      assert.deepEqual(plain(twin.properties.desired), { missed: 1, $version: 2 })
      assert.deepEqual(
        pushed.filter(({ $version }) => Number($version) > 2),
        [],
      )
      await client.setOptions({ tokenRenewal: { tokenValidTimeInSeconds: 4, tokenRenewalMarginInSeconds: 2 } })
      await client.close()
      await open(client)
      await twin.get()
      await subscribe(twin)
      await within(20_000, renewed(deviceId), 'the token is not renewed')
      await registry.updateTwin(deviceId, { properties: { desired: { after: 2 } } }, '*')
      await pushedUntil(pushed, 3)
      assert.deepEqual(pushed.at(-1), { after: 2, $version: 3 })
      await client.close()
    })

    test(`row 15 ${name}: a provisioned device begins with its enrolment's twin; a reset goes on in versions`, {
      skip,
    }, async () => {
      const registrationId = `r15-dps-${name}`
      const key = randomBytes(32).toString('base64')
      await put(await serviceOf(theHub()), {
        registrationId,
        attestation: keyAttestation(key),
        initialTwin: { tags: { line: 4 }, properties: { desired: { rate: { perMinute: 5 } } } },
        reprovisionPolicy: { updateHubAssignment: true, migrateDeviceData: false },
      })
      const [dps] = PROVISIONING_TRANSPORTS.filter((one) => one.name === name)
      assert.ok(dps !== undefined)
      const registered = () => register(dps, byKey(registrationId, key), { idScope: theHub().ready.idScope })
      const { deviceId } = await registered()
      const client = clientOf(`HostName=localhost;DeviceId=${deviceId};SharedAccessKey=${key}`, transport)
      await open(client)
      const twin = await client.getTwin()
      assert.deepEqual(plain(twin.properties.desired), { rate: { perMinute: 5 }, $version: 2 })
      await report(twin, { old: 1 })
      const registry = await registryClient()
      await registry.updateTwin(deviceId, { tags: { other: 1 }, properties: { desired: { mine: 1 } } }, '*')
      const pushed = await listen(twin)
      assert.equal((await registered()).substatus, 'deviceDataReset')
      // It is connected still, and hears of it.
      await pushedUntil(pushed, 4)
      assert.deepEqual(pushed.at(-1), { mine: null, rate: { perMinute: 5 }, $version: 4 })
      await twin.get()
      assert.deepEqual(plain(twin.properties), {
        desired: { rate: { perMinute: 5 }, $version: 4 },
        reported: { $version: 4 },
      })
      assert.deepEqual((await registry.getTwin(deviceId)).responseBody.tags, { line: 4 })
      await client.close()
    })

    test(`row 23 ${name}: a module has a twin of its own, beside its device's`, { skip }, async () => {
      const deviceId = `r23-${name}`
      const { primary } = await theHub().device({ deviceId })
      const device = clientOf(primary, transport)
      const module = neverRetry(
        ModuleClient.fromConnectionString(await moduleOf(deviceId, 'motor'), transport.constructorOf),
      )
      await open(device)
      await open(module)
      const [ofDevice, ofModule] = await Promise.all([device.getTwin(), module.getTwin()])
      const pushes = await Promise.all([listen(ofDevice), listen(ofModule)])
      await report(ofDevice, { who: 'device' })
      await report(ofModule, { who: 'module' })
      const registry = await registryClient()
      await registry.updateModuleTwin(
        deviceId,
        'motor',
        { tags: { of: 'm' }, properties: { desired: { rpm: 1 } } },
        '*',
      )
      await registry.updateTwin(deviceId, { properties: { desired: { rpm: 2 } } }, '*')
      await pushedUntil(pushes[0], 2)
      await pushedUntil(pushes[1], 2)
      assert.deepEqual(pushes, [[{ rpm: 2, $version: 2 }], [{ rpm: 1, $version: 2 }]])
      const shown = (await registry.getModuleTwin(deviceId, 'motor')).responseBody
      assert.deepEqual([shown.deviceId, shown.moduleId, shown.tags], [deviceId, 'motor', { of: 'm' }])
      assert.deepEqual(propertiesOf(shown.properties.reported), { who: 'module' })
      assert.deepEqual(propertiesOf((await registry.getTwin(deviceId)).responseBody.properties.reported), {
        who: 'device',
      })
      assert.match((await failure(report(ofModule, { $no: 1 }))).message, /dollar sign/)
      await module.close()
      await device.close()
    })

    test(`row 35 ${name}: the twin says who is connected, and what it says it is`, { skip }, async () => {
      const deviceId = `r35-${name}`
      const { primary } = await theHub().device({ deviceId })
      const registry = await registryClient()
      const before = (await raw('GET', `/twins/${deviceId}`)).body
      assert.deepEqual([before.connectionState, before.lastActivityTime], ['Disconnected', '0001-01-01T00:00:00Z'])
      const client = clientOf(primary, transport)
      await client.setOptions({ modelId: 'dtmi:com:example:Pump;1' })
      await open(client)
      const connectedTwin = await registry.getTwin(deviceId)
      assert.equal(connectedTwin.responseBody.modelId, 'dtmi:com:example:Pump;1')
      const during = (await raw('GET', `/twins/${deviceId}`)).body
      assert.equal(during.connectionState, 'Connected')
      assert.ok(Math.abs(Date.parse(String(during.lastActivityTime)) - Date.now()) < 10_000)
      await client.close()
      await eventually(
        async () => (await raw('GET', `/twins/${deviceId}`)).body.connectionState === 'Disconnected',
        'it stays connected',
      )
      assert.equal((await raw('GET', `/twins/${deviceId}`)).body.modelId, 'dtmi:com:example:Pump;1')
    })
  }
})

/** Resolves when the device has connected once more. */
async function renewed(deviceId: string): Promise<void> {
  const opened = async (): Promise<number> =>
    (await theHub().events(`device/${deviceId}`)).filter(({ type }) => type === 'session.opened').length
  const before = await opened()
  await eventually(async () => (await opened()) > before, 'no second connection')
}
