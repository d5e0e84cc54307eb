import assert from 'node:assert/strict'
import { test } from 'node:test'
import { instantOf } from '@holdfast/base'
import type { LogEntry } from '@holdfast/review'
import { backOffMs, Delivery, type DeliveryOutput, retryAfterMs } from './index.ts'
import { checkSimulation, entryOf, simulate } from './testing/index.ts'

const NOW = instantOf(1_000)
const everything = { cursor: 0, setAside: 0, matches: () => true, chance: () => 0.5 }
const entries = (from: number, count: number): LogEntry[] =>
  Array.from({ length: count }, (_, at) => entryOf(from + at))
const indexes = (outputs: readonly DeliveryOutput[]): unknown =>
  outputs.map((it) => (it.kind === 'deliver' ? it.entries.map(({ index }) => index) : it))

test('whatever fails and crashes, everything arrives at least once, in order', () => {
  let [crashes, aside, attempts] = [0, 0, 0]
  for (let seed = 1; seed <= 150; seed += 1) {
    const result = simulate(seed, { entries: 400, troubles: (seed % 5) / 10 })
    checkSimulation(seed, result)
    crashes += result.crashes
    aside += result.setAside.length
    attempts += result.attempts
  }
  assert.ok(
    crashes > 300 && aside > 300 && attempts > 3_000,
    `${crashes} crashes, ${aside} aside, ${attempts} attempts`,
  )
})

test('the cursor moves when the receiver has taken a batch, and that is written down', () => {
  const delivery = new Delivery(everything)
  assert.deepEqual(delivery.handle({ kind: 'grown' }, NOW), [{ kind: 'read', from: 0, limit: 500 }])
  const batch = delivery.handle({ kind: 'entries', entries: entries(0, 150) }, NOW)
  assert.equal(batch[0]?.kind === 'deliver' && batch[0].entries.length, 100, 'a batch is bounded')
  assert.equal(delivery.cursor, 0)
  const outputs = delivery.handle({ kind: 'outcome', outcome: { kind: 'taken' } }, NOW)
  assert.deepEqual(outputs, [{ kind: 'save', cursor: 100 }])
  assert.equal(delivery.cursor, 0)
  assert.deepEqual(delivery.handle({ kind: 'saved' }, NOW), [{ kind: 'read', from: 100, limit: 500 }])
  assert.equal(delivery.cursor, 100)
})

test('what the filter passes over is not sent, and does not hold up what follows', () => {
  const delivery = new Delivery({ ...everything, matches: ({ index }) => index >= 600 })
  delivery.handle({ kind: 'grown' }, NOW)
  assert.deepEqual(delivery.handle({ kind: 'entries', entries: entries(0, 500) }, NOW), [
    { kind: 'read', from: 500, limit: 500 },
  ])
  assert.deepEqual(indexes(delivery.handle({ kind: 'entries', entries: entries(500, 102) }, NOW)), [[600, 601]])
})

test('a failing receiver is tried more and more rarely, told once, and told again when it recovers', () => {
  const delivery = new Delivery(everything)
  delivery.handle({ kind: 'grown' }, NOW)
  delivery.handle({ kind: 'entries', entries: entries(0, 2) }, NOW)
  let now = NOW
  const waits: number[] = []
  const told: string[] = []
  for (let attempt = 0; attempt < 12; attempt += 1) {
    const outcome = { kind: 'failed', reason: 'HTTP 503', retryAfterMs: 0 } as const
    for (const output of delivery.handle({ kind: 'outcome', outcome }, now)) told.push(output.kind)
    assert.ok(delivery.deadline !== undefined)
    waits.push(delivery.deadline - now)
    assert.deepEqual(delivery.handle({ kind: 'grown' }, now), [], 'new entries do not hurry it')
    now = delivery.deadline
    assert.deepEqual(indexes(delivery.handle({ kind: 'tick' }, now)), [[0, 1]])
  }
  assert.deepEqual(waits.slice(0, 4), [750, 1_500, 3_000, 6_000])
  assert.equal(waits.at(-1), 225_000)
  assert.deepEqual(told, ['failing'])
  assert.ok(delivery.isFailing)
  delivery.handle({ kind: 'outcome', outcome: { kind: 'taken' } }, now)
  assert.deepEqual(delivery.handle({ kind: 'saved' }, now)[0], { kind: 'recovered' })
  assert.deepEqual([delivery.isFailing, delivery.failures], [false, 0])
})

test('an entry that is refused for good is found by halves, tried again, and set aside alone', () => {
  const delivery = new Delivery(everything)
  let now = NOW
  let outputs = delivery.handle({ kind: 'grown' }, now)
  const taken: number[] = []
  const aside: unknown[] = []
  let at = 0
  for (let step = 0; step < 60 && at < 8; step += 1) {
    const [output] = outputs
    if (output?.kind === 'read')
      outputs = delivery.handle({ kind: 'entries', entries: entries(output.from, 8 - output.from) }, now)
    else if (output?.kind === 'deliver') {
      const isBad = output.entries.some(({ index }) => index === 5)
      if (!isBad) taken.push(...output.entries.map(({ index }) => index))
      const outcome = isBad ? ({ kind: 'refused', reason: 'HTTP 400' } as const) : ({ kind: 'taken' } as const)
      outputs = delivery.handle({ kind: 'outcome', outcome }, now)
    } else if (output?.kind === 'save') {
      at = output.cursor
      if (output.setAside !== undefined) aside.push(output.setAside)
      outputs = delivery.handle({ kind: 'saved' }, now)
    } else {
      now = delivery.deadline ?? now
      outputs = delivery.handle({ kind: 'tick' }, now)
    }
  }
  assert.deepEqual(taken, [0, 1, 2, 3, 4, 6, 7])
  assert.deepEqual(aside, [{ first: 5, last: 5, count: 1, reason: 'HTTP 400' }])
})

test('a receiver that refuses everything is held once enough is set aside, and never passed over in silence', () => {
  const delivery = new Delivery({ ...everything, setAside: 1_000 })
  delivery.handle({ kind: 'grown' }, NOW)
  delivery.handle({ kind: 'entries', entries: entries(0, 1) }, NOW)
  let now = NOW
  for (let attempt = 0; attempt < 20; attempt += 1) {
    const outputs = delivery.handle({ kind: 'outcome', outcome: { kind: 'refused', reason: 'HTTP 400' } }, now)
    assert.ok(outputs.every(({ kind }) => kind === 'failing'))
    now = delivery.deadline ?? now
    delivery.handle({ kind: 'tick' }, now)
  }
  assert.deepEqual([delivery.cursor, delivery.isHeld, delivery.isFailing], [0, true, true])
  delivery.released(0)
  const outputs = delivery.handle({ kind: 'outcome', outcome: { kind: 'refused', reason: 'HTTP 400' } }, now)
  assert.equal(outputs[0]?.kind, 'save')
})

test('OTLP: what is taken in part is not sent again, and what was refused of it is set aside as told', () => {
  const delivery = new Delivery(everything)
  delivery.handle({ kind: 'grown' }, NOW)
  delivery.handle({ kind: 'entries', entries: entries(0, 9) }, NOW)
  const outcome = { kind: 'partly', refused: 2, reason: 'too old' } as const
  assert.deepEqual(delivery.handle({ kind: 'outcome', outcome }, NOW), [
    { kind: 'save', cursor: 9, setAside: { first: 0, last: 8, count: 2, reason: 'too old' } },
  ])
})

test('a disk that does not answer is asked again, and nothing is sent again for it', () => {
  const delivery = new Delivery(everything)
  delivery.handle({ kind: 'grown' }, NOW)
  delivery.handle({ kind: 'entries', entries: entries(0, 3) }, NOW)
  delivery.handle({ kind: 'outcome', outcome: { kind: 'taken' } }, NOW)
  assert.deepEqual(delivery.handle({ kind: 'unavailable' }, NOW), [])
  assert.deepEqual(delivery.handle({ kind: 'tick' }, delivery.deadline ?? NOW), [{ kind: 'save', cursor: 3 }])
})

test('a gap in what was read is a bug, not something to go on with', () => {
  const delivery = new Delivery(everything)
  delivery.handle({ kind: 'grown' }, NOW)
  assert.throws(() => delivery.handle({ kind: 'entries', entries: [entryOf(0), entryOf(2)] }, NOW), TypeError)
  assert.throws(() => new Delivery(everything).handle({ kind: 'saved' }, NOW), TypeError)
})

test('a wish of the receiver holds where it is longer, and is bounded', () => {
  assert.equal(backOffMs(1, 0, 7_000), 7_000)
  assert.equal(backOffMs(1, 0, 99_999_999_999), 3_600_000)
  assert.equal(backOffMs(10_000, 1), 300_000)
  const wall = Date.UTC(2026, 10, 25, 5, 0, 0)
  assert.equal(retryAfterMs('120', wall), 120_000)
  assert.equal(retryAfterMs('Wed, 25 Nov 2026 05:00:30 GMT', wall), 30_000)
  assert.equal(retryAfterMs('Wed, 25 Nov 2026 04:00:30 GMT', wall), 0)
  for (const text of [undefined, '', '-1', '1e3', 'soon', '999999999999']) assert.equal(retryAfterMs(text, wall), 0)
})
