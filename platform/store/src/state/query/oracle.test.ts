/**
 * Random queries over random twins: what SQL answers, over all pages, is what the oracle says. The seed is in every
 * message; QUERY_SEED and QUERY_RUNS try others and more.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DatabaseSync } from 'node:sqlite'
import { parseQuery, type Path, type Query, QueryError, type Scalar } from '@holdfast/iothub'
import { formatQuery, type JsonValue, oracleMatches, oracleRows, RandomQuery } from '@holdfast/iothub/testing'
import { openStateDatabase } from '../open-database.ts'
import { withFile } from '../testing.ts'
import { SqlQueries } from './queries.ts'

const SEED = Number(process.env.QUERY_SEED ?? 1)
const RUNS = Number(process.env.QUERY_RUNS ?? 600)
const DEVICES = 60

class Dice {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** Mulberry32. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296) * limit) | 0
  }

  pick<T>(values: readonly T[]): T {
    const value = values[this.below(values.length)]
    if (value === undefined) throw new TypeError('there is nothing to pick from')
    return value
  }
}

const LONG = 'long '.repeat(30)
const KEYS = ['a', 'b', 'c', 'k"q', 'é', '😀', 'back\\slash', '__proto__', '1', 'x.y']
const SCALARS: readonly Scalar[] = [
  'x',
  'X',
  'xy',
  'y',
  '',
  'é',
  '😀',
  '\uffee',
  'device-1',
  `${LONG}1`,
  `${LONG}2`,
  LONG,
  'nul\0x',
  'nul',
  '1',
  '1.5',
  'true',
  '%',
  "'",
  '2026-01-01T00:00:00Z',
  '2026-01-01T00:00:00.000Z',
  '2026-01-01T01:00:00+01:00',
  0,
  1,
  -1,
  1.5,
  2,
  0.1,
  1e21,
  -7,
  4_503_599_627_370_495,
  true,
  false,
  null,
] // prettier-ignore

/** What many twins have, and many queries ask for. */
const OFTEN: readonly Scalar[] = ['x', 'xy', 1, 2, true]
const COMMON: readonly Path[] = [
  ['tags', 'a'],
  ['tags', 'b'],
  ['tags', 'c'],
  ['properties', 'desired', 'a'],
  ['properties', 'reported', 'b'],
  ['deviceId'],
  ['status'],
  ['connectionState'],
]

const TREES: readonly Path[] = [['tags'], ['properties', 'desired'], ['properties', 'reported']]
const PATHS: readonly Path[] = [
  ...TREES.flatMap((root) => KEYS.map((key): Path => [...root, key])),
  ...TREES.flatMap((root) => [
    [...root, 'a', 'b'] as const,
    [...root, 'a', 'b', 'c'] as const,
    [...root, 'b', 'k"q'] as const,
  ]),
  ['tags', 'a'],
  ['tags', 'b'],
  ...[
    'deviceId',
    'moduleId',
    'etag',
    'deviceEtag',
    'status',
    'statusReason',
    'statusUpdateTime',
    'connectionState',
  ].map((name): Path => [name]),
  ...['lastActivityTime', 'cloudToDeviceMessageCount', 'authenticationType', 'modelId', 'version', 'deviceScope'].map(
    (name): Path => [name],
  ),
  ['parentScopes'],
  ['configurations', 'x', 'status'],
  ['tags'],
  ['properties'],
  ['x509Thumbprint'],
  ['x509Thumbprint', 'primaryThumbprint'],
  ['capabilities', 'iotEdge'],
  ['properties', 'desired', '$version'],
  ['properties', 'reported', '$metadata', '$lastUpdated'],
  ['properties', 'reported', '$metadata', 'a', '$lastUpdated'],
  ['deviceId', 'x'],
  ['tags', 'a', 'b', 'c', 'd'],
] // prettier-ignore

function randomValue(dice: Dice, depth: number): JsonValue {
  switch (dice.below(depth > 0 ? 6 : 4)) {
    case 4:
      return Array.from({ length: dice.below(3) }, () => randomValue(dice, depth - 1))
    case 5:
      return randomObject(dice, depth - 1)
    default:
      return dice.below(2) === 0 ? dice.pick(OFTEN) : dice.pick(SCALARS)
  }
}

function randomObject(dice: Dice, depth: number): JsonValue {
  const entries = Array.from(
    { length: 2 + dice.below(5) },
    () => [dice.pick([...KEYS, 'a', 'a', 'b', 'b', 'c']), randomValue(dice, depth)] as const,
  )
  return JSON.parse(
    `{${[...new Map(entries)].map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join()}}`,
  ) as JsonValue
}

const TIMES = [
  Date.parse('2025-12-31T23:59:59.999Z'),
  Date.parse('2026-01-01T00:00:00Z'),
  Date.parse('2026-01-01T00:00:00.001Z'),
]

/** Straight into the tables, so that twins may hold more than the rules of twins let in: null, for one. */
function fill(database: DatabaseSync, dice: Dice): void {
  const identity =
    database.prepare(`INSERT INTO identity (device_id, module_id, parent_module, generation_id, etag, status, status_reason,
    status_updated_time, created_time, authentication, primary_thumbprint, iot_edge, device_scope, parent_scope)
    VALUES (:device, :module, :parent, 'g', :etag, :status, :reason, :time, 0, :authentication, :thumbprint, :edge, :scope, :above)`)
  const twin =
    database.prepare(`INSERT INTO twin (device_id, module_id, version, etag, tags, desired, desired_metadata, desired_version,
    reported, reported_metadata, reported_version) VALUES (?, ?, ?, 'e', ?, ?, '{}', ?, ?, ?, 1)`)
  const presence = database.prepare('INSERT INTO presence VALUES (?, ?, ?, 0, ?, ?)')
  const scopes: string[] = []
  for (let index = 0; index < DEVICES; index += 1) {
    const device = `device-${index}`
    const scope = dice.below(6) === 0 ? `scope-${index}` : null
    for (const module of ['', ...(dice.below(4) === 0 ? ['m', 'é'] : [])]) {
      const isDevice = module === ''
      const isThumbprint = dice.below(4) === 0
      identity.run({
        device,
        module,
        parent: isDevice ? null : '',
        etag: dice.pick(['e', 'f']),
        status: dice.pick(['enabled', 'disabled']),
        reason: dice.pick([null, 'x']),
        time: dice.pick(TIMES),
        authentication: isThumbprint ? 'selfSigned' : 'none',
        thumbprint: isThumbprint ? 'A'.repeat(40) : null,
        edge: isDevice && scope !== null ? 1 : 0,
        scope: isDevice ? scope : null,
        above: isDevice && scopes.length > 0 && dice.below(3) === 0 ? dice.pick(scopes) : null,
      })
      const at = new Date(dice.pick(TIMES)).toISOString()
      const metadata = JSON.stringify({ $lastUpdated: at, a: { $lastUpdated: at } })
      const sections = [0, 1, 2].map(() => JSON.stringify(randomObject(dice, 3)))
      const [tags = '{}', desired = '{}', reported = '{}'] = sections
      twin.run(device, module, 1 + dice.below(3), tags, desired, 1 + dice.below(3), reported, metadata)
      if (dice.below(2) === 0)
        presence.run(device, module, dice.below(2), dice.pick(TIMES), dice.pick([null, 'dtmi:x;1']))
    }
    if (scope !== null) scopes.push(scope)
  }
}

async function answerOf(queries: SqlQueries, query: Query, text: string, limit: number): Promise<readonly JsonValue[]> {
  const items: JsonValue[] = []
  let continuation: string | undefined
  for (let pages = 0; ; pages += 1) {
    const outcome = await queries.queryTwins({
      query,
      text,
      limit,
      ...(continuation === undefined ? {} : { continuation }),
    })
    assert.equal(outcome.kind, 'page')
    if (outcome.kind !== 'page') return items
    assert.ok(outcome.items.length <= limit && pages < 1_000)
    items.push(...outcome.items.map((item) => JSON.parse(item) as JsonValue))
    continuation = outcome.continuation
    if (continuation === undefined) return items
  }
}

/** Rows as text, sorted: they have no order of their own. Sums depend on the order of their terms a little. */
function comparable(rows: readonly JsonValue[]): readonly string[] {
  const rounded = (_: string, value: unknown): unknown =>
    typeof value === 'number' ? Number(value.toPrecision(12)) : value
  return rows.map((row) => JSON.stringify(row, rounded)).toSorted()
}

test('what SQL answers is what the oracle says', async (context) => {
  await withFile(async (file) => {
    const { db, database } = await openStateDatabase(file)
    const dice = new Dice(SEED)
    fill(database, dice)
    const queries = new SqlQueries(database)
    const everything = async (source: Query['source']): Promise<readonly JsonValue[]> =>
      answerOf(queries, { source, selection: { kind: 'twins' } }, source, 1_000)
    const documents = { devices: await everything('devices'), 'devices.modules': await everything('devices.modules') }
    assert.equal(documents.devices.length, DEVICES)
    const random = new RandomQuery(dice, {
      paths: [...PATHS, ...Array.from({ length: 8 }, () => COMMON).flat()],
      scalars: [
        ...SCALARS,
        ...Array.from({ length: 5 }, () => OFTEN).flat(),
        'device-1',
        'device-2',
        'enabled',
        'Connected',
      ],
    })
    const tally = { asked: 0, found: 0, some: 0 }
    for (let run = 0; run < RUNS; run += 1) {
      const text = formatQuery(random.query())
      let query: Query
      try {
        query = parseQuery(text)
      } catch (error) {
        if (error instanceof QueryError) continue
        throw error
      }
      const rows = await answerOf(queries, query, text, 1 + dice.below(40))
      const expected = oracleRows(query, documents[query.source])
      const hint = `QUERY_SEED=${SEED}, run ${run}: ${text}`
      if (query.top === undefined) assert.deepEqual(comparable(rows), comparable(expected), hint)
      else {
        assert.equal(rows.length, Math.min(query.top, expected.length), hint)
        const all = new Set(comparable(expected))
        for (const row of comparable(rows)) assert.ok(all.has(row), hint)
      }
      const matches = oracleMatches(query, documents[query.source]).length
      tally.asked += 1
      tally.found += matches
      if (matches > 0 && matches < documents[query.source].length) tally.some += 1
    }
    context.diagnostic(`${tally.asked} queries, ${tally.some} of them met by some twins and not by others`)
    assert.ok(tally.some > tally.asked / 6, 'queries that find all or nothing show little')
    await db.destroy()
  })
})
