/** Row 35 of azure-iot.md §12: twins as the service SDK reads and writes them, and what it has no call for. */

import assert from 'node:assert/strict'
import { after, suite, test } from 'node:test'
import type { Registry } from './azure-sdk.ts'
import { HubProcess } from './hub-process.ts'
import { clientOf, DEVICE_TRANSPORTS, open } from './sdk-client.ts'
import { requireStandardPorts } from './standard-ports.ts'
import {
  nested,
  NEW,
  propertiesOf,
  type RawAnswer,
  type RawCall,
  raw as rawOf,
  refused,
  registryClient as registryOf,
  report,
  type Section,
  sized,
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

// Before the others: of many events in a second only the number is told.
test('row 35 https: a change of a twin by a service is an event', { skip }, async () => {
  const deviceId = 'r35-event'
  await theHub().device({ deviceId })
  await raw('PATCH', `/twins/${deviceId}`, { tags: { secret: 'do-not-log' } })
  const event = (await theHub().events(`device/${deviceId}`)).find(({ type }) => type === 'twin.changed')
  assert.deepEqual([event?.actor, event?.detail], ['policy/service', { sections: 'tags', version: 2 }])
})

suite('twins over REST', { concurrency: true }, () => {
  test('row 35 https: the whole document of a new twin', { skip }, async () => {
    const deviceId = 'r35-new'
    await theHub().device({ deviceId })
    const { status, etag, body } = await raw('GET', `/twins/${deviceId}`)
    assert.equal(status, 200)
    assert.equal(etag, `"${String(body.etag)}"`)
    const { statusUpdateTime, deviceEtag, etag: twinEtag, properties, ...rest } = body
    assert.match(String(twinEtag), /^[A-Za-z0-9+/]+=*$/)
    assert.match(String(deviceEtag), /^[A-Za-z0-9+/]+=*$/)
    assert.ok(Math.abs(Date.parse(String(statusUpdateTime)) - Date.now()) < 60_000)
    assert.deepEqual(rest, {
      deviceId,
      status: 'enabled',
      connectionState: 'Disconnected',
      lastActivityTime: '0001-01-01T00:00:00Z',
      cloudToDeviceMessageCount: 0,
      authenticationType: 'sas',
      x509Thumbprint: { primaryThumbprint: null, secondaryThumbprint: null },
      modelId: '',
      version: 1,
      tags: {},
      capabilities: { iotEdge: false },
    })
    for (const section of [properties.desired, properties.reported]) {
      const { $metadata, $version, ...nothing } = section
      assert.deepEqual([$version, nothing], [1, {}])
      assert.deepEqual(Object.keys($metadata as Section), ['$lastUpdated'])
    }
  })

  test('row 35 https: a patch merges tags and desired as one write, with metadata of each node', { skip }, async () => {
    const deviceId = 'r35-patch'
    await theHub().device({ deviceId })
    const registry = await registryClient()
    const twin = (await registry.getTwin(deviceId)).responseBody
    const etags = [twin.etag]
    await twin.update({ tags: { site: { city: 'Köln', floor: 1 } }, properties: { desired: NEW } })
    etags.push(twin.etag)
    await twin.update({ tags: { site: { floor: null } }, properties: { desired: { bar: { baz: 3 } } } })
    etags.push(twin.etag)
    assert.equal(new Set(etags).size, 3)
    const { body } = await raw('GET', `/twins/${deviceId}`)
    assert.equal(body.version, 3)
    assert.deepEqual(body.tags, { site: { city: 'Köln' } })
    const { desired } = body.properties
    assert.deepEqual(propertiesOf(desired), { foo: 1, bar: { baz: 3, tweedle: { dee: 3 } } })
    assert.equal(desired.$version, 3)
    const versions = (node: unknown): unknown =>
      Object.fromEntries(
        Object.entries(node as Section).flatMap(([key, value]) =>
          key === '$lastUpdated' ? [] : [[key, key === '$lastUpdatedVersion' ? value : versions(value)]],
        ),
      )
    const at = (version: number, inner: Section = {}): Section => ({ $lastUpdatedVersion: version, ...inner })
    assert.deepEqual(
      versions(desired.$metadata),
      at(3, { foo: at(2), bar: at(3, { baz: at(3), tweedle: at(2, { dee: at(2) }) }) }),
    )
    // A section that is null is emptied, and `reported` of a service is not looked at, nor is what is read-only.
    await twin.update({
      version: 99,
      deviceId: 'other',
      tags: null,
      properties: { desired: { $version: 1, $metadata: { $lastUpdated: 'x' }, one: 1 }, reported: { mine: 1 } },
    })
    const after = (await raw('GET', `/twins/${deviceId}`)).body
    assert.deepEqual(after.tags, {})
    assert.equal(after.version, 4)
    assert.deepEqual(propertiesOf(after.properties.reported), {})
    assert.equal(after.properties.desired.one, 1)
    assert.equal(after.properties.desired.$version, 4)
    await twin.update({ properties: { desired: null } })
    assert.deepEqual(propertiesOf((await raw('GET', `/twins/${deviceId}`)).body.properties.desired), {})
  })

  test('row 35 https: an ETag that is not the newest is 412, `*` fits any; reports leave it', { skip }, async () => {
    const deviceId = 'r35-etag'
    const { primary } = await theHub().device({ deviceId })
    const registry = await registryClient()
    const { etag } = (await registry.getTwin(deviceId)).responseBody
    await registry.updateTwin(deviceId, { tags: { a: 1 } }, etag)
    const stale = await refused(registry.updateTwin(deviceId, { tags: { a: 2 } }, etag))
    assert.deepEqual([stale.name, stale.status, stale.code], ['InvalidEtagError', 412, 'PreconditionFailed'])
    assert.match(stale.message, /^ErrorCode:PreconditionFailed;/)
    await registry.updateTwin(deviceId, { tags: { a: 3 } }, '*')
    const { etag: newest } = (await registry.getTwin(deviceId)).responseBody
    const client = clientOf(primary, DEVICE_TRANSPORTS[0])
    await open(client)
    await report(await client.getTwin(), { up: 1 })
    await client.close()
    // Of many that read the same one wins.
    const outcomes = await Promise.allSettled(
      Array.from({ length: 10 }, (_, at) => registry.updateTwin(deviceId, { tags: { won: at } }, newest)),
    )
    assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1)
    for (const header of ['"wrong"', 'wrong', 'W/"wrong"']) {
      const answer = await raw('PUT', `/twins/${deviceId}`, { tags: {} }, { 'if-match': header })
      assert.equal(answer.status, 412, header)
    }
    for (const header of ['*', '"*"', 'W/"*"']) {
      assert.equal((await raw('PATCH', `/twins/${deviceId}`, { tags: {} }, { 'if-match': header })).status, 200, header)
    }
    const read = await raw('GET', `/twins/${deviceId}`)
    assert.equal((await raw('PUT', `/twins/${deviceId}`, {}, { 'if-match': String(read.etag) })).status, 200)
  })

  test('row 35 https: PUT replaces tags and desired, and what was read can be put back', { skip }, async () => {
    const deviceId = 'r35-put'
    await theHub().device({ deviceId })
    const path = `/twins/${deviceId}`
    await raw('PATCH', path, { tags: { a: 1, b: { c: 2 } }, properties: { desired: NEW } })
    const replaced = await raw('PUT', path, {
      tags: { b: { d: 4, gone: null } },
      properties: { desired: { bar: 5 } },
    })
    assert.deepEqual(replaced.body.tags, { b: { d: 4 } })
    assert.deepEqual(propertiesOf(replaced.body.properties.desired), { bar: 5 })
    assert.deepEqual([replaced.body.version, replaced.body.properties.desired.$version], [3, 3])
    const again = await raw('PUT', path, replaced.body, { 'if-match': String(replaced.etag) })
    assert.deepEqual(again.body.tags, replaced.body.tags)
    assert.deepEqual(propertiesOf(again.body.properties.desired), { bar: 5 })
    assert.equal(again.body.version, 4)
    const emptied = await raw('PUT', path, {})
    assert.deepEqual([emptied.body.tags, propertiesOf(emptied.body.properties.desired)], [{}, {}])
    assert.equal(emptied.body.properties.reported.$version, 1)
  })

  test('row 35 https: who is not there is DeviceNotFound or ModuleNotFound', { skip }, async () => {
    await theHub().device({ deviceId: 'r35-there' })
    const registry = await registryClient()
    const calls = [() => registry.getTwin('r35-nobody'), () => registry.updateTwin('r35-nobody', { tags: {} }, '*')]
    for (const call of calls) {
      const { name, status, code } = await refused(call())
      assert.deepEqual([name, status, code], ['DeviceNotFoundError', 404, 'DeviceNotFound'])
    }
    const module = await refused(registry.getModuleTwin('r35-there', 'no'))
    assert.deepEqual([module.status, module.code], [404, 'ModuleNotFound'])
    const noDevice = await refused(registry.updateModuleTwin('r35-nobody', 'no', { tags: {} }, '*'))
    assert.deepEqual([noDevice.status, noDevice.code], [404, 'DeviceNotFound'])
  })

  test('row 35 https: without the right to talk to devices there are no twins', { skip }, async () => {
    await theHub().device({ deviceId: 'r35-right' })
    for (const policy of ['registryRead', 'registryReadWrite']) {
      const registry = await registryClient(policy)
      const calls = [
        () => registry.getTwin('r35-right'),
        () => registry.updateTwin('r35-right', { tags: { a: 1 } }, '*'),
      ]
      for (const call of calls) {
        const { name, status } = await refused(call())
        assert.deepEqual([name, status], ['UnauthorizedError', 401])
      }
    }
    assert.equal((await raw('GET', '/twins/r35-right')).body.version, 1)
  })

  test('row 35 https: what no twin can hold is refused as an argument, and changes nothing', { skip }, async () => {
    const deviceId = 'r35-limits'
    await theHub().device({ deviceId })
    const path = `/twins/${deviceId}`
    const registry = await registryClient()
    const desired = (section: unknown): unknown => ({ properties: { desired: section } })
    const bad: readonly (readonly [RegExp, unknown])[] = [
      [/tags has a key with a dot/, { tags: { 'a.b': 1 } }],
      [/desired has a key with a dot, a dollar sign/, desired({ a: { $b: 1 } })],
      [/tags has a key with .* control/, { tags: { 'a\u0085b': 1 } }],
      [/desired is nested more than 10/, desired(nested(11))],
      [/tags is nested more than 10/, { tags: nested(11) }],
      [/tags would have more than 8192/, { tags: sized(8_193) }],
      [/desired would have more than 32768/, desired(sized(32_769))],
      [/tags has to be an object/, { tags: [] }],
      [/properties has to be an object/, { properties: 5 }],
      [/integer .*not within/, desired({ a: 2 ** 53 })],
      [/text of more than 4096/, { tags: { a: 'x'.repeat(4_097) } }],
    ]
    for (const [message, patch] of bad) {
      const { name, status, code, message: told } = await refused(registry.updateTwin(deviceId, patch, '*'))
      assert.deepEqual([name, status, code], ['ArgumentError', 400, 'ArgumentInvalid'])
      assert.match(told, message)
    }
    const noJson: readonly Uint8Array[] = [
      Buffer.from('{"tags":{"a":1,"a":2}}'),
      Buffer.from('{"tags":{"a":"\\ud800"}}'),
      Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]),
      Buffer.from('{"tags":{},}'),
      Buffer.from('{"tags":{"a":01}}'),
      Buffer.from("{'tags':{}}"),
      Buffer.from('{"tags":'),
    ]
    for (const body of noJson) assert.equal((await raw('PATCH', path, body)).status, 400, String(body))
    assert.equal((await raw('PATCH', path, Buffer.from(`{"tags":${'['.repeat(100_000)}`))).status, 400)
    assert.equal((await raw('GET', path)).body.version, 1)
    // Up to the limits, everything goes.
    await registry.updateTwin(deviceId, { tags: sized(8_192), properties: { desired: sized(32_768) } }, '*')
    await registry.updateTwin(deviceId, { tags: null, properties: { desired: null } }, '*')
    const odd = {
      ...nested(10),
      __proto__x: 1,
      constructor: { prototype: 1 },
      toString: 'x',
      ['k'.repeat(1_024)]: 'x'.repeat(4_096),
      min: -4_503_599_627_370_496,
      float: 1.5e-300,
      huge: 1.5e300,
      empty: {},
      list: [[], [{}], [true, 'x']],
    }
    await registry.updateTwin(deviceId, desired(odd), '*')
    const { properties } = (await raw('GET', path)).body
    assert.deepEqual(propertiesOf(properties.desired), JSON.parse(JSON.stringify(odd)))
  })

  test('row 35 https: __proto__ is a key like any other', { skip }, async () => {
    const deviceId = 'r35-proto'
    await theHub().device({ deviceId })
    const path = `/twins/${deviceId}`
    await raw('PATCH', path, Buffer.from('{"tags":{"__proto__":{"polluted":1},"a":{"__proto__":{"b":2}}}}'))
    const merged = await raw('PATCH', path, Buffer.from('{"tags":{"__proto__":{"more":[1]}}}'))
    assert.equal(JSON.stringify(merged.body.tags), '{"__proto__":{"polluted":1,"more":[1]},"a":{"__proto__":{"b":2}}}')
    assert.equal(merged.body.polluted, undefined)
    const without = await raw('PATCH', path, Buffer.from('{"tags":{"__proto__":null}}'))
    assert.equal(JSON.stringify(without.body.tags), '{"a":{"__proto__":{"b":2}}}')
  })
})
