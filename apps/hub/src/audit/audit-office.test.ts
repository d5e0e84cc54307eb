import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '@holdfast/identity/testing'
import type { AuditStore } from '@holdfast/store'
import { formatNote } from '@holdfast/tlog'
import { MemoryLog, testKey } from '@holdfast/tlog/testing'
import { AuditOffice } from './audit-office.ts'

test('of a checkpoint that was written over nobody is a cosigner, and the log can be asked all the same', () => {
  const office = new AuditOffice({
    key: testKey('hub.example/audit', 'note', 7).key,
    store: {} as AuditStore,
    scrub: async () => undefined,
    clock: new ManualClock(),
    events: () => undefined,
  })
  const ours = formatNote(new MemoryLog('hub.example/audit', 7).append('entry 0').checkpoint())
  const foreign = formatNote(new MemoryLog('hub.example/audit', 9).append('entry 0').checkpoint())
  for (const note of [ours, foreign, 'garbage', '', ours.slice(0, -10), ours.replace('\n1\n', '\n2\n')]) {
    assert.deepEqual(office.cosignersOf(note), [], note)
  }
})
