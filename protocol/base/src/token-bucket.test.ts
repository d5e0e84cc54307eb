import assert from 'node:assert/strict'
import { test } from 'node:test'
import { instantOf, TokenBucket } from './index.ts'

const LIMITS = { perSecond: 2, burst: 3 }

/** How many of `count` uses at that time are let through. */
function taken(bucket: TokenBucket, atMs: number, count = 100): number {
  let sum = 0
  for (let i = 0; i < count; i++) if (bucket.take(instantOf(atMs))) sum += 1
  return sum
}

test('a burst passes at once, then no more until time goes by', () => {
  const bucket = new TokenBucket(instantOf(0), LIMITS)
  assert.equal(taken(bucket, 0), 3)
  assert.equal(taken(bucket, 499), 0)
  assert.equal(taken(bucket, 500), 1)
})

test('on average not more than the rate passes, however often one asks', () => {
  const bucket = new TokenBucket(instantOf(0), LIMITS)
  let sum = 0
  for (let at = 0; at <= 10_000; at += 7) sum += taken(bucket, at, 2)
  assert.ok(sum >= 20 && sum <= 23, String(sum))
})

test('a long silence saves up no more than a burst', () => {
  const bucket = new TokenBucket(instantOf(0), LIMITS)
  taken(bucket, 0)
  assert.equal(taken(bucket, 1e9), 3)
})

test('being refused costs nothing: who waits is let in in time', () => {
  const bucket = new TokenBucket(instantOf(0), LIMITS)
  taken(bucket, 0)
  for (let at = 0; at < 500; at += 10) assert.equal(bucket.take(instantOf(at)), false)
  assert.equal(bucket.take(instantOf(500)), true)
})

test('full again is as good as new', () => {
  const bucket = new TokenBucket(instantOf(0), LIMITS)
  assert.ok(bucket.isFull(instantOf(0)))
  bucket.take(instantOf(0))
  assert.ok(!bucket.isFull(instantOf(499)))
  assert.ok(bucket.isFull(instantOf(500)))
})
