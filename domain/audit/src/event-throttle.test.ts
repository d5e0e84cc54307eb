import assert from 'node:assert/strict'
import { test } from 'node:test'
import { instantOf, timestampOf } from '@holdfast/base'
import type { SecurityEvent } from './event.ts'
import { EventThrottle } from './event-throttle.ts'

function world() {
  const events: SecurityEvent[] = []
  return { events, throttle: new EventThrottle((event) => events.push(event)) }
}

function refusal(actor: string, subject = 'device/d'): SecurityEvent {
  return { type: 'session.refused', at: timestampOf(0), subject, actor, detail: { code: 'wrong-signature' } }
}

/** Events told, counting those that stand for others. */
function counted(events: readonly SecurityEvent[]): number {
  return events.reduce((sum, { detail }) => sum + Number(detail['repeated'] ?? 1), 0)
}

test('the first few of a source are told as they come', () => {
  const { events, throttle } = world()
  for (let at = 0; at < 5; at += 1) throttle.report(refusal('address/a'), instantOf(0))
  assert.deepEqual(
    events,
    Array.from({ length: 5 }, () => refusal('address/a')),
  )
})

test('of a flood none is lost: what is held is counted, and the count is told', () => {
  const { events, throttle } = world()
  for (let at = 0; at < 1_000; at += 1) throttle.report(refusal('address/a'), instantOf(at))
  throttle.flush()
  assert.equal(counted(events), 1_000)
  assert.ok(events.length < 10, String(events.length))
  throttle.flush()
  assert.equal(counted(events), 1_000)
})

test('events that count things themselves are added up', () => {
  const { events, throttle } = world()
  const event = { ...refusal('address/a'), type: 'connection.turned-away' as const }
  for (let count = 1; count <= 100; count += 1) throttle.report({ ...event, detail: { count } }, instantOf(0))
  throttle.flush()
  assert.equal(
    events.reduce((sum, { detail }) => sum + Number(detail['count']), 0),
    5_050,
  )
})

test('the held count of a source is told before its next event, so that the order holds', () => {
  const { events, throttle } = world()
  for (let at = 0; at < 8; at += 1) throttle.report(refusal('address/a'), instantOf(0))
  throttle.report(refusal('address/a', 'device/later'), instantOf(10_000))
  assert.deepEqual(
    events.slice(5).map(({ subject, detail }) => [subject, detail['repeated']]),
    [
      ['device/d', 3],
      ['device/later', undefined],
    ],
  )
})

test('one source does not silence another, and subjects do not make sources', () => {
  const { events, throttle } = world()
  for (let at = 0; at < 100; at += 1) throttle.report(refusal('address/a', `device/${at}`), instantOf(0))
  throttle.report(refusal('address/b'), instantOf(0))
  assert.equal(events.length, 6)
  assert.equal(events.at(-1)?.actor, 'address/b')
})

test('kinds of events are throttled apart', () => {
  const { events, throttle } = world()
  for (let at = 0; at < 100; at += 1) throttle.report(refusal('address/a'), instantOf(0))
  throttle.report({ ...refusal('address/a'), type: 'request.refused' }, instantOf(0))
  assert.equal(events.at(-1)?.type, 'request.refused')
})

test('more sources than are remembered lose no count either', () => {
  const { events, throttle } = world()
  const sources = 5_000
  for (let round = 0; round < 8; round += 1) {
    for (let at = 0; at < sources; at += 1) throttle.report(refusal(`address/${at}`), instantOf(round))
  }
  throttle.flush()
  assert.equal(counted(events), sources * 8)
})

test('one whole IPv6 network is one source, as one IPv4 address is', () => {
  const { events, throttle } = world()
  for (let at = 0; at < 1_000; at += 1) {
    throttle.report(refusal(`address/2001:db8:1:2::${at.toString(16)}`), instantOf(0))
    throttle.report(refusal(`address/10.0.${at >> 8}.${at & 255}`), instantOf(0))
  }
  assert.equal(events.filter(({ actor }) => actor.includes(':')).length, 5)
  assert.equal(events.filter(({ actor }) => !actor.includes(':')).length, 1_000)
  throttle.flush()
  assert.equal(counted(events), 2_000)
})
