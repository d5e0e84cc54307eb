import assert from 'node:assert/strict'
import { test } from 'node:test'
import { timestampOf } from '@holdfast/base'
import { decideRotations, isRotationDue } from './index.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
const at = (ms: number) => timestampOf(1_000 * DAY + ms)

test('a key is due at its age, not before', () => {
  assert.equal(isRotationDue(at(0), at(DAY - 1), DAY), false)
  assert.equal(isRotationDue(at(0), at(DAY), DAY), true)
})

test('a key from a clock that stood far ahead is due, one from a clock that was a little ahead is not', () => {
  assert.equal(isRotationDue(at(365 * DAY), at(0), DAY), true)
  assert.equal(isRotationDue(at(HOUR), at(0), DAY), false)
})

test('telemetry rotates daily, state every 90 days, the authority’s key never; a purpose without a key is due', () => {
  const made = (ms: number) => () => ({ createdTime: at(ms) })
  assert.deepEqual(decideRotations(made(0), at(DAY - 1)), [])
  assert.deepEqual(decideRotations(made(0), at(DAY)), ['telemetry'])
  assert.deepEqual(decideRotations(made(0), at(90 * DAY)), ['telemetry', 'state'])
  assert.deepEqual(
    decideRotations(() => undefined, at(0)),
    ['telemetry', 'state', 'authority'],
  )
})
