/**
 * A process to be killed: appends numbered messages for as long as it lives, regroups and trims all the while, and
 * writes what was acknowledged to stdout, one JSON array of next sequence numbers a line. Arguments: folder, key as hex,
 * the number to begin with.
 */

import { writeSync } from 'node:fs'
import { timestampOf } from '@holdfast/base'
import { TestSealer } from './batches.ts'
import { openTelemetry } from './fill.ts'

export const CRASH_PARTITIONS = 2
export const CRASH_DEVICES = 6

const [folder, hex, from] = process.argv.slice(2)
if (folder !== undefined && hex !== undefined && from !== undefined) {
  const key = { epoch: 1, key: Buffer.from(hex, 'hex') }
  // Small segments, so that a kill finds regrouping and merging at every stage.
  const { log, history } = openTelemetry(folder, {
    key,
    partitions: CRASH_PARTITIONS,
    history: { regroupMessages: 150 },
  })
  const sealer = new TestSealer(key, CRASH_PARTITIONS)
  for (let number = Number(from); ; ) {
    const messages = Array.from({ length: 20 }, () => {
      number += 1
      return { deviceId: `d${number % CRASH_DEVICES}`, enqueued: 1_000_000 + number, body: String(number).padEnd(200) }
    })
    const outcome = log.append(sealer.seal(messages))
    if (outcome.kind === 'committed') writeSync(1, `${JSON.stringify(outcome.nextSequences)}\n`)
    history.setRetention({}) // Looks for work at once.
    history.step(timestampOf(1_000_000))
  }
}
