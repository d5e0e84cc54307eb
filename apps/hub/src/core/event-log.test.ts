import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SecurityEvent } from '@holdfast/audit'
import { timestampOf } from '@holdfast/base'
import { standingClock } from '@holdfast/keys/testing'
import { EventLog } from './event-log.ts'

function event(at: number): SecurityEvent {
  return { type: 'session.opened', at: timestampOf(at), subject: 'device/d', actor: 'device/d', detail: {} }
}

function world() {
  const written: SecurityEvent[] = []
  const clock = standingClock()
  return { written, clock, log: new EventLog((it) => written.push(it), clock) }
}

test('every event is written, remembered, and told to who follows, in order', () => {
  const { written, log } = world()
  const followed: SecurityEvent[] = []
  const stop = log.subscribe((it) => followed.push(it))
  for (const at of [1, 2]) log.sink(event(at))
  stop()
  log.sink(event(3))
  assert.deepEqual(written, [event(1), event(2), event(3)])
  assert.deepEqual(log.recent(10), written)
  assert.deepEqual(followed, [event(1), event(2)])
})

test('the newest are given, the oldest of them first', () => {
  const { log } = world()
  for (const at of [1, 2, 3]) log.sink(event(at))
  assert.deepEqual(log.recent(2), [event(2), event(3)])
  assert.deepEqual(log.recent(0), [])
})

test('a flood of events is remembered up to a bound, and none of the newest is missing', () => {
  const { log } = world()
  for (let at = 0; at < 10_000; at++) log.sink(event(at))
  const recent = log.recent(100_000)
  assert.equal(recent.length, 1_000)
  assert.deepEqual([recent[0], recent.at(-1)], [event(9_000), event(9_999)])
})

test('what peers cause at will is summarised, and its count is told wherever single events are', () => {
  const { written, log } = world()
  for (let at = 0; at < 500; at++) log.throttled(event(at))
  const few = written.length
  assert.ok(few < 10, String(few))
  log.flush()
  assert.equal(written.length, few + 1)
  assert.equal(written.at(-1)?.detail['repeated'], 500 - few)
  assert.deepEqual(log.recent(100), written)
})

test('a source that was quiet for long is told at once again', () => {
  const { written, clock, log } = world()
  for (let at = 0; at < 500; at++) log.throttled(event(at))
  log.flush()
  written.length = 0
  clock.advance(60_000)
  log.throttled(event(1))
  assert.deepEqual(written, [event(1)])
})

test('who stops to follow while being told does not stop the others', () => {
  const { log } = world()
  const seen: string[] = []
  const stop = log.subscribe(() => {
    seen.push('first')
    stop()
  })
  log.subscribe(() => seen.push('second'))
  log.sink(event(1))
  log.sink(event(2))
  assert.deepEqual(seen, ['first', 'second', 'second'])
})
