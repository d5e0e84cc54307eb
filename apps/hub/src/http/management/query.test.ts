import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { QueryOutcome, QueryRequest } from '@holdfast/store'
import { stage } from '../../testing/management-stage.ts'

async function asking(outcome: QueryOutcome) {
  const asked: QueryRequest[] = []
  const { send, request } = await stage({
    queries: {
      queryTwins: async (one) => {
        asked.push(one)
        return outcome
      },
    },
  })
  const ask = async (body: object): Promise<{ status: number; body: Record<string, unknown> }> => {
    const response = await send(request('POST', '/query', body))
    return { status: response.status, body: (await response.json()) as Record<string, unknown> }
  }
  return { ask, asked }
}

const query = 'SELECT * FROM devices'

test('a page of a query, and how to go on', async () => {
  const { ask, asked } = await asking({
    kind: 'page',
    itemType: 'twin',
    items: ['{"deviceId":"a"}'],
    continuation: 'c"',
  })
  const { status, body } = await ask({ query, limit: 5, continuation: 'from' })
  assert.equal(status, 200)
  assert.deepEqual(body, { items: [{ deviceId: 'a' }], continuation: 'c"' })
  assert.deepEqual(
    asked.map(({ text, limit, continuation }) => [text, limit, continuation]),
    [[query, 5, 'from']],
  )
  const last = await asking({ kind: 'page', itemType: 'raw', items: [] })
  assert.deepEqual((await last.ask({ query })).body, { items: [] })
  assert.equal(last.asked[0]?.limit, 100)
})

test('a wrong query is told with its place and what was expected there', async () => {
  const { ask, asked } = await asking({ kind: 'page', itemType: 'raw', items: [] })
  const { status, body } = await ask({ query: 'SELECT *\nFROM x' })
  assert.deepEqual(
    [status, body.code, body.title, body.detail],
    [400, 'bad-query', 'the query is wrong at line 2, column 6', "found 'x', expected devices or devices.modules"],
  )
  for (const wrong of [
    {},
    { query: '' },
    { query, limit: 0 },
    { query, limit: 1_001 },
    { query, more: 1 },
    { query, continuation: '' },
  ]) {
    assert.equal((await ask(wrong)).status, 400, JSON.stringify(wrong))
  }
  assert.equal(asked.length, 0)
})

test('what the store refuses is a bad query too', async () => {
  for (const kind of ['bad-continuation', 'too-many-groups'] as const) {
    const { status, body } = await (await asking({ kind })).ask({ query })
    assert.deepEqual([status, body.code], [400, 'bad-query'])
  }
})
