import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RecordedEvent, SecurityEvent } from '@holdfast/audit'
import { timestampOf } from '@holdfast/base'
import { standingClock } from '@holdfast/keys/testing'
import { actFrom } from './act-context.ts'
import { EventLog, WAITING_EVENTS_MAX } from './event-log.ts'

function event(at: number): SecurityEvent {
  return {
    type: 'session.opened',
    at: timestampOf(at),
    subject: 'device/d',
    actor: 'device/d',
    detail: { credential: 'sas' },
    source: 'mqtt/10.0.0.7',
  }
}

/** A disk that takes a turn for each group, keeps what it took, and may be full. */
function world({ isOpen = true }: { readonly isOpen?: boolean } = {}) {
  const written: SecurityEvent[] = []
  const kept: SecurityEvent[] = []
  const groups: number[] = []
  const faults: unknown[] = []
  const conditions: (string | undefined)[] = []
  const clock = standingClock()
  const disk = { isFull: false }
  const log = new EventLog({ clock, write: (it) => written.push(it), fault: (error) => faults.push(error) })
  const store = {
    recordEvents: async (events: readonly SecurityEvent[]) => {
      await new Promise((resolve) => setImmediate(resolve))
      if (disk.isFull) throw new Error('disk-full')
      groups.push(events.length)
      const recorded = events.map((it, place): RecordedEvent => ({ ...it, index: kept.length + place }))
      kept.push(...events)
      log.recorded(recorded)
    },
  }
  const open = (): void => log.open(store, { blocked: (detail) => conditions.push(detail) })
  if (isOpen) open()
  return { written, kept, groups, faults, conditions, clock, disk, log, open }
}

function plain(events: readonly (SecurityEvent & { readonly index?: number })[]): readonly SecurityEvent[] {
  return events.map(({ index: _index, ...rest }) => rest)
}

test('every event is on disk before its line is written, and before it is remembered and told, all in order', async () => {
  const { written, kept, log } = world()
  const followed: SecurityEvent[] = []
  const stop = log.subscribe((it) => followed.push(it))
  for (const at of [1, 2]) log.sink(event(at))
  assert.deepEqual([written, log.recent(10)], [[], []])
  await log.durable()
  stop()
  log.sink(event(3))
  await log.durable()
  assert.deepEqual(kept, [event(1), event(2), event(3)])
  assert.deepEqual(plain(written), kept)
  assert.deepEqual(plain(log.recent(10)), kept)
  assert.deepEqual(plain(followed), [event(1), event(2)])
})

test('while one group is on its way to the disk the others gather: many events, few waits', async () => {
  const { groups, log } = world()
  for (let at = 0; at < 1_000; at++) log.sink(event(at))
  await log.durable()
  assert.equal(
    groups.reduce((sum, count) => sum + count, 0),
    1_000,
  )
  assert.ok(groups.length <= 4, String(groups))
})

test('what is told before the store is open is written when it is', async () => {
  const { kept, log, open } = world({ isOpen: false })
  log.sink(event(1))
  const durable = log.durable()
  assert.ok(durable !== undefined)
  open()
  await durable
  assert.deepEqual(kept, [event(1)])
})

test('an act waits for its own events and for nobody else, and not at all where it has none', async () => {
  const { log } = world()
  await actFrom('https/a', async () => {
    assert.equal(log.durable(), undefined)
    log.sink(event(1))
    await log.durable()
    log.sink({ ...event(2) })
    actFrom('https/b', () => assert.equal(log.durable(), undefined))
    await log.durable()
    assert.equal(log.durable(), undefined)
  })
})

test('an event bears how its act came in, also when it is told later, and the hub its own', async () => {
  const { kept, log } = world()
  const { source: _source, ...bare } = event(1)
  await actFrom('https/10.0.0.9', async () => {
    await new Promise((resolve) => setImmediate(resolve))
    log.sink(bare)
    log.throttled(bare)
  })
  log.sink(bare)
  await log.durable()
  assert.deepEqual(
    kept.map(({ source }) => source),
    ['https/10.0.0.9', 'https/10.0.0.9', 'hub'],
  )
})

test('while the disk is full acts are refused; the first entry after says so, and what was told meanwhile follows', async () => {
  const { kept, conditions, clock, disk, log } = world()
  disk.isFull = true
  log.sink(event(1))
  await assert.rejects(log.durable() ?? Promise.resolve(), /disk-full/)
  log.sink(event(2))
  await assert.rejects(log.durable() ?? Promise.resolve(), /disk-full/)
  assert.deepEqual(conditions, ['disk-full'])
  clock.advance(5_000)
  disk.isFull = false
  log.sink(event(3))
  await log.durable()
  const [first, ...rest] = kept
  assert.equal(first?.type, 'audit.blocked')
  assert.deepEqual(first?.detail, { reason: 'disk-full', refused: 2, seconds: 5, waiting: 3 })
  assert.deepEqual(rest, [event(1), event(2), event(3)])
  assert.deepEqual(conditions, ['disk-full', undefined])
})

test('that the disk takes nothing is in the log of the process at once, and once', async () => {
  const { kept, written, disk, log } = world()
  const full: SecurityEvent = { ...event(1), type: 'store.unavailable', detail: { detail: 'disk-full' }, source: 'hub' }
  disk.isFull = true
  log.sink(full)
  await assert.rejects(log.durable() ?? Promise.resolve(), /disk-full/)
  assert.deepEqual(written, [full])
  disk.isFull = false
  await log.durable()
  assert.deepEqual(
    [kept, written].map((events) => events.map(({ type }) => type)),
    [
      ['audit.blocked', 'store.unavailable'],
      ['store.unavailable', 'audit.blocked'],
    ],
  )
})

test('what nobody waits for is tried again by itself', async (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] })
  const { kept, disk, log } = world()
  disk.isFull = true
  log.sink(event(1))
  for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve))
  disk.isFull = false
  context.mock.timers.tick(1_000)
  for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(
    kept.map(({ type }) => type),
    ['audit.blocked', 'session.opened'],
  )
})

test('more than can wait is counted by type, told in the log of the process, and its count is an entry', async () => {
  const { kept, written, log, open } = world({ isOpen: false })
  for (let at = 0; at < WAITING_EVENTS_MAX + 10; at++) log.sink(event(at))
  assert.equal(written.length, 10)
  open()
  await log.durable()
  assert.equal(kept.length, WAITING_EVENTS_MAX + 1)
  assert.equal(kept[0]?.type, 'audit.blocked')
  assert.deepEqual([kept[0]?.detail['lost'], kept[0]?.detail['types']], [10, 'session.opened 10'])
})

test('an event that is not as the catalogue has it is kept as such, and is a fault of ours', async () => {
  const { kept, faults, log } = world()
  log.sink({ ...event(1), detail: { credential: 7 } })
  log.sink({ ...event(2), type: 'session.imagined' as 'session.opened' })
  await log.durable()
  assert.deepEqual(
    kept.map(({ type, detail }) => [type, detail['type']]),
    [
      ['audit.malformed', 'session.opened'],
      ['audit.malformed', 'session.imagined'],
    ],
  )
  assert.equal(faults.length, 2)
})

test('the newest are given, the oldest of them first, those of the last start among them', async () => {
  const { log, open } = world({ isOpen: false })
  open()
  for (const at of [1, 2, 3]) log.sink(event(at))
  await log.durable()
  assert.deepEqual(plain(log.recent(2)), [event(2), event(3)])
  assert.deepEqual(log.recent(0), [])
  const again = new EventLog({ clock: standingClock(), write: () => undefined, fault: () => undefined })
  again.open({ recordEvents: async () => undefined }, { recent: log.recent(10) })
  assert.deepEqual(plain(again.recent(10)), [event(1), event(2), event(3)])
})

test('a flood of events is remembered up to a bound, and none of the newest is missing', () => {
  const { log } = world()
  log.recorded(Array.from({ length: 10_000 }, (_, at) => ({ ...event(at), index: at })))
  const recent = log.recent(100_000)
  assert.equal(recent.length, 1_000)
  assert.deepEqual([recent[0]?.index, recent.at(-1)?.index], [9_000, 9_999])
})

test('what peers cause at will is summarised, and its count is told wherever single events are', async () => {
  const { kept, log } = world()
  for (let at = 0; at < 500; at++) log.throttled(event(at))
  await log.durable()
  const few = kept.length
  assert.ok(few < 10, String(few))
  log.flush()
  await log.durable()
  assert.equal(kept.length, few + 1)
  assert.equal(kept.at(-1)?.detail['repeated'], 500 - few)
})

test('a source that was quiet for long is told at once again', async () => {
  const { kept, clock, log } = world()
  for (let at = 0; at < 500; at++) log.throttled(event(at))
  log.flush()
  await log.durable()
  kept.length = 0
  clock.advance(60_000)
  log.throttled(event(1))
  await log.durable()
  assert.deepEqual(kept, [event(1)])
})

test('who stops to follow while being told does not stop the others', async () => {
  const { log } = world()
  const seen: string[] = []
  const stop = log.subscribe(() => {
    seen.push('first')
    stop()
  })
  log.subscribe(() => seen.push('second'))
  for (const at of [1, 2]) log.sink(event(at))
  await log.durable()
  assert.deepEqual(seen, ['first', 'second', 'second'])
})

test('the end waits for the disk, and says in the log of the process what does not come to it', async () => {
  const good = world()
  good.log.sink(event(1))
  await good.log.end()
  assert.deepEqual(plain(good.written), [event(1)])
  const bad = world()
  bad.disk.isFull = true
  bad.log.sink(event(1))
  await bad.log.end()
  assert.deepEqual([bad.kept, bad.written], [[], [event(1)]])
})
