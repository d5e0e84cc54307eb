import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkEvent, eventsOf, type SecurityEvent } from '@holdfast/audit'
import { timestampOf } from '@holdfast/base'
import { entryOf } from '@holdfast/forwarding/testing'
import { countingRandom, ManualClock } from '@holdfast/identity/testing'
import type { LogEntry, ReviewRecord, ReviewStore } from '@holdfast/review'
import { ReviewError, Reviews, type ReviewsParts, type ReviewWish } from './reviews.ts'

const DAY_MS = 86_400_000
const WISH: ReviewWish = { filter: {}, size: 5, dueDays: 14, role: 'auditor', escalatesTo: 'administrator' }
const ada = { actor: 'operator/ada' }

function stage() {
  const clock = new ManualClock()
  const log: LogEntry[] = Array.from({ length: 700 }, (_, index) => entryOf(index))
  const records = new Map<string, ReviewRecord>()
  const events: SecurityEvent[] = []
  const notices = new Map<string, string>()
  const faults: unknown[] = []
  const store: ReviewStore = {
    listReviewRecords: async ({ kind, isOpen, after = '', limit }) =>
      [...records.values()]
        .filter((one) => one.kind === kind && one.id > after && (isOpen === undefined || one.isOpen === isOpen))
        .toSorted((a, b) => (a.id < b.id ? -1 : 1))
        .slice(0, limit),
    readReviewRecord: async (kind, id) => records.get(`${kind}/${id}`),
    changeReviewRecords: async ({ put, remove }, because) => {
      for (const record of put) records.set(`${record.kind}/${record.id}`, record)
      for (const { kind, id } of remove) records.delete(`${kind}/${id}`)
      for (const event of eventsOf(because)) {
        checkEvent(event)
        events.push(event)
      }
    },
  }
  const random = countingRandom()
  const parts: ReviewsParts = {
    clock,
    random: (bytes) => Uint8Array.from(random(bytes)),
    store,
    reader: {
      readEntries: async (from, limit) => log.slice(from, from + limit),
      readSize: async () => log.length,
    },
    setNotice: (code, notice) => (notice === undefined ? notices.delete(code) : notices.set(code, notice.detail)),
    fault: (error) => faults.push(error),
  }
  const types = (): readonly string[] => events.map(({ type }) => type)
  return { clock, log, events, notices, faults, parts, reviews: new Reviews(parts), types }
}

async function drawn(reviews: Reviews, id: string) {
  for (let turn = 0; turn < 100; turn += 1) {
    const review = await reviews.show(id)
    if (review.state !== 'drawing') return review
    await new Promise((resolve) => setImmediate(resolve))
  }
  return assert.fail('not drawn')
}

test('the seed is in the log before the draw, and what is drawn stays', async () => {
  const { reviews, types, log, events } = stage()
  const { id } = await reviews.start({ ...WISH, first: 0 }, ada)
  const review = await drawn(reviews, id)
  assert.deepEqual(types(), ['review.opened', 'review.drawn'])
  assert.equal(review.sample.length, 5)
  assert.equal(events[1]?.detail['matching'], 700)
  log.push(entryOf(700))
  await reviews.upkeep()
  assert.deepEqual((await reviews.show(id)).sample, review.sample)
})

test('a draw that a stop broke off is drawn after the next start, to the same sample', async () => {
  const { reviews, parts } = stage()
  const { id } = await reviews.start({ ...WISH, first: 0 }, ada)
  const expected = (await drawn(reviews, id)).sample
  const other = stage()
  const { id: again } = await other.reviews.start({ ...WISH, first: 0 }, ada)
  await other.reviews.end()
  const next = new Reviews(other.parts)
  await next.upkeep()
  assert.deepEqual((await drawn(next, again)).sample, expected)
  assert.ok(parts.clock.wall() > 0)
})

test('a review is signed by who did none of it; of what they did, by another', async () => {
  const { reviews, log, types } = stage()
  log.splice(0)
  for (let index = 0; index < 4; index += 1) {
    const body = { subject: 'hub', actor: index === 2 ? ada.actor : 'operator/bob', detail: {} }
    log.push({ ...entryOf(index), body })
  }
  const { id } = await reviews.start({ ...WISH, first: 0 }, ada)
  await drawn(reviews, id)
  const first = await reviews.sign(id, { ...ada, statement: 'seen' })
  assert.deepEqual([first.signed, first.left, first.review.state], [3, 1, 'open'])
  await assert.rejects(reviews.sign(id, { ...ada, statement: 'again' }), isRefusal('nothing-to-sign'))
  const second = await reviews.sign(id, { actor: 'operator/eve', statement: 'seen' })
  assert.deepEqual([second.left, second.review.state], [0, 'completed'])
  assert.deepEqual(types().slice(-3), ['review.signed', 'review.signed', 'review.completed'])
  await assert.rejects(reviews.sign(id, { actor: 'operator/eve', statement: 'x' }), isRefusal('not-open'))
})

function isRefusal(code: string) {
  return (error: unknown): boolean => error instanceof ReviewError && error.code === code
}

test('a plan opens one review a turn, of what came since the last, also after the hub stood still', async () => {
  const { reviews, clock, log } = stage()
  const wish = { ...WISH, every: 'monthly' as const, anchor: clock.wall() }
  await reviews.savePlan('access', wish, { ...ada, etag: undefined })
  await reviews.upkeep()
  assert.equal((await reviews.list({ limit: 10 })).length, 0)
  for (let index = 700; index < 710; index += 1) log.push(entryOf(index))
  clock.advance(95 * DAY_MS)
  await reviews.upkeep()
  await reviews.upkeep()
  const [review, ...others] = await reviews.list({ limit: 10 })
  assert.equal(others.length, 0)
  assert.deepEqual([review?.plan, review?.first, review?.entries], ['access', 700, 710])
  const plan = await reviews.plan('access')
  assert.ok(plan !== undefined && plan.nextTime > clock.wall() && plan.nextEntry === 710)
})

test('what is overdue is told once, shown, and goes on to the next role after fourteen days', async () => {
  const { reviews, clock, types, notices } = stage()
  const { id } = await reviews.start({ ...WISH, first: 0 }, ada)
  await drawn(reviews, id)
  clock.advance(14 * DAY_MS + 1)
  for (let turn = 0; turn < 3; turn += 1) await reviews.upkeep()
  assert.deepEqual(types().slice(2), ['review.overdue'])
  assert.match(notices.get('reviews-overdue') ?? '', /on auditor$/)
  clock.advance(14 * DAY_MS)
  for (let turn = 0; turn < 3; turn += 1) await reviews.upkeep()
  assert.deepEqual(types().slice(2), ['review.overdue', 'review.escalated'])
  assert.match(notices.get('reviews-overdue') ?? '', /on administrator$/)
  await reviews.sign(id, { actor: 'operator/eve', statement: 'late, but seen' })
  await reviews.upkeep()
  assert.equal(notices.size, 0)
})

test('a finding has an owner and an end, is told when that is over, and is closed once', async () => {
  const { reviews, clock, types, notices } = stage()
  const { id } = await reviews.start({ ...WISH, first: 0 }, ada)
  const review = await drawn(reviews, id)
  const found = { text: 'no ticket', owner: 'operator/bob', until: timestampOf(clock.wall() + DAY_MS) }
  await assert.rejects(reviews.openFinding(id, { ...found, entry: 100_000 }, ada), isRefusal('entry-not-in-sample'))
  const finding = await reviews.openFinding(id, { ...found, entry: review.sample[0] ?? 0 }, ada)
  clock.advance(DAY_MS + 1)
  await reviews.upkeep()
  await reviews.upkeep()
  assert.match(notices.get('reviews-overdue') ?? '', /operator\/bob/)
  await reviews.closeFinding(finding.id, { actor: 'operator/bob', note: 'done' })
  await assert.rejects(reviews.closeFinding(finding.id, { ...ada, note: 'done' }), isRefusal('already-closed'))
  assert.deepEqual(types().slice(2), ['finding.opened', 'finding.overdue', 'finding.closed'])
  assert.equal(notices.size, 0)
})

test('a view changes only as the version that whoever changes it has seen', async () => {
  const { reviews } = stage()
  const one = await reviews.saveView('odd', { types: ['session.refused'] }, { ...ada, etag: undefined })
  const two = await reviews.saveView('odd', {}, { ...ada, etag: one.etag })
  await assert.rejects(reviews.saveView('odd', {}, { ...ada, etag: one.etag }), isRefusal('etag-mismatch'))
  await assert.rejects(reviews.removeView('odd', { ...ada, etag: one.etag }), isRefusal('etag-mismatch'))
  await reviews.removeView('odd', { ...ada, etag: two.etag })
  assert.deepEqual(await reviews.views(), [])
})
