import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { timestampOf } from '@holdfast/base'
import { TestSealer, testFolder, testKey } from '../testing/batches.ts'
import { openTelemetry, settle } from '../testing/fill.ts'
import { History } from './history.ts'

const START = 1_700_000_000_000
const NOW = timestampOf(START)
const noMatter = (): void => {}

test('before the first keys come, neighbours are not merged, and nobody is told that keys are missing', (context) => {
  const folder = testFolder(context)
  const older = testKey(1)
  const newer = testKey(5)
  const telemetry = openTelemetry(folder, { key: older, partitions: 1 })
  const sealers = { older: new TestSealer(older, 1), newer: new TestSealer(newer, 1) }
  const segment = (sealer: TestSealer): void => {
    telemetry.log.append(sealer.seal([{ deviceId: 'pump', enqueued: START, body: 'flow' }]))
    telemetry.history.regroupNow()
    settle(telemetry.history, NOW)
  }
  for (let index = 0; index < 7; index++) segment(sealers.older)
  // The eighth comes while the first seven cannot be opened: so there is something to merge at the next start.
  telemetry.history.setKeys([newer])
  segment(sealers.newer)
  assert.equal(telemetry.history.statistics().segments, 8)
  telemetry.close()

  const files = { logFile: join(folder, 'log.db'), historyFile: join(folder, 'history.db') }
  const history = new History({ ...files, trim: noMatter, emptyEpoch: noMatter })
  settle(history, NOW)
  assert.deepEqual(history.troubles, { blocked: [] })
  history.setKeys([older, newer])
  settle(history, NOW)
  assert.deepEqual(history.troubles, { blocked: [] })
  assert.ok(history.statistics().segments < 8)
  history.close()
})
