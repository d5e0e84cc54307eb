import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { QueryOutcome, QueryRequest } from '@holdfast/store'
import { codeOf, hubStage } from '../../testing/hub-stage.ts'

/** A hub whose store answers with `outcome`, and what it was asked. */
async function stage(outcome: QueryOutcome | Error) {
  const asked: QueryRequest[] = []
  const hub = await hubStage({
    queries: {
      queryTwins: async (request) => {
        asked.push(request)
        if (outcome instanceof Error) throw outcome
        return outcome
      },
    },
  })
  const ask = (body: unknown, headers: Readonly<Record<string, string>> = {}) =>
    hub.local('POST', '/devices/query', body, headers)
  return { hub, ask, asked }
}

const ALL = { query: 'SELECT * FROM devices' }
const page = (items: readonly string[], continuation?: string): QueryOutcome => ({
  kind: 'page',
  itemType: 'twin',
  items,
  ...(continuation === undefined ? {} : { continuation }),
})

test('a page is an array of documents, and says of what and how to go on', async () => {
  const { ask, asked } = await stage(page(['{"deviceId":"a"}', '{"deviceId":"b"}'], 'next'))
  const answer = await ask(ALL, { 'x-ms-max-item-count': '2', 'x-ms-continuation': 'from' })
  assert.deepEqual(answer.body, [{ deviceId: 'a' }, { deviceId: 'b' }])
  assert.equal(answer.headers.get('x-ms-item-type'), 'twin')
  assert.equal(answer.headers.get('x-ms-continuation'), 'next')
  assert.match(answer.headers.get('content-type') ?? '', /^application\/json/)
  const [{ text, limit, continuation } = assert.fail()] = asked
  assert.deepEqual([text, limit, continuation], [ALL.query, 2, 'from'])
})

test('a page has 100 items unless asked, and never more than 1,000', async () => {
  const { ask, asked } = await stage(page([]))
  for (const size of [undefined, '0', '1000', '1001', '999999999']) {
    const answer = await ask(ALL, size === undefined ? {} : { 'x-ms-max-item-count': size })
    assert.deepEqual(answer.body, [])
    assert.equal(answer.headers.has('x-ms-continuation'), false)
  }
  await ask(ALL, { 'x-ms-continuation': '' })
  assert.deepEqual(
    asked.map(({ limit }) => limit),
    [100, 100, 1_000, 1_000, 1_000, 100],
  )
  assert.ok(asked.every((request) => !('continuation' in request)))
})

test('what the store refuses, and what is wrong with the query, is the argument that is invalid', async () => {
  for (const kind of ['bad-continuation', 'too-many-groups'] as const) {
    const answer = await (await stage({ kind })).ask(ALL)
    assert.deepEqual([answer.status, codeOf(answer)], [400, 'ArgumentInvalid'])
  }
  const { ask, asked } = await stage(page([]))
  const wrong = await ask({ query: 'SELECT * FROM nothing' })
  assert.deepEqual([wrong.status, codeOf(wrong)], [400, 'ArgumentInvalid'])
  assert.match(JSON.stringify(wrong.body), /line 1, column 15: found 'nothing', expected devices or devices\.modules/)
  for (const body of [{}, { query: 1 }, [], 'x']) {
    assert.equal((await ask(body)).status, 400, JSON.stringify(body))
  }
  const long = await ask({ query: 'x'.repeat(600_000) })
  assert.deepEqual([long.status, codeOf(long)], [413, 'MessageTooLarge'])
  assert.equal(asked.length, 0)
})

test('a store that is busy is 503, and clients try again', async () => {
  const busy = Object.assign(new Error('busy'), { name: 'StoreUnavailableError', code: 'STORE_UNAVAILABLE' })
  const answer = await (await stage(busy)).ask(ALL)
  assert.deepEqual([answer.status, codeOf(answer)], [503, 'ServiceUnavailable'])
  assert.ok(answer.headers.has('retry-after'))
})

test('only who may read the registry may ask', async () => {
  const { hub } = await stage(page([]))
  assert.equal((await hub.service('registryRead', 'POST', '/devices/query', ALL)).status, 200)
  assert.equal((await hub.service('device', 'POST', '/devices/query', ALL)).status, 401)
})
