import assert from 'node:assert/strict'
import { test } from 'node:test'
import { instantOf } from '@holdfast/base'
import { DEFAULT_LIMITS, OPERATIONS, Throttle } from './index.ts'

const START = instantOf(0)
const at = (ms: number) => instantOf(ms)

test('each operation has limits of its own, and no principal may more than all together', () => {
  for (const operation of OPERATIONS) {
    const { hub, principal } = DEFAULT_LIMITS[operation]
    assert.ok(principal.perSecond <= hub.perSecond && principal.burst <= hub.burst, operation)
    // Room for the smallest fleet: a fifth of the burst is what one may have at once.
    assert.ok(hub.burst / 5 >= Math.min(principal.burst, 40), operation)
  }
})

test('a principal is held to its own limit, and told when to come back', () => {
  const throttle = new Throttle(START, {
    ...DEFAULT_LIMITS,
    'device.upload': { hub: { perSecond: 100, burst: 1_000 }, principal: { perSecond: 0.5, burst: 2 } },
  })
  const verdicts = [0, 0, 0].map((ms) => throttle.take('device.upload', 'device/a', at(ms)))
  assert.deepEqual(verdicts, [
    { kind: 'allowed' },
    { kind: 'allowed' },
    { kind: 'refused', by: 'principal', retryAfterSeconds: 2 },
  ])
  assert.equal(throttle.take('device.upload', 'device/b', START).kind, 'allowed')
  assert.equal(throttle.take('device.twin-read', 'device/a', START).kind, 'allowed')
  assert.equal(throttle.take('device.upload', 'device/a', at(2_000)).kind, 'allowed')
  assert.deepEqual([...throttle.refused], [['device.upload', 1]])
  assert.equal(throttle.refusedInAll, 1)
})

test('a noisy principal fills its share of the hub and is told so; the next one finds room', () => {
  const throttle = new Throttle(START, {
    ...DEFAULT_LIMITS,
    query: { hub: { perSecond: 10, burst: 40 }, principal: { perSecond: 1_000, burst: 1_000 } },
  })
  let refusedBy = ''
  for (let count = 0; count < 100; count += 1) {
    const verdict = throttle.take('query', 'policy/noisy', START)
    if (verdict.kind === 'refused') refusedBy = verdict.by
  }
  assert.equal(refusedBy, 'hub')
  for (let ms = 0; ms < 10_000; ms += 250) {
    throttle.take('query', 'policy/noisy', at(ms))
    assert.equal(throttle.take('query', 'policy/modest', at(ms)).kind, 'allowed', String(ms))
  }
})

test('what stands for several costs as many', () => {
  const throttle = new Throttle(START, {
    ...DEFAULT_LIMITS,
    'registry.write': { hub: { perSecond: 10, burst: 100 }, principal: { perSecond: 1_000, burst: 1_000 } },
  })
  const taken = Array.from({ length: 10 }, () => throttle.take('registry.write', 'policy/a', START, 10).kind)
  assert.deepEqual(taken.slice(0, 3), ['allowed', 'allowed', 'refused'])
})
