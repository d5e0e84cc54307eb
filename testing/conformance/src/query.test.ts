/** Row 36 of azure-iot.md §12: queries over twins through the official service SDK, and what must not get through. */

import assert from 'node:assert/strict'
import { request } from 'node:https'
import { after, before, test } from 'node:test'
import { Registry } from './azure-sdk.ts'
import { HubProcess } from './hub-process.ts'
import { keyOf, sas } from './sas.ts'
import { clientOf, DEVICE_TRANSPORTS, eventually, failure, open } from './sdk-client.ts'
import { HTTPS_PORT, requireStandardPorts } from './standard-ports.ts'

const skip = await requireStandardPorts()
const hub = skip === false ? await HubProcess.start('standard') : undefined
hub?.trust()
after(() => hub?.stop())
const owner = hub && Registry.fromConnectionString(await hub.policy('iothubowner'))

type Fields = Record<string, unknown>
type Query = ReturnType<Registry['createQuery']>

function theHub(): HubProcess {
  assert.ok(hub !== undefined)
  return hub
}

function registry(): Registry {
  assert.ok(owner !== undefined)
  return owner
}

/** Devices of the fleet that is asked about: q-00 to q-24. */
const DEVICES = 25
const name = (index: number): string => `q-${String(index).padStart(2, '0')}`

before(async () => {
  if (skip !== false) return
  const devices = Array.from({ length: DEVICES }, (_, index) => ({
    deviceId: name(index),
    status: index === 3 ? 'disabled' : 'enabled',
  }))
  await registry().addDevices(devices as never)
  for (let index = 0; index < DEVICES; index += 1) {
    await registry().updateTwin(
      name(index),
      {
        tags: {
          site: `site-${index % 5}`,
          floor: index % 3,
          ...(index % 2 === 0 ? { even: true } : {}),
          größe: { 'a-b': index },
        },
        properties: { desired: { interval: index * 10, mode: index < 10 ? 'eco' : 'full' } },
      },
      '*',
    )
  }
  await registry().addModule({ deviceId: name(0), moduleId: 'camera' })
  await registry().addModule({ deviceId: name(1), moduleId: 'camera' })
  await registry().updateModuleTwin(name(0), 'camera', { tags: { site: 'site-0' } }, '*')
})

/** All pages of a query: their items, and how many each had. */
async function all(query: Query): Promise<{ readonly items: readonly Fields[]; readonly sizes: readonly number[] }> {
  const items: Fields[] = []
  const sizes: number[] = []
  while (query.hasMoreResults) {
    const { result } = (await query.next(query.continuationToken)) as unknown as { readonly result: readonly Fields[] }
    items.push(...result)
    sizes.push(result.length)
    assert.ok(sizes.length < 1_000, 'it never ends')
  }
  return { items, sizes }
}

async function ask(text: string, pageSize?: number): Promise<readonly Fields[]> {
  return (await all(registry().createQuery(text, pageSize))).items
}

async function ids(where: string): Promise<readonly unknown[]> {
  const items = await ask(`SELECT * FROM devices WHERE ${where}`)
  return items.map(({ deviceId }) => String(deviceId)).toSorted()
}

const expected = (isMeant: (index: number) => boolean): readonly string[] =>
  Array.from({ length: DEVICES }, (_, index) => index)
    .filter(isMeant)
    .map(name)

test('row 36 https: SELECT * gives the documents of GET, as twins', { skip }, async () => {
  const query = registry().createQuery(`SELECT * FROM devices WHERE deviceId = '${name(7)}'`)
  const { result, message } = (await query.nextAsTwin()) as unknown as {
    readonly result: readonly Fields[]
    readonly message: { readonly headers: Fields; readonly statusCode: number }
  }
  assert.equal(message.statusCode, 200)
  assert.equal(message.headers['x-ms-item-type'], 'twin')
  assert.equal(message.headers['x-ms-continuation'], undefined)
  assert.match(String(message.headers['content-type']), /^application\/json/)
  assert.equal(query.hasMoreResults, false)
  assert.equal(result.length, 1)
  const [twin] = result
  const { responseBody } = (await registry().getTwin(name(7))) as unknown as { readonly responseBody: Fields }
  const plain = (value: object): Fields => {
    const { _registry, ...fields } = value as Fields
    return JSON.parse(JSON.stringify(fields)) as Fields
  }
  assert.ok(twin !== undefined)
  assert.deepEqual(plain(twin), plain(responseBody))
  // A twin that came by a query can be written: it has its ETag.
  await (twin as unknown as { update(patch: object): Promise<unknown> }).update({ tags: { checked: true } })
  assert.deepEqual(await ids('tags.checked = true'), [name(7)])
  await registry().updateTwin(name(7), { tags: { checked: null } }, '*')
  assert.deepEqual(await ids('is_defined(tags.checked)'), [], 'the index follows')
})

test('row 36 https: pages have the asked size, and every device comes once', { skip }, async () => {
  const { items, sizes } = await all(registry().createQuery('SELECT * FROM devices', 10))
  assert.deepEqual(sizes, [10, 10, 5])
  assert.deepEqual(
    items.map(({ deviceId }) => String(deviceId)).toSorted(),
    expected(() => true),
  )
  assert.deepEqual((await all(registry().createQuery('SELECT * FROM devices'))).sizes, [25])
  const exact = await all(registry().createQuery("SELECT * FROM devices WHERE tags.site = 'site-1'", 5))
  assert.deepEqual(exact.sizes, [5], 'the last full page says that it is the last')
  assert.deepEqual(
    (await all(registry().createQuery("SELECT * FROM devices WHERE startswith(tags.site, 'site-')", 7))).sizes,
    [7, 7, 7, 4],
  )
  assert.deepEqual((await all(registry().createQuery('SELECT TOP 12 * FROM devices', 5))).sizes, [5, 5, 2])
})

test('row 36 https: conditions on tags, properties and state', { skip }, async () => {
  for (const [where, isMeant] of [
    ["tags.site = 'site-2'", (i) => i % 5 === 2],
    ["'site-2' = tags.site", (i) => i % 5 === 2],
    ["tags.site = 'SITE-2'", () => false],
    ["tags.site != 'site-2'", (i) => i % 5 !== 2],
    ["tags.site <> 'site-2' AND tags.floor = 1", (i) => i % 5 !== 2 && i % 3 === 1],
    ["tags.site IN ['site-1', 'site-4', 'none']", (i) => i % 5 === 1 || i % 5 === 4],
    ["tags.site NIN ['site-1', 'site-4', 'none']", (i) => i % 5 !== 1 && i % 5 !== 4],
    ['tags.floor IN [0, 2] AND tags.even = true', (i) => i % 3 !== 1 && i % 2 === 0],
    ['is_defined(tags.even)', (i) => i % 2 === 0],
    ['NOT is_defined(tags.even)', (i) => i % 2 !== 0],
    // What is not there equals nothing and differs from nothing.
    ['tags.even != true', () => false],
    ['tags.even = null OR tags.even = undefined', () => false],
    ["tags.floor = '1'", () => false],
    ['properties.desired.interval >= 100 AND properties.desired.interval < 0x8C', (i) => i >= 10 && i < 14],
    ['properties.desired.interval / 10 % 2 = 1', (i) => i % 2 === 1],
    [
      "properties.desired.mode = 'eco' OR tags.floor = 2 AND tags.site = 'site-0'",
      (i) => i < 10 || (i % 3 === 2 && i % 5 === 0),
    ],
    [
      "(properties.desired.mode = 'eco' OR tags.floor = 2) AND tags.site = 'site-0'",
      (i) => (i < 10 || i % 3 === 2) && i % 5 === 0,
    ],
    ['properties.desired.$version = 2', () => true],
    ['is_defined(properties.reported.anything)', () => false],
    ["status = 'disabled'", (i) => i === 3],
    ["startswith(deviceId, 'q-1') AND NOT tags.even = true", (i) => i >= 10 && i < 20 && i % 2 === 1],
    [`deviceId IN ['${name(1)}', '${name(2)}', 'nobody']`, (i) => i === 1 || i === 2],
    ['tags.[[größe]].[[a-b]] = 4', (i) => i === 4],
    ["connectionState = 'Connected'", () => false],
    ['capabilities.iotEdge = true', () => false],
    ["authenticationType = 'sas'", () => true],
    ["lastActivityTime > '2000-01-01T00:00:00Z'", () => false],
    ["statusUpdateTime > '2000-01-01T00:00:00Z'", () => true],
    ["properties.desired.$metadata.mode.$lastUpdated > '2020-01-01T00:00:00Z'", () => true],
  ] as const satisfies readonly (readonly [string, (index: number) => boolean])[]) {
    assert.deepEqual(await ids(where), expected(isMeant), where)
  }
})

test('row 36 https: keywords in any case, names and values in theirs', { skip }, async () => {
  const upper = await ask(`SELECT * FROM DEVICES WHERE tags.site IN ['site-0'] AND IS_DEFINED(tags.even)`)
  const lower = await ask(`select * from devices where tags.site in ['site-0'] and is_defined(tags.even)`)
  assert.equal(upper.length, 3)
  assert.deepEqual(upper, lower)
  assert.deepEqual(await ids("tags.Site = 'site-0'"), [])
})

test('row 36 https: columns are what was selected, by their names', { skip }, async () => {
  const query = registry().createQuery(
    `SELECT deviceId, tags.site AS place, properties.desired.mode, tags.even AS even, properties.desired.$version AS v FROM devices WHERE deviceId IN ['${name(0)}', '${name(1)}']`,
  )
  const { result, message } = (await query.next()) as unknown as {
    readonly result: readonly Fields[]
    readonly message: { readonly headers: Fields }
  }
  assert.equal(message.headers['x-ms-item-type'], 'raw')
  assert.deepEqual(result, [
    { deviceId: name(0), place: 'site-0', mode: 'eco', even: true, v: 2 },
    { deviceId: name(1), place: 'site-1', mode: 'eco', v: 2 },
  ])
})

test('row 36 https: aggregates, whole and by group', { skip }, async () => {
  assert.deepEqual(await ask('SELECT COUNT() AS totalNumber FROM devices'), [{ totalNumber: DEVICES }])
  assert.deepEqual(await ask("SELECT COUNT() AS n, SUM(tags.floor) AS s FROM devices WHERE tags.site = 'none'"), [
    { n: 0 },
  ])
  assert.deepEqual(
    await ask(
      'SELECT SUM(properties.desired.interval) AS s, AVG(properties.desired.interval) AS a, MIN(tags.site) AS least, MAX(properties.desired.interval) AS most, COUNT(tags.even) AS even FROM devices',
    ),
    [{ s: 3_000, a: 120, least: 'site-0', most: 240, even: 13 }],
  )
  const groups = await ask(
    'SELECT tags.floor AS floor, properties.desired.mode AS mode, COUNT() AS numberOfDevices FROM devices WHERE tags.floor != 0 GROUP BY tags.floor, properties.desired.mode',
    3,
  )
  assert.deepEqual(groups, [
    { floor: 1, mode: 'eco', numberOfDevices: 3 },
    { floor: 1, mode: 'full', numberOfDevices: 5 },
    { floor: 2, mode: 'eco', numberOfDevices: 3 },
    { floor: 2, mode: 'full', numberOfDevices: 5 },
  ])
  const byEven = await ask('SELECT tags.even, COUNT() AS n FROM devices GROUP BY tags.even')
  assert.deepEqual(new Set(byEven.map((row) => JSON.stringify(row))), new Set(['{"even":true,"n":13}', '{"n":12}']))
})

test('row 36 https: modules are asked for by themselves', { skip }, async () => {
  const modules = await ask('SELECT * FROM devices.modules')
  assert.deepEqual(
    modules.map(({ deviceId, moduleId }) => [deviceId, moduleId]),
    [
      [name(0), 'camera'],
      [name(1), 'camera'],
    ],
  )
  const found = await ask("SELECT * FROM devices.modules WHERE moduleId = 'camera' AND tags.site = 'site-0'")
  assert.deepEqual(
    found.map(({ deviceId }) => deviceId),
    [name(0)],
  )
  const { responseBody } = (await registry().getModuleTwin(name(0), 'camera')) as unknown as { responseBody: Fields }
  const { _registry, ...document } = responseBody
  assert.deepEqual(found[0], JSON.parse(JSON.stringify(document)))
  assert.equal((await ask("SELECT * FROM devices WHERE tags.site = 'site-0'")).length, 5, 'no module among devices')
})

test('row 36 https: who is connected, what was reported and when, shows within seconds', { skip }, async () => {
  const [transport] = DEVICE_TRANSPORTS
  const { primary } = await theHub().device({ deviceId: 'q-live' })
  const client = clientOf(primary, transport)
  await open(client)
  try {
    const twin = await client.getTwin()
    await new Promise<void>((resolve, reject) => {
      twin.properties.reported.update({ battery: { percent: 41.5 } }, (error: unknown) =>
        error === undefined || error === null ? resolve() : reject(error as Error),
      )
    })
    const live =
      "SELECT deviceId, properties.reported.battery.percent AS percent FROM devices WHERE connectionState = 'Connected' AND properties.reported.battery.percent > 41 AND lastActivityTime > '2020-01-01'".replace(
        "'2020-01-01'",
        "'2020-01-01T00:00:00Z'",
      )
    await eventually(async () => (await ask(live)).length === 1, 'the device is never found')
    assert.deepEqual(await ask(live), [{ deviceId: 'q-live', percent: 41.5 }])
  } finally {
    await client.close()
  }
  await eventually(async () => !(await ids("connectionState = 'Connected'")).includes('q-live'), 'it stays connected')
  await registry().delete('q-live')
  assert.deepEqual(await ids("deviceId = 'q-live'"), [])
})

test('row 36 https: a query that is wrong is ArgumentError, and says where and what was expected', {
  skip,
}, async () => {
  for (const [text, message] of [
    ['SELECT', /line 1, column 7: found the end of the query, expected/],
    ['SELECT * FROM twins', /line 1, column 15: found 'twins', expected devices or devices\.modules/],
    ['SELECT * FROM devices WHERE tags.a LIKE 1', /line 1, column 36: found 'LIKE', expected/],
    ['SELECT * FROM devices\nWHERE nothing = 1', /line 2, column 7: found 'nothing', expected a field of the twin/],
    ["SELECT * FROM devices WHERE evil(tags.a, 'x')", /found 'evil'/],
    ['SELECT * FROM devices.jobs', /does not serve yet/],
    ['SELECT deviceId, COUNT() FROM devices', /not grouped by/],
  ] as const) {
    const error = await failure(registry().createQuery(text).next())
    assert.equal(error.name, 'ArgumentError', String(error.stack))
    const { response, responseBody } = error as Error & { response?: { statusCode?: number }; responseBody?: string }
    assert.equal(response?.statusCode, 400)
    const { Message } = JSON.parse(responseBody ?? '') as Fields
    assert.match(String(Message), /^ErrorCode:ArgumentInvalid;The query is wrong at line/)
    assert.match(String(Message), message)
  }
})

test('row 36 https: nothing gets through a query', { skip }, async () => {
  const attempts: readonly string[] = [
    `SELECT * FROM devices WHERE deviceId = ''; DROP TABLE twin; --'`,
    `SELECT * FROM devices WHERE deviceId = '' UNION SELECT * FROM policy`,
    'SELECT primary_key FROM identity',
    `SELECT * FROM devices WHERE ${'('.repeat(10_000)}1=1${')'.repeat(10_000)}`,
    `SELECT * FROM devices WHERE ${'NOT '.repeat(20_000)}tags.a`,
    `SELECT * FROM devices WHERE tags.a = '${'x'.repeat(100_000)}'`,
    `SELECT * FROM devices WHERE tags.a IN [${Array.from({ length: 30_000 }, (_, i) => i).join()}]`,
    `SELECT ${Array.from({ length: 5_000 }, (_, i) => `tags.a${i}`).join()} FROM devices`,
    'SELECT * FROM devices WHERE tags.a = \u0000',
    'SELECT * FROM devices WHERE tags.a = "\\ud800"',
    '😀'.repeat(10_000),
    ' '.repeat(65_537),
  ]
  for (const text of attempts) {
    const since = performance.now()
    const error = await failure(registry().createQuery(text).next())
    assert.equal(error.name, 'ArgumentError', text.slice(0, 60))
    assert.ok(performance.now() - since < 5_000, text.slice(0, 60))
  }
  // What is a value stays one, whatever stands in it.
  for (const value of ["' OR '1'='1", '"; DROP TABLE twin; --', ':v0', '?', '%', '$.site', '\u202e', '\u0000', '😀']) {
    const text = `SELECT * FROM devices WHERE tags.site = ${JSON.stringify(value)} OR tags.[[${value}]] = 1`
    assert.deepEqual(await ask(text), [], text)
  }
  assert.deepEqual(await ids('tags.constructor = 1 OR is_defined(tags.__proto__) OR is_defined(tags.toString)'), [])
  assert.equal((await ask('SELECT COUNT() AS n FROM devices'))[0]?.n, DEVICES, 'everything is still there')
})

interface Raw {
  readonly status: number
  readonly headers: Fields
  readonly body: string
}

function raw(body: string, headers: Record<string, string>): Promise<Raw> {
  return new Promise((resolve, reject) => {
    const path = '/devices/query?api-version=2021-04-12'
    const asked = request(
      { host: 'localhost', port: HTTPS_PORT, ca: theHub().ca, agent: false, method: 'POST', path, headers },
      (answer) => {
        let text = ''
        answer.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk
        })
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: text }))
      },
    )
    asked.on('error', reject)
    asked.end(body)
  })
}

async function as(policy: string): Promise<Record<string, string>> {
  const key = keyOf(await theHub().policy(policy))
  return {
    authorization: sas({ resource: 'localhost', key, seconds: 3_600, policy }),
    'content-type': 'application/json; charset=utf-8',
  }
}

test('row 36 https: continuations are of their query alone, and sizes and bodies of their form', { skip }, async () => {
  const headers = await as('iothubowner')
  const all = JSON.stringify({ query: 'SELECT * FROM devices' })
  const first = await raw(all, { ...headers, 'x-ms-max-item-count': '2' })
  assert.equal(first.status, 200)
  const token = String(first.headers['x-ms-continuation'])
  const second = await raw(all, { ...headers, 'x-ms-max-item-count': '2', 'x-ms-continuation': token })
  assert.deepEqual(
    (JSON.parse(second.body) as Fields[]).map(({ deviceId }) => deviceId),
    [name(2), name(3)],
  )
  const refused = async (body: string, more: Record<string, string>, code = 'ArgumentInvalid'): Promise<void> => {
    const answer = await raw(body, { ...headers, ...more })
    assert.deepEqual([answer.status, answer.headers['iothub-errorcode']], [400, code], JSON.stringify(more))
  }
  const flipped = `${token.slice(0, -2)}${token.endsWith('AA') ? 'BB' : 'AA'}`
  for (const wrong of [
    flipped,
    `${token}A`,
    `${token}=`,
    'x',
    '0',
    'null',
    'e30',
    `${token} `.repeat(3),
    'A'.repeat(6_000),
  ]) {
    await refused(all, { 'x-ms-continuation': wrong })
  }
  await refused(JSON.stringify({ query: 'SELECT * FROM devices ' }), { 'x-ms-continuation': token })
  for (const size of ['-1', 'x', '1.5', '1e3', '99999999999']) await refused(all, { 'x-ms-max-item-count': size })
  assert.equal(
    (JSON.parse((await raw(all, { ...headers, 'x-ms-max-item-count': '5000' })).body) as Fields[]).length,
    DEVICES,
  )
  await refused('{}', {})
  await refused('{"query":7}', {})
  await refused('[', {}, 'IotHubFormatError')
  await refused('', {}, 'ArgumentNull')
})

test('row 36 https: only who may read the registry may ask', { skip }, async () => {
  const body = JSON.stringify({ query: 'SELECT * FROM devices' })
  assert.equal((await raw(body, {})).status, 401)
  assert.equal((await raw(body, await as('device'))).status, 401)
  assert.equal((await raw(body, await as('registryRead'))).status, 200)
})

test('row 36 https: the command line asks the same', { skip }, async () => {
  const rows = await theHub().json<Fields>(
    'query',
    "SELECT deviceId FROM devices WHERE tags.site = 'site-3'",
    '--limit',
    '3',
  )
  assert.deepEqual(rows, [{ deviceId: name(3) }, { deviceId: name(8) }, { deviceId: name(13) }])
  const wrong = await theHub().command('query', 'SELECT * FROM nowhere')
  assert.equal(wrong.code, 1)
  assert.match(wrong.stderr, /line 1, column 15.*expected devices or devices\.modules/)
})
