import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { timestampOf } from '@holdfast/base'
import { ESCALATION_MS } from './limits.ts'
import { nextOf, overdueOf, type Review, Sampling, signedBy, unsignedOf } from './index.ts'

const day = (text: string) => timestampOf(Date.parse(text))

const REVIEW: Review = {
  id: 'r',
  filter: {},
  seed: 's',
  size: 3,
  first: 0,
  entries: 10,
  openedTime: day('2026-01-01'),
  due: day('2026-01-15'),
  role: 'auditor',
  escalatesTo: 'administrator',
  state: 'open',
  sample: [1, 4, 7],
  signatures: [],
  findings: 0,
}

test('a sample is the lowest of hashes, whatever the order of what is offered, and as anybody computes it', () => {
  const offered = Array.from({ length: 1_000 }, (_, index) => ({ index, type: 'session.opened' }))
  const draw = (entries: typeof offered): readonly number[] => {
    const sampling = new Sampling('seed-1', 25)
    for (const entry of entries) sampling.offer(entry)
    assert.equal(sampling.matching, 1_000)
    return sampling.drawn()
  }
  const expected = offered
    .map(({ index }) => ({ index, rank: createHash('sha256').update(`seed-1:${index}`).digest('hex') }))
    .toSorted((a, b) => (a.rank < b.rank ? -1 : 1))
    .slice(0, 25)
    .map(({ index }) => index)
    .toSorted((a, b) => a - b)
  assert.deepEqual(draw(offered), expected)
  assert.deepEqual(draw(offered.toReversed()), expected)
})

test('half of a sample is of what is dangerous, as far as there is so much, and no place stays empty', () => {
  for (const [dangerous, others, ofDangerous] of [
    [1_000, 1_000, 10],
    [3, 1_000, 3],
    [1_000, 3, 17],
    [2, 2, 2],
  ] as const) {
    const sampling = new Sampling('x', 20)
    for (let at = 0; at < dangerous; at += 1) sampling.offer({ index: at, type: 'policy.created' })
    for (let at = 0; at < others; at += 1) sampling.offer({ index: 10_000 + at, type: 'session.opened' })
    const drawn = sampling.drawn()
    assert.equal(drawn.length, Math.min(20, dangerous + others))
    assert.equal(drawn.filter((index) => index < 10_000).length, ofDangerous)
  }
})

test('a plan comes again at its moment; of the 31st, at the end of shorter months', () => {
  assert.equal(nextOf('weekly', day('2026-01-05'), day('2026-01-05')), day('2026-01-12'))
  assert.equal(nextOf('monthly', day('2026-01-31'), day('2026-01-31')), day('2026-02-28'))
  assert.equal(nextOf('monthly', day('2026-01-31'), day('2026-02-28')), day('2026-03-31'))
  assert.equal(nextOf('quarterly', day('2025-11-30'), day('2026-02-01')), day('2026-02-28'))
  assert.equal(nextOf('yearly', day('2024-02-29'), day('2026-03-01')), day('2027-02-28'))
  assert.equal(nextOf('yearly', day('2030-01-01'), day('2026-03-01')), day('2030-01-01'))
})

test('the next moment is after, is of the plan, and nothing of the plan is between (2,000 seeds)', () => {
  let random = 7
  const next = (below: number): number => {
    random = (random * 48_271) % 2_147_483_647
    return random % below
  }
  for (let turn = 0; turn < 2_000; turn += 1) {
    const anchor = timestampOf(day('2020-01-01') + next(400) * 86_400_000)
    const after = timestampOf(anchor + next(4_000) * 86_400_000)
    for (const cadence of ['weekly', 'monthly', 'quarterly', 'yearly'] as const) {
      const at = nextOf(cadence, anchor, after)
      assert.ok(at > after)
      assert.equal(nextOf(cadence, anchor, timestampOf(at - 1)), at, `${cadence} ${anchor} ${after}`)
    }
  }
})

test('nobody signs for what they did; another does, and then it is complete', () => {
  const actorOf = (index: number): string => (index === 4 ? 'operator/ada' : 'operator/bob')
  const ada = signedBy(REVIEW, { by: 'operator/ada', time: day('2026-01-02'), statement: 'seen' }, actorOf)
  assert.ok(ada !== undefined)
  assert.deepEqual([ada.signed, ada.left, ada.review.state], [2, 1, 'open'])
  assert.deepEqual(unsignedOf(ada.review), [4])
  assert.equal(signedBy(ada.review, { by: 'operator/ada', time: REVIEW.due, statement: '' }, actorOf), undefined)
  const eve = signedBy(ada.review, { by: 'operator/eve', time: day('2026-01-03'), statement: 'seen' }, actorOf)
  assert.deepEqual([eve?.left, eve?.review.state], [0, 'completed'])
})

test('what is overdue is told once, and goes on to the next role once after fourteen days', () => {
  const late = timestampOf(REVIEW.due + 1)
  assert.equal(overdueOf(REVIEW, REVIEW.due), undefined)
  assert.equal(overdueOf(REVIEW, late), 'overdue')
  const told: Review = { ...REVIEW, told: 'overdue' }
  assert.equal(overdueOf(told, timestampOf(REVIEW.due + ESCALATION_MS)), undefined)
  assert.equal(overdueOf(told, timestampOf(REVIEW.due + ESCALATION_MS + 1)), 'escalated')
  assert.equal(overdueOf({ ...REVIEW, told: 'escalated' }, timestampOf(late + 9 * ESCALATION_MS)), undefined)
  assert.equal(overdueOf({ ...REVIEW, state: 'completed' }, late), undefined)
})
