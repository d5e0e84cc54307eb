import assert from 'node:assert/strict'
import { test } from 'node:test'
import { timestampOf } from '@holdfast/base'
import { ANSWER_LIFE_MS, type Reservation, SqlIdempotency } from './idempotency.ts'
import { openStateDatabase } from './open-database.ts'
import { withFile, withStore } from './testing.ts'
import { WriteGroup } from './write-group.ts'

const START = timestampOf(1_000)
const asked = (id: string, more: Partial<Reservation> = {}): Reservation => ({
  id,
  caller: 'c',
  digest: 'd',
  at: START,
  ...more,
})

test('an answer is kept for whoever asks the same again, for a day', async () => {
  await withStore(async ({ idempotency }) => {
    assert.deepEqual(await idempotency.reserveAnswer(asked('a')), { kind: 'reserved' })
    assert.deepEqual(await idempotency.reserveAnswer(asked('a')), { kind: 'known', digest: 'd' }, 'not answered yet')
    const answer = { status: 201, etag: 'e', body: '{"x":1}' }
    await idempotency.keepAnswer('a', answer)
    const last = timestampOf(START + ANSWER_LIFE_MS - 1)
    const again = await idempotency.reserveAnswer(asked('a', { digest: 'other', at: last }))
    assert.deepEqual(again, { kind: 'known', digest: 'd', answer })
    const over = timestampOf(START + ANSWER_LIFE_MS)
    assert.deepEqual(await idempotency.reserveAnswer(asked('a', { at: over })), { kind: 'reserved' })
  })
})

test('what was not done may be asked again', async () => {
  await withStore(async ({ idempotency }) => {
    await idempotency.reserveAnswer(asked('a'))
    await idempotency.releaseAnswer('a')
    assert.deepEqual(await idempotency.reserveAnswer(asked('a', { digest: 'other' })), { kind: 'reserved' })
  })
})

test('an answer of nothing is an answer', async () => {
  await withStore(async ({ idempotency }) => {
    await idempotency.reserveAnswer(asked('a'))
    await idempotency.keepAnswer('a', { status: 204, body: '' })
    const again = await idempotency.reserveAnswer(asked('a'))
    assert.deepEqual(again, { kind: 'known', digest: 'd', answer: { status: 204, body: '' } })
  })
})

test('no caller takes the room of others, and all together have an end', async () => {
  await withFile(async (file) => {
    const { db } = await openStateDatabase(file)
    const answers = new SqlIdempotency(new WriteGroup(db, async () => () => {}), 3, 2)
    const reserve = async (id: string, caller: string) => (await answers.reserveAnswer(asked(id, { caller }))).kind
    assert.deepEqual(
      [await reserve('1', 'a'), await reserve('2', 'a'), await reserve('3', 'a')],
      ['reserved', 'reserved', 'full'],
    )
    assert.equal(await reserve('1', 'a'), 'known', 'what is kept is still answered')
    assert.deepEqual([await reserve('4', 'b'), await reserve('5', 'b')], ['reserved', 'full'])
    await answers.releaseAnswer('1')
    assert.equal(await reserve('5', 'b'), 'reserved')
    await db.destroy()
  })
})
