import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Metrics } from '@holdfast/telemetry/metrics'
import type { Operation } from '@holdfast/throttling'
import type { FrontStatistics } from '../front-thread.ts'
import { NO_PROGRESS, Statistics } from './statistics.ts'

function world() {
  let now = 0
  const desk = { opened: 0, refused: 0, turnedAway: 0 }
  const throttled = new Map<Operation, number>()
  const statistics = new Statistics({
    monotonic: () => now,
    connected: () => 3,
    desk: () => desk,
    throttling: () => ({
      refused: throttled,
      refusedInAll: [...throttled.values()].reduce((sum, one) => sum + one, 0),
    }),
    methods: () => ({ counters: { invoked: 9, answered: 8, busy: 0, strayAnswers: 1 }, pending: 1 }),
  })
  return {
    desk,
    throttled,
    statistics,
    stored: (messages: number) => statistics.progressed({ ...NO_PROGRESS, messages, nextSequences: [messages, 5] }),
    /** A second goes by; then the fronts are asked. */
    second: () => {
      now += 1_000
      statistics.sample([])
    },
  }
}

const FRONT: FrontStatistics = {
  opened: 1,
  turnedAway: 0,
  messages: 10,
  messageBytes: 100,
  appends: 1,
  commits: 1,
  pauses: 2,
  connections: 1,
  pendingBytes: 7,
}

test('rates are those of the last five seconds', () => {
  const { statistics, stored, second } = world()
  second()
  assert.equal(statistics.messagesPerSecond, 0)
  for (let at = 1; at <= 4; at++) {
    stored(at * 100)
    second()
  }
  assert.equal(statistics.messagesPerSecond, 100)
  for (let at = 0; at < 6; at++) second()
  assert.equal(statistics.messagesPerSecond, 0)
})

test('a rate is not made of two moments that are the same', () => {
  const { statistics, stored } = world()
  statistics.sample([])
  stored(1_000)
  assert.equal(statistics.messagesPerSecond, 0)
})

test('refused are sessions refused and connections turned away', () => {
  const { desk, statistics, second } = world()
  second()
  desk.refused = 6
  desk.turnedAway = 4
  second()
  assert.deepEqual(statistics.refused, { total: 10, perSecond: 10 })
})

test('throttled requests are counted by operation', () => {
  const { throttled, statistics, second } = world()
  assert.deepEqual(statistics.throttled, { total: 0, perSecond: 0, operations: {} })
  second()
  throttled.set('query', 3).set('method', 1)
  second()
  assert.deepEqual(statistics.throttled, { total: 4, perSecond: 4, operations: { query: 3, method: 1 } })
})

test('stored is what all partitions have ever taken, over restarts', () => {
  const { statistics, stored } = world()
  stored(7)
  assert.equal(statistics.stored, 12)
  assert.equal(statistics.progress.messages, 7)
})

test('metrics sum over the fronts, and read the numbers of now', async () => {
  const { desk, statistics, stored } = world()
  const metrics = new Metrics()
  statistics.register(metrics)
  statistics.sample([FRONT, FRONT])
  desk.opened = 9
  stored(41)
  const text = await metrics.render()
  for (const line of [
    'holdfast_connections 3',
    'holdfast_sessions_opened_total 9',
    'holdfast_messages_received_total 20',
    'holdfast_message_bytes_received_total 200',
    'holdfast_backpressure_pauses_total 4',
    'holdfast_messages_stored_total 41',
    'holdfast_pending_bytes 14',
  ]) {
    assert.ok(text.split('\n').includes(line), line)
  }
})
