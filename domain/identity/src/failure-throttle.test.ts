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

/** An address that keeps guessing, a hundred times a second, at what `keyOf` says. @returns how often it was heard. */
function guess(
  throttle: FailureThrottle,
  turns: number,
  at: (turn: number) => { address: string; deviceId: string },
): number {
  let heard = 0
  for (let turn = 0; turn < turns; turn += 1) {
    const { address, deviceId } = at(turn)
    const now = instantOf(turn * 10)
    if (throttle.isPairSpent(address, { deviceId }, now)) continue
    heard += 1
    throttle.failedAsKnown(address, { deviceId }, now)
  }
  return heard
}

test('many addresses that guess at one identity are slowed; the device itself, where it came in before, never is', () => {
  const throttle = new FailureThrottle()
  throttle.succeeded('home', { deviceId: 'd' })
  const address = (turn: number): string => `10.0.${turn % 100}.1`
  const heard = guess(throttle, 60_000, (turn) => {
    const now = instantOf(turn * 10)
    assert.equal(throttle.isPairSpent('home', { deviceId: 'd' }, now), false)
    return { address: address(turn), deviceId: 'd' }
  })
  // By pairs alone a hundred addresses would have 11 tries at once and one in five seconds each: 13,000 in ten minutes.
  assert.ok(heard < 500, String(heard))
})

test('a device with the right key is heard from a new address while some guess at it', () => {
  const throttle = new FailureThrottle()
  guess(throttle, 6_000, (turn) => ({ address: `10.0.${turn % 100}.1`, deviceId: 'd' }))
  assert.equal(throttle.isPairSpent('192.0.2.1', { deviceId: 'd' }, instantOf(60_001)), false)
})

test('a flood of addresses leaves only those where the device came in before', () => {
  const throttle = new FailureThrottle()
  throttle.succeeded('home', { deviceId: 'd' })
  const heard = guess(throttle, 6_000, (turn) => ({ address: `10.${turn >> 8}.${turn & 255}.1`, deviceId: 'd' }))
  assert.ok(heard < 1_200, String(heard))
  assert.equal(throttle.isPairSpent('192.0.2.1', { deviceId: 'd' }, instantOf(60_000)), true)
  assert.equal(throttle.isPairSpent('home', { deviceId: 'd' }, instantOf(60_000)), false)
  assert.equal(throttle.isPairSpent('192.0.2.1', { deviceId: 'other' }, instantOf(60_000)), false)
  assert.equal(throttle.isPairSpent('192.0.2.1', { deviceId: 'd' }, instantOf(61_000)), false, 'and ends with it')
})

test('one address that tries many identities has a try at each, and devices beside it are heard', () => {
  const throttle = new FailureThrottle()
  throttle.succeeded('nat', { deviceId: 'old' })
  const heard = guess(throttle, 30_000, (turn) => ({ address: 'nat', deviceId: `d${turn % 1_000}` }))
  // By pairs alone 11 tries at once at each of a thousand, and more in time: 11,000.
  assert.ok(heard < 1_500, String(heard))
  const now = instantOf(300_000)
  assert.equal(throttle.isPairSpent('nat', { deviceId: 'old' }, now), false)
  assert.equal(throttle.isPairSpent('nat', { deviceId: 'new' }, now), false)
})
