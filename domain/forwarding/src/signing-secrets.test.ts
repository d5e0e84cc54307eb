import assert from 'node:assert/strict'
import { test } from 'node:test'
import { timestampOf } from '@holdfast/base'
import { formatSecret, newSecret, rotated, signingNow } from './index.ts'

const at = (milliseconds: number) => timestampOf(1_764_000_000_000 + milliseconds)
const secret = (fill: number, now = 0) => newSecret(new Uint8Array(32).fill(fill), at(now))

test('a secret is written as Standard Webhooks has it: whsec_ and base64', () => {
  assert.equal(formatSecret(secret(0)), `whsec_${Buffer.alloc(32).toString('base64')}`)
  assert.throws(() => newSecret(new Uint8Array(16), at(0)), TypeError)
})

test('during the overlap both sign, the new one first; afterwards the new one alone', () => {
  const first = [secret(1)]
  const both = rotated(first, { next: secret(2, 10), overlapMs: 1_000, now: at(10) }) ?? []
  const keys = (now: number) => signingNow(both, at(now)).map(({ key }) => Buffer.from(key, 'base64')[0])
  assert.deepEqual([keys(10), keys(1_009), keys(1_010)], [[2, 1], [2, 1], [2]])
})

test('a longer overlap does not lengthen what was to end before, and none ends everything at once', () => {
  const two = rotated([secret(1)], { next: secret(2), overlapMs: 1_000, now: at(0) }) ?? []
  const three = rotated(two, { next: secret(3), overlapMs: 9_000, now: at(0) }) ?? []
  assert.deepEqual(
    three.map(({ endsTime }) => endsTime),
    [undefined, at(9_000), at(1_000)],
  )
  assert.equal(rotated(three, { next: secret(4), overlapMs: 5, now: at(0) }), undefined, 'three sign at most')
  assert.equal(rotated(three, { next: secret(4), overlapMs: 5, now: at(1_000) })?.length, 3)
  assert.deepEqual(rotated(three, { next: secret(4), overlapMs: 0, now: at(0) }), [secret(4)])
})
