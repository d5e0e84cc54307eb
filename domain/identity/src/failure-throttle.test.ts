import assert from 'node:assert/strict'
import { test } from 'node:test'
import { instantOf } from '@holdfast/base'
import { FailureThrottle } from './failure-throttle.ts'

test('who keeps failing gets one try in five seconds', () => {
  const throttle = new FailureThrottle()
  const key = { deviceId: 'd' }
  let tries = 0
  for (let second = 0; second < 120; second += 1) {
    for (let at = 0; at < 100; at += 1) {
      const now = instantOf(second * 1000 + at * 10)
      if (throttle.isPairSpent('a', key, now)) continue
      tries += 1
      throttle.failedAsKnown('a', key, now)
    }
  }
  // Eleven at once, then what the bucket has gained each time it is looked at.
  assert.ok(tries >= 20 && tries <= 60, String(tries))
})

test('failures as ids that do not exist do not touch those that do', () => {
  const throttle = new FailureThrottle()
  const now = instantOf(0)
  for (let at = 0; at < 100; at += 1) throttle.failedAsUnknown('2001:db8::1', now)
  assert.equal(throttle.isAddressSpent('2001:db8::2', now), true)
  assert.equal(throttle.isPairSpent('2001:db8::1', { deviceId: 'd' }, now), false)
  assert.equal(throttle.isAddressSpent('2001:db8:0:1::1', now), false)
})

test('modules and devices of other addresses are counted apart', () => {
  const throttle = new FailureThrottle()
  const now = instantOf(0)
  for (let at = 0; at < 20; at += 1) throttle.failedAsKnown('a', { deviceId: 'd', moduleId: 'm' }, now)
  assert.equal(throttle.isPairSpent('a', { deviceId: 'd', moduleId: 'm' }, now), true)
  assert.equal(throttle.isPairSpent('a', { deviceId: 'd' }, now), false)
  assert.equal(throttle.isPairSpent('b', { deviceId: 'd', moduleId: 'm' }, now), false)
})
