import assert from 'node:assert/strict'
import { test } from 'node:test'
import { timestampOf } from '@holdfast/base'
import { checkEvent, faultsOf, keepable } from './check.ts'
import type { SecurityEvent } from './event.ts'

const REFUSED: SecurityEvent = {
  type: 'session.refused',
  at: timestampOf(1),
  subject: 'device/pump',
  actor: 'address/10.0.0.7',
  detail: { code: 'wrong-signature', detail: 'the token is signed with another key', transport: 'mqtt' },
}

/** As a caller with a bug, or somebody else's code, may have it. */
function broken(change: Readonly<Record<string, unknown>>): SecurityEvent {
  return { ...REFUSED, ...change } as unknown as SecurityEvent
}

test('an event as the catalogue has it is taken, and one that stands for many', () => {
  checkEvent(REFUSED)
  checkEvent({ ...REFUSED, source: 'mqtt/10.0.0.7', detail: { ...REFUSED.detail, repeated: 7 } })
  assert.equal(keepable(REFUSED), REFUSED)
})

test('an unknown type cannot be written, not even one that every object has', () => {
  for (const type of ['session.imagined', 'constructor', '__proto__', '', 7, undefined]) {
    assert.throws(() => checkEvent(broken({ type })), TypeError)
  }
})

test('a fact that is missing, that is none, or that is of another kind is a fault', () => {
  const { detail } = REFUSED
  for (const wrong of [
    { code: 'a', detail: 'b' },
    { ...detail, more: 'x' },
    { ...detail, code: 7 },
    { ...detail, code: undefined },
    { ...detail, repeated: 'often' },
    { ...detail, repeated: Number.NaN },
    { ...detail, repeated: -0 },
    { ...detail, constructor: 'x' },
    { ...detail, code: '\ud800' },
    { ...detail, code: 'x'.repeat(20_000) },
    { ...detail, code: 'x'.repeat(16_000), detail: 'x'.repeat(16_000), transport: 'x'.repeat(16_000) },
  ]) {
    assert.throws(() => checkEvent(broken({ detail: wrong })), TypeError, JSON.stringify(wrong).slice(0, 80))
  }
})

test('names, times and sources are bounded texts', () => {
  for (const wrong of [
    { subject: '' },
    { actor: 'x'.repeat(2_000) },
    { actor: undefined },
    { source: 7 },
    { source: 'x'.repeat(300) },
    { at: 1.5 },
    { at: 'yesterday' },
  ]) {
    assert.throws(() => checkEvent(broken(wrong)), TypeError, JSON.stringify(wrong).slice(0, 80))
  }
})

test('what no schema fits is kept as malformed, with what it said, and that can be written', () => {
  for (const event of [
    broken({ type: 'session.imagined' }),
    broken({ detail: { code: 7 } }),
    broken({ at: 'never', subject: '\udfff', source: 9 }),
    broken({ detail: { code: 'x'.repeat(1_000_000) } }),
  ]) {
    const kept = keepable(event)
    assert.equal(kept.type, 'audit.malformed')
    assert.deepEqual(faultsOf(kept), [])
    assert.equal(kept.detail['type'], String(event.type))
    assert.match(String(kept.detail['event']), /^\{"type":"session\./)
  }
})
