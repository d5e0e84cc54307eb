import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readTime } from './time.ts'

const now = Date.parse('2026-11-24T12:00:00Z')

test('relative times count back from now', () => {
  assert.equal(readTime('10m', now), '2026-11-24T11:50:00.000Z')
  assert.equal(readTime('1d', now), '2026-11-23T12:00:00.000Z')
  assert.equal(readTime('500ms', now), '2026-11-24T11:59:59.500Z')
  assert.equal(readTime('now', now), '2026-11-24T12:00:00.000Z')
})

test('RFC 3339 is read with its zone, and as UTC without one', () => {
  assert.equal(readTime('2026-11-24T13:00:00+02:00', now), '2026-11-24T11:00:00.000Z')
  assert.equal(readTime('2026-11-24t11:00:00z', now), '2026-11-24T11:00:00.000Z')
  assert.equal(readTime('2026-11-24 11:00', now), '2026-11-24T11:00:00.000Z')
  assert.equal(readTime('2026-11-24', now), '2026-11-24T00:00:00.000Z')
})

test('anything else is refused, with forms that work', () => {
  for (const text of [
    '',
    'yesterday',
    '10',
    '-5m',
    '10 m',
    '2026-13-01',
    '2026-11-24T25:00:00Z',
    '24/11/2026',
    '999999999d',
    '1e3s',
  ]) {
    assert.throws(() => readTime(text, now), /is no time; give one like/, text)
  }
})
