import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RecordedEvent, SecurityEvent } from '@holdfast/audit'
import { instantOf, timestampOf } from '@holdfast/base'
import { EventLog } from './event-log.ts'
import { recordFirst } from './record-first.ts'

const DROPPED: SecurityEvent = {
  type: 'key.dropped',
  at: timestampOf(1),
  subject: 'key/7',
  actor: 'operator/local',
  detail: { purpose: 'telemetry' },
}

function world() {
  const clock = { wall: () => timestampOf(2), monotonic: () => instantOf(0) }
  const faults: unknown[] = []
  const log = new EventLog({ clock, write: () => undefined, fault: (error) => faults.push(error) })
  const disk: string[] = []
  const state = { isFull: false }
  log.open({
    async recordEvents(events: readonly (SecurityEvent | RecordedEvent)[]) {
      await new Promise((resolve) => setImmediate(resolve))
      if (state.isFull) throw new Error('the disk is full')
      for (const { type, detail } of events) disk.push(type === 'act.failed' ? `${type} ${detail.act}` : type)
    },
  })
  return { log, disk, state, faults, first: recordFirst(log) }
}

test('the event is on disk before the act is begun', async () => {
  const { disk, first, faults } = world()
  const answer = await first(DROPPED, async () => {
    assert.deepEqual(disk, ['key.dropped'])
    return 42
  })
  assert.equal(answer, 42)
  assert.deepEqual([disk, faults], [['key.dropped'], []])
})

test('an act that fails is told of after its event', async () => {
  const { log, disk, first, faults } = world()
  const failing = first(DROPPED, () => Promise.reject(new Error('the folder is read-only')))
  await assert.rejects(failing, /read-only/)
  await log.durable()
  assert.deepEqual([disk, faults], [['key.dropped', 'act.failed key.dropped'], []])
})

test('where the log takes nothing, nothing is done, and the log says so when it can', async () => {
  const { log, disk, state, first } = world()
  state.isFull = true
  await assert.rejects(
    first(DROPPED, () => assert.fail('the act was begun')),
    /full/,
  )
  assert.deepEqual(disk, [])
  state.isFull = false
  await log.durable()
  assert.deepEqual(disk, ['audit.blocked', 'key.dropped', 'act.failed key.dropped'])
})
