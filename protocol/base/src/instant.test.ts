import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertNever, formatTimestamp, instantOf, later, timestampOf } from './index.ts'

test('a timestamp is a whole number of milliseconds', () => {
  assert.equal(timestampOf(1_764_000_000_000), 1_764_000_000_000)
  for (const no of [0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]) {
    assert.throws(() => timestampOf(no), TypeError, String(no))
  }
})

test('times are shown as RFC 3339 in UTC, with milliseconds', () => {
  assert.equal(formatTimestamp(timestampOf(0)), '1970-01-01T00:00:00.000Z')
  assert.equal(formatTimestamp(timestampOf(Date.UTC(2026, 10, 24, 7, 8, 9, 10))), '2026-11-24T07:08:09.010Z')
})

test('later adds milliseconds, and the end of time stays what it is', () => {
  assert.equal(later(instantOf(1.5), 10), 11.5)
  assert.equal(later(instantOf(0), Number.POSITIVE_INFINITY), Number.POSITIVE_INFINITY)
})

test('a case that the compiler did not see is a bug of the caller', () => {
  const value: unknown = { kind: 'new' }
  assert.throws(() => assertNever(value as never), /unexpected value \{"kind":"new"\}/)
})
