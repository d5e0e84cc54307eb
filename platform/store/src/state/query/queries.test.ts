import assert from 'node:assert/strict'
import type { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { parseQuery } from '@holdfast/iothub'
import { StoreUnavailableError } from '../../damaged.ts'
import { fillTwins, filledDevice, type FilledTwin } from '../../testing/fill-twins.ts'
import { openStateDatabase } from '../open-database.ts'
import { withFile } from '../testing.ts'
import { GROUPS_MAX, PAGE_BYTES_MAX, QUERIES_RUNNING_MAX, QUERIES_WAITING_MAX } from './limits.ts'
import { type QueryOutcome, type QueryRequest, SqlQueries } from './queries.ts'
import { TAG_INDEX } from './tag-index.ts'

type Page = Extract<QueryOutcome, { kind: 'page' }>

interface Stage {
  readonly database: DatabaseSync
  readonly queries: SqlQueries
  page(text: string, more?: Partial<QueryRequest>): Promise<Page>
  /** Device ids over all pages. */
  ids(text: string, limit?: number): Promise<readonly string[]>
}

async function staged(
  devices: number,
  twin: ((index: number) => FilledTwin) | undefined,
  use: (stage: Stage) => Promise<void>,
): Promise<void> {
  await withFile(async (file) => {
    await fillTwins({ file, devices, ...(twin === undefined ? {} : { twin }) })
    const { db, database } = await openStateDatabase(file)
    const queries = new SqlQueries(database)
    const page: Stage['page'] = async (text, more = {}) => {
      const outcome = await queries.queryTwins({ query: parseQuery(text), text, limit: 100, ...more })
      assert.ok(outcome.kind === 'page', outcome.kind)
      return outcome
    }
    const ids: Stage['ids'] = async (text, limit = 100) => {
      const found: string[] = []
      for (let continuation: string | undefined; ; ) {
        const one = await page(text, { limit, ...(continuation === undefined ? {} : { continuation }) })
        found.push(...one.items.map((item) => (JSON.parse(item) as { deviceId: string }).deviceId))
        continuation = one.continuation
        if (continuation === undefined) return found
      }
    }
    await use({ database, queries, page, ids })
    await db.destroy()
  })
}

const where = (condition: string): string => `SELECT * FROM devices WHERE ${condition}`

/** What SQLite does for each statement that `run` prepares. */
async function plansOf(database: DatabaseSync, run: () => Promise<unknown>): Promise<readonly string[]> {
  const texts: string[] = []
  const prepare = database.prepare.bind(database)
  database.prepare = (text) => {
    texts.push(text)
    return prepare(text)
  }
  await run()
  database.prepare = prepare
  return texts.flatMap((text) =>
    prepare(`EXPLAIN QUERY PLAN ${text}`)
      .all()
      .map(({ detail }) => String(detail)),
  )
}

const TAG_SEARCH =
  /^SEARCH v USING PRIMARY KEY \(is_module=\? AND path=\? AND kind=\? AND (value|\(value,device_id,module_id\))[<>]/

test('a condition on a tag is answered along the index of tags, and nothing is scanned or sorted, whatever the size', async () => {
  for (const devices of [100, 3_000]) {
    await staged(devices, undefined, async ({ database, page }) => {
      for (const condition of [
        "tags.site = 'site-7'",
        "properties.reported.battery > 10 AND (tags.site = 'site-7')",
        "tags.site IN ['site-7', 'site-8'] AND NOT tags.rare = true",
        "startswith(tags.site, 'site-7')",
        'tags.place.floor = 3',
        'true = tags.rare',
      ]) {
        const plans = await plansOf(database, async () => {
          const { continuation } = await page(where(condition), { limit: 1 })
          if (continuation !== undefined) await page(where(condition), { limit: 1, continuation })
        })
        const hint = `${condition}: ${plans.join('\n')}`
        assert.ok(
          plans.some((plan) => TAG_SEARCH.test(plan)),
          hint,
        )
        for (const plan of plans) {
          // Rows pass through one by one: nothing is gathered, sorted or worked out twice.
          assert.doesNotMatch(plan, /TEMP B-TREE|MATERIALIZE/, hint)
          if (plan.startsWith('SCAN')) assert.match(plan, /VIRTUAL TABLE|CONSTANT|^SCAN (\(subquery|[br]$)/, hint)
        }
      }
    })
  }
})

test('ids are looked up, and without an index rows are walked by device in bounded ranges', async () => {
  await staged(1_000, undefined, async ({ database, page }) => {
    for (const [text, search] of [
      [
        where("deviceId = 'device-000007'"),
        /^SEARCH i USING (COVERING )?INDEX device_by_id \(device_id>\? AND device_id<\?\)/,
      ],
      [
        where("deviceId IN ['device-000007', 'x']"),
        /^SEARCH i USING (COVERING )?INDEX device_by_id \(device_id>\? AND device_id<\?\)/,
      ],
      [
        where('properties.reported.battery = 200'),
        /^SEARCH i USING (COVERING )?INDEX device_by_id \(device_id>\? AND device_id<\?\)/,
      ],
      [
        'SELECT COUNT() FROM devices',
        /^SEARCH i USING (COVERING )?INDEX device_by_id \(device_id>\? AND device_id<\?\)/,
      ],
      ['SELECT * FROM devices.modules', /^SEARCH i USING (COVERING )?INDEX sqlite_autoindex_identity_1 \(/],
    ] as const) {
      const plans = await plansOf(database, () => page(text))
      assert.ok(
        plans.some((plan) => search.test(plan)),
        `${text}: ${plans.join('\n')}`,
      )
      for (const plan of plans) {
        assert.doesNotMatch(
          plan,
          /^SCAN [itp]\b|TEMP B-TREE FOR (LAST TERM OF )?ORDER BY|MATERIALIZE/,
          `${text}: ${plans.join('\n')}`,
        )
      }
    }
  })
})

/** Every entry of the index, as text. */
function entries(database: DatabaseSync): readonly string[] {
  return database
    .prepare('SELECT * FROM tag_value ORDER BY is_module, path, kind, value, device_id, module_id')
    .all()
    .map((row) => JSON.stringify(row))
}

/** Drops the index and makes it as the migration does. */
function rebuilt(database: DatabaseSync): readonly string[] {
  database.exec(
    'DROP TRIGGER tag_value_inserted; DROP TRIGGER tag_value_updated; DROP TRIGGER tag_value_deleted; DROP TABLE tag_value',
  )
  for (const statement of TAG_INDEX) database.exec(statement)
  return entries(database)
}

test('the index follows every write of a twin, and is what the migration makes of the same twins', async () => {
  const odd = {
    a: 'x',
    'k"q': { é: 1, '😀': [1, { deep: 2 }] },
    flag: false,
    none: null,
    long: 'y'.repeat(500),
    ['p'.repeat(200)]: 1,
    '': 0,
  }
  await staged(
    20,
    (index) => ({ tags: { ...odd, n: index } }),
    async ({ database, ids }) => {
      const set = database.prepare('UPDATE twin SET tags = ? WHERE device_id = ?')
      set.run(JSON.stringify({ a: 'new', n: 1.5 }), filledDevice(3))
      set.run('{}', filledDevice(4))
      set.run(JSON.stringify({ ...odd, n: 5 }), filledDevice(5))
      database.prepare('DELETE FROM identity WHERE device_id = ?').run(filledDevice(6))
      database.prepare('UPDATE twin SET version = version + 1, tags = tags WHERE device_id = ?').run(filledDevice(7))
      assert.deepEqual(await ids(where("tags.a = 'new'")), [filledDevice(3)])
      assert.deepEqual(await ids(where('tags.n = 1.5')), [filledDevice(3)])
      assert.equal((await ids(where("tags.a = 'x'"))).length, 17)
      assert.deepEqual(await ids(where('tags.n IN [3, 4, 5, 6, 7]')), [5, 7].map(filledDevice))
      assert.equal(
        database.prepare(`SELECT count(*) AS n FROM tag_value WHERE device_id = 'device-000006'`).get()?.n,
        0,
      )
      const kept = entries(database)
      assert.deepEqual(kept, rebuilt(database))
      assert.ok(kept.every((entry) => !entry.includes('pppp') && !entry.includes('deep":2')))
    },
  )
})

test('what the index does not hold, or cuts, is found all the same', async () => {
  const long = 'y'.repeat(500)
  const path = 'p'.repeat(200)
  await staged(
    9,
    (index) => ({ tags: { long: `${long}${index}`, [path]: index, nul: `a\0${index}` } }),
    async ({ ids }) => {
      assert.deepEqual(await ids(where(`tags.long = '${long}3'`)), [filledDevice(3)])
      assert.deepEqual(await ids(where(`tags.long IN ['${long}3', '${long}', '${long}5']`)), [3, 5].map(filledDevice))
      assert.equal((await ids(where(`startswith(tags.long, '${long}')`))).length, 9)
      assert.deepEqual(await ids(where(`startswith(tags.long, '${long}7')`)), [filledDevice(7)])
      assert.deepEqual(await ids(where(`tags.${path} = 4`)), [filledDevice(4)])
      assert.deepEqual(await ids(where(String.raw`tags.nul = 'a\u00002'`)), [filledDevice(2)])
      assert.equal((await ids(where(String.raw`startswith(tags.nul, 'a\u0000')`))).length, 9)
      assert.equal((await ids(where("startswith(tags.nul, 'a')"))).length, 9)
      assert.deepEqual(await ids(where("tags.nul = 'a'")), [])
    },
  )
})

test('a prefix ends where the characters behind it begin, at every border of them', async () => {
  const texts = [
    'a',
    'a\u{10ffff}',
    'a\u{10ffff}z',
    'b',
    '\ud7ff',
    '\ud7ffx',
    '\ue000',
    '\u{10ffff}',
    '\u{10ffff}\u{10ffff}',
    '',
  ]
  await staged(
    texts.length,
    (index) => ({ tags: { t: texts[index] } }),
    async ({ database, ids }) => {
      for (const prefix of ['a', 'a\u{10ffff}', '\ud7ff', '\u{10ffff}', '\u{10ffff}\u{10ffff}', '\ue000', '', 'c']) {
        const text = where(`startswith(tags.t, '${prefix}')`)
        const expected = texts.flatMap((one, index) => (one.startsWith(prefix) ? [filledDevice(index)] : []))
        const plans = await plansOf(database, async () => {
          assert.deepEqual((await ids(text, 2)).toSorted(), expected, JSON.stringify(prefix))
        })
        assert.ok(
          plans.some((plan) => TAG_SEARCH.test(plan)),
          plans.join('\n'),
        )
      }
      assert.equal((await ids(where("startswith(deviceId, 'device-00000')"), 3)).length, texts.length)
      assert.deepEqual(await ids(where("startswith(deviceId, 'device-000001')")), [filledDevice(1)])
    },
  )
})

test('paths stand in the index as this SQLite writes them; should another version write them otherwise, a migration has to', async () => {
  await staged(
    1,
    () => ({ tags: { a1: { 'a b': 1 }, 'k"q': { '1': 2 }, é: 3, a_b: 4, '': 5, 'x.y': 6 } }),
    async ({ database }) => {
      const paths = database
        .prepare('SELECT path FROM tag_value ORDER BY value')
        .all()
        .map((row) => row.path)
      assert.deepEqual(paths, ['$.a1."a b"', String.raw`$."k\"q"."1"`, '$."é"', '$."a_b"', '$.""', '$."x.y"'])
    },
  )
})

test('a continuation goes on behind its row, also when that is gone, and what comes meanwhile does not come twice', async () => {
  await staged(
    10,
    (index) => ({ tags: { site: index % 2 === 0 ? 'a' : 'b' } }),
    async ({ database, page }) => {
      for (const text of ['SELECT * FROM devices', where("tags.site IN ['a', 'b']")]) {
        const first = await page(text, { limit: 4 })
        const last = (JSON.parse(first.items.at(-1) ?? '') as { deviceId: string }).deviceId
        database.exec('SAVEPOINT before')
        database.prepare('DELETE FROM identity WHERE device_id = ?').run(last)
        assert.ok(first.continuation !== undefined)
        const rest = await page(text, { continuation: first.continuation })
        assert.equal(rest.items.length, 6)
        assert.equal(new Set([...first.items, ...rest.items]).size, 10)
        assert.equal(rest.continuation, undefined)
        database.exec('ROLLBACK TO before; RELEASE before')
      }
    },
  )
})

test('a continuation that was not made for the query is refused, whatever it is', async () => {
  await staged(30, undefined, async ({ queries, page }) => {
    const tagged = where("tags.site IN ['site-1', 'site-2', 'site-3']")
    const grouped = 'SELECT COUNT() FROM devices GROUP BY deviceId'
    const made = async (text: string): Promise<string> => (await page(text, { limit: 1 })).continuation ?? ''
    const tokens = [
      await made('SELECT * FROM devices'),
      await made(tagged),
      await made(grouped),
      await made('SELECT TOP 5 * FROM devices'),
    ]
    const refused = async (text: string, continuation: string): Promise<void> => {
      const outcome = await queries.queryTwins({ query: parseQuery(text), text, limit: 1, continuation })
      assert.equal(outcome.kind, 'bad-continuation', `${text} ${Buffer.from(continuation, 'base64url').toString()}`)
    }
    const texts = ['SELECT * FROM devices', tagged, grouped, 'SELECT TOP 5 * FROM devices']
    for (const [at, text] of texts.entries()) {
      for (const [of, token] of tokens.entries()) if (at !== of) await refused(text, token)
      const token = tokens[at] ?? ''
      const fields = JSON.parse(Buffer.from(token, 'base64url').toString()) as unknown[]
      for (let place = 0; place < fields.length; place += 1) {
        for (const value of [-1, 1.5, 999_999, 'x', null, [], {}, true, 'x'.repeat(200), '\ud800']) {
          const forged = fields.with(place, value)
          if (JSON.stringify(forged) === JSON.stringify(fields)) continue
          const bytes = Buffer.from(JSON.stringify(forged)).toString('base64url')
          // A number of rows, or a key, may be another one of its kind: it leads elsewhere, and no further.
          const outcome = await queries.queryTwins({ query: parseQuery(text), text, limit: 1, continuation: bytes })
          const isOfItsKind = typeof value === typeof fields[place] && typeof value !== 'object'
          assert.ok(outcome.kind === 'bad-continuation' || isOfItsKind, `${text} ${JSON.stringify(forged)}`)
        }
      }
      for (const junk of ['', 'x', `${token}=`, ` ${token}`, token.slice(1), 'W10', 'bnVsbA', 'A'.repeat(5_000)]) {
        await refused(text, junk)
      }
    }
  })
})

test('a page has a bound in bytes, and every twin still comes', async () => {
  const reported = { text: Array.from({ length: 7 }, () => 'z'.repeat(4_000)) }
  await staged(
    300,
    () => ({ tags: { site: 'a' }, reported }),
    async ({ page, ids }) => {
      const { items, continuation } = await page('SELECT * FROM devices', { limit: 1_000 })
      const bytes = items.reduce((sum, item) => sum + Buffer.byteLength(item), 0)
      assert.ok(
        items.length < 300 && bytes <= PAGE_BYTES_MAX && bytes > PAGE_BYTES_MAX - 40_000,
        `${items.length} of ${bytes}`,
      )
      assert.notEqual(continuation, undefined)
      for (const text of ['SELECT * FROM devices', where("tags.site = 'a'")]) {
        assert.equal(new Set(await ids(text, 1_000)).size, 300)
      }
    },
  )
})

test('groups are bounded, in number and in bytes', async () => {
  await staged(
    GROUPS_MAX + 1,
    (index) => ({ tags: { n: index % GROUPS_MAX } }),
    async ({ queries, page }) => {
      const text = 'SELECT COUNT() FROM devices GROUP BY deviceId'
      assert.equal((await queries.queryTwins({ query: parseQuery(text), text, limit: 1 })).kind, 'too-many-groups')
      const fits = 'SELECT tags.n AS n, COUNT() AS count FROM devices GROUP BY tags.n'
      const first = await page(fits, { limit: 1_000 })
      assert.equal(first.items.length, 1_000)
      const top = await page('SELECT TOP 3 tags.n AS n, COUNT() AS count FROM devices GROUP BY tags.n')
      assert.deepEqual([top.items.length, top.continuation], [3, undefined])
    },
  )
  const wide = (index: number): FilledTwin => ({ tags: {}, reported: { text: `${index}${'z'.repeat(30_000)}` } })
  await staged(300, wide, async ({ queries }) => {
    const text = 'SELECT COUNT() FROM devices GROUP BY properties.reported.text'
    assert.equal((await queries.queryTwins({ query: parseQuery(text), text, limit: 1 })).kind, 'too-many-groups')
  })
})

test('while the whole fleet is looked at, others are answered in between', async () => {
  await staged(20_000, undefined, async ({ page }) => {
    for (const text of [where("properties.reported.firmware = 'none'"), 'SELECT COUNT() FROM devices']) {
      let turns = 0
      let isDone = false
      const others = (async (): Promise<void> => {
        for (; !isDone; turns += 1) await new Promise((resolve) => setImmediate(resolve))
      })()
      await page(text)
      isDone = true
      await others
      assert.ok(turns >= 5, `${turns} turns`)
    }
  })
})

test('queries run few at a time, more wait, and one too many is told so', async () => {
  await staged(5, undefined, async ({ queries }) => {
    const text = 'SELECT * FROM devices'
    const query = parseQuery(text)
    const asked = QUERIES_RUNNING_MAX + QUERIES_WAITING_MAX + 2
    const outcomes = await Promise.allSettled(
      Array.from({ length: asked }, () => queries.queryTwins({ query, text, limit: 1 })),
    )
    const refused = outcomes.filter((outcome) => outcome.status === 'rejected')
    assert.equal(refused.length, 2)
    for (const { reason } of refused) assert.ok(reason instanceof StoreUnavailableError && reason.reason === 'busy')
    assert.equal((await queries.queryTwins({ query, text, limit: 1 })).kind, 'page', 'and goes on')
  })
})

test('a list of a thousand ids is one page, and a page has 1 to 1,000 items', async () => {
  await staged(2_000, undefined, async ({ page, queries }) => {
    const list = Array.from({ length: 1_000 }, (_, index) => `'${filledDevice(index * 2)}'`).join()
    assert.equal((await page(where(`deviceId IN [${list}]`), { limit: 1_000 })).items.length, 1_000)
    const text = 'SELECT * FROM devices'
    for (const limit of [0, 1_001, 1.5, Number.NaN]) {
      await assert.rejects(queries.queryTwins({ query: parseQuery(text), text, limit }), TypeError)
    }
  })
})
