import assert from 'node:assert/strict'
import { test } from 'node:test'
import { instantOf } from '@holdfast/base'
import { ConnectionPace } from './connection-pace.ts'

const KEY = { deviceId: 'd' }

test('two clients that push each other out as fast as they can come to one take-over in ten seconds', () => {
  const pace = new ConnectionPace()
  let takeovers = 0
  for (let at = 0; at < 600_000; at += 100) {
    if (pace.come(KEY, { isTakeover: true }, instantOf(at)).kind === 'go') takeovers += 1
  }
  assert.ok(takeovers >= 15 && takeovers <= 75, String(takeovers))
})

test('a client that connects for each message, twice a second, is never made to wait', () => {
  const pace = new ConnectionPace()
  for (let at = 0; at < 600_000; at += 500) {
    assert.equal(pace.come(KEY, { isTakeover: false }, instantOf(at)).kind, 'go')
  }
})

test('the wait grows and ends; who comes too soon is not shut out for longer; others do not feel it', () => {
  const pace = new ConnectionPace()
  const waits: number[] = []
  let now = 0
  while (waits.length < 8) {
    const verdict = pace.come(KEY, { isTakeover: true }, instantOf(now))
    if (verdict.kind === 'go') continue
    waits.push(verdict.milliseconds)
    const again = pace.come(KEY, { isTakeover: true }, instantOf(now + 1))
    assert.equal(again.kind === 'wait' ? again.milliseconds : 0, verdict.milliseconds - 1)
    assert.equal(pace.come({ deviceId: `other-${waits.length}` }, { isTakeover: true }, instantOf(now)).kind, 'go')
    now += verdict.milliseconds
  }
  assert.deepEqual(waits.slice(0, 4), [1_000, 2_000, 4_000, 8_000])
  assert.ok(waits.every((wait) => wait <= 60_000))
  assert.equal(pace.come(KEY, { isTakeover: true }, instantOf(now + 600_000)).kind, 'go')
})
