import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Histogram } from './index.ts'
import { Metrics } from './metrics.ts'

test('counters, gauges and histograms are read when they are asked for', async () => {
  const metrics = new Metrics()
  let stored = 1
  const refused = { 'bad-signature': 2, expired: 0 }
  metrics.counter('holdfast_messages_stored_total', 'Messages on disk.', () => stored)
  metrics.counter('holdfast_connections_refused_total', 'Connections refused.', () =>
    Object.entries(refused).map(([reason, value]) => ({ value, labels: { reason } })),
  )
  metrics.gauge('holdfast_sessions', 'Open sessions.', () => 7)
  const waits = new Histogram([0.001, 0.01])
  metrics.histogram('holdfast_commit_seconds', 'Time of a commit.', waits.boundaries, () => waits.counts())
  stored = 41
  waits.record(0.001)
  waits.record(0.002)
  waits.record(5)
  assert.equal(
    await metrics.render(),
    `# HELP holdfast_messages_stored_total Messages on disk.
# TYPE holdfast_messages_stored_total counter
holdfast_messages_stored_total 41
# HELP holdfast_connections_refused_total Connections refused.
# TYPE holdfast_connections_refused_total counter
holdfast_connections_refused_total{reason="bad-signature"} 2
holdfast_connections_refused_total{reason="expired"} 0
# HELP holdfast_sessions Open sessions.
# TYPE holdfast_sessions gauge
holdfast_sessions 7
# HELP holdfast_commit_seconds Time of a commit.
# TYPE holdfast_commit_seconds histogram
holdfast_commit_seconds_count 3
holdfast_commit_seconds_sum 5.003
holdfast_commit_seconds_bucket{le="0.001"} 1
holdfast_commit_seconds_bucket{le="0.01"} 2
holdfast_commit_seconds_bucket{le="+Inf"} 3
`,
  )
  stored = 42
  assert.match(await metrics.render(), /^holdfast_messages_stored_total 42$/m)
})

test('a metric that cannot be read is told and left out, the others are shown', async () => {
  const faults: string[] = []
  const metrics = new Metrics((name) => faults.push(name))
  metrics.gauge('holdfast_broken', 'Broken.', () => {
    throw new Error('no')
  })
  metrics.gauge('holdfast_odd', 'Not a number.', () => Number.NaN)
  metrics.gauge('holdfast_whole', 'Whole.', () => 1)
  const text = await metrics.render()
  assert.match(text, /^holdfast_whole 1$/m)
  assert.doesNotMatch(text, /^holdfast_(broken|odd) /m)
  assert.deepEqual(faults, ['holdfast_broken'])
})

test('label values cannot break out of their line', async () => {
  const metrics = new Metrics()
  metrics.gauge('holdfast_labels', 'Labels.', () => [{ value: 1, labels: { reason: 'a"} 2\nholdfast_fake 9\\' } }])
  const text = await metrics.render()
  assert.match(text, /^holdfast_labels\{reason="a\\"\} 2\\nholdfast_fake 9\\\\"\} 1$/m)
  assert.doesNotMatch(text, /^holdfast_fake/m)
})

test('label sets are bounded', async () => {
  const metrics = new Metrics()
  metrics.gauge('holdfast_flood', 'Flood.', () =>
    Array.from({ length: 50_000 }, (_, i) => ({ value: i, labels: { id: String(i) } })),
  )
  assert.ok((await metrics.render()).split('\n').length < 1_100)
})

test('names are ours, whole and given once', () => {
  const metrics = new Metrics()
  metrics.gauge('holdfast_sessions', 'x', () => 1)
  for (const name of [
    'holdfast_sessions',
    'sessions',
    'holdfast_',
    'holdfast_Sessions',
    'holdfast_a b',
    'holdfast_a_',
  ]) {
    assert.throws(() => metrics.gauge(name, 'x', () => 1), TypeError)
  }
  assert.throws(() => metrics.counter('holdfast_messages', 'x', () => 1), TypeError)
  assert.throws(() => metrics.histogram('holdfast_h', 'x', [2, 1], () => []), TypeError)
})

test('histograms of several threads add up', () => {
  const sum = new Histogram([1, 2])
  const one = new Histogram([1, 2])
  one.record(0.5)
  one.record(3)
  sum.add(one.counts())
  sum.add(one.counts())
  assert.deepEqual(sum.counts(), { counts: [2, 0, 2], sum: 7 })
  assert.throws(() => sum.add({ counts: [1], sum: 1 }), TypeError)
})

test('without metrics the text is a comment', async () => {
  assert.match(await new Metrics().render(), /^#.*\n$/)
})
