import assert from 'node:assert/strict'
import { test } from 'node:test'
import { timestampOf } from '@holdfast/base'
import { StaleQueue } from './stale-queue.ts'

test('gives each device once, when its time has come, and the last setting counts', () => {
  const queue = new StaleQueue(timestampOf(0))
  queue.set('a', 1_500)
  queue.set('b', 2_000)
  queue.set('c', 2_000)
  queue.set('c', 9_000)
  queue.clear('b')
  assert.deepEqual(queue.due(timestampOf(1_000)), [])
  assert.deepEqual(queue.due(timestampOf(2_000)), ['a'])
  assert.deepEqual(queue.due(timestampOf(8_999)), [])
  assert.deepEqual(queue.due(timestampOf(9_000)), ['c'])
})

test('what is due already is given with the next tick, and a long sleep gives all of it in order', () => {
  const queue = new StaleQueue(timestampOf(10_000))
  queue.set('late', 3_000)
  assert.deepEqual(queue.due(timestampOf(10_500)), [])
  assert.deepEqual(queue.due(timestampOf(11_000)), ['late'])
  for (const [at, device] of ['x', 'y', 'z'].entries()) queue.set(device, 20_000 - at * 2_000)
  assert.deepEqual(queue.due(timestampOf(900_000_000)), ['z', 'y', 'x'])
  // A clock that goes back gives nothing twice.
  assert.deepEqual(queue.due(timestampOf(0)), [])
})
