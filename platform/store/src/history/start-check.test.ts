import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { timestampOf } from '@holdfast/base'
import { TestSealer, testFolder, testKey } from '../testing/batches.ts'
import { openTelemetry, settle } from '../testing/fill.ts'
import { HISTORY_PAGE_BYTES } from './limits.ts'

test('a small history is checked whole at every start, also after a clean stop', (context) => {
  const folder = testFolder(context)
  const key = testKey(1)
  const { log, history, close } = openTelemetry(folder, { key, partitions: 1 })
  const sealer = new TestSealer(key, 1)
  const enqueued = 1_700_000_000_000
  log.append(sealer.seal(Array.from({ length: 200 }, (_, at) => ({ deviceId: `d${at}`, enqueued, body: 'flow' }))))
  history.regroupNow()
  settle(history, timestampOf(enqueued))
  close()

  const file = join(folder, 'history.db')
  const whole = readFileSync(file)
  // Beyond the first two pages, which every start reads anyway: the heads of tables and indexes.
  let damaged = 0
  for (let page = 2; page * HISTORY_PAGE_BYTES < whole.length; page++) {
    const bytes = Buffer.from(whole)
    const at = page * HISTORY_PAGE_BYTES
    // [SQLite file format, 1.6] 2, 5, 10, 13: a page of a tree; what runs over into a page of its own has no head.
    if (![2, 5, 10, 13].includes(bytes[at] ?? 0)) continue
    bytes.fill(0xff, at + 3, at + 7)
    writeFileSync(file, bytes)
    assert.throws(() => openTelemetry(folder, { key, partitions: 1 }), { code: 'STORE_DAMAGED', file }, `page ${page}`)
    assert.ok(readFileSync(file).equals(bytes), 'and left as it is')
    damaged += 1
  }
  assert.ok(damaged >= 5)
})
