import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { timestampOf } from '@holdfast/base'
import { testFolder } from './testing/batches.ts'
import { CRASH_DEVICES, CRASH_PARTITIONS } from './testing/crash-child.ts'
import { openTelemetry, settle } from './testing/fill.ts'

const ROUNDS = 10

/** Runs the child until it has committed so often, kills it, and answers its last acknowledgement. */
function runAndKill(folder: string, key: string, from: number, commits: number): Promise<readonly number[]> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [
      new URL('testing/crash-child.ts', import.meta.url).pathname,
      folder,
      key,
      String(from),
    ])
    let out = ''
    let error = ''
    child.stdout.on('data', (bytes: Buffer) => {
      out += bytes.toString()
      if (out.split('\n').length > commits) child.kill('SIGKILL')
    })
    child.stderr.on('data', (bytes: Buffer) => {
      error += bytes.toString()
    })
    child.on('close', (_code, signal) => {
      const last = out.split('\n').at(-2)
      if (signal !== 'SIGKILL' || last === undefined) reject(new Error(`the child ended by itself: ${error}`))
      else resolve(JSON.parse(last) as readonly number[])
    })
  })
}

test('killed in the middle of appending, regrouping and merging: everything acknowledged is there once, in order', async (context) => {
  const folder = testFolder(context)
  const key = { epoch: 1, key: randomBytes(32) }
  let from = 0
  for (let round = 0; round < ROUNDS; round++) {
    const acknowledged = await runAndKill(folder, Buffer.from(key.key).toString('hex'), from, 10 + ((round * 37) % 40))
    const telemetry = openTelemetry(folder, { key, partitions: CRASH_PARTITIONS })
    const { reader } = telemetry.history
    const lastOf = new Map<string, number>()
    const seen = new Set<number>()
    for (const state of await reader.partitions()) {
      assert.ok(state.nextSequence >= (acknowledged[state.partition] ?? 0), `round ${round}: acknowledged, and gone`)
      let sequence = 0
      for (let atEnd = false; !atEnd; ) {
        const position = { kind: 'sequence', from: sequence } as const
        const page = await reader.readPartition({ partition: state.partition, position, messagesMax: 1_000 })
        for (const message of page.messages) {
          assert.equal(message.sequenceNumber, sequence)
          sequence += 1
          const number = Number(Buffer.from(message.body).toString())
          assert.ok(number > (lastOf.get(message.deviceId) ?? 0), `round ${round}: ${message.deviceId} out of order`)
          lastOf.set(message.deviceId, number)
          assert.ok(!seen.has(number))
          seen.add(number)
        }
        atEnd = page.atEnd
      }
      assert.equal(sequence, state.nextSequence)
    }
    from = Math.max(...lastOf.values())
    assert.equal(seen.size, from, 'one kill loses nothing in between')
    const [device] = lastOf.keys()
    const request = { deviceId: device ?? '', from: timestampOf(0), to: timestampOf(2 ** 45), messagesMax: 10_000 }
    assert.ok(Math.abs((await reader.readDevice(request)).messages.length - from / CRASH_DEVICES) <= 1)
    if (round === ROUNDS - 1) {
      settle(telemetry.history, timestampOf(1_000_000))
      assert.deepEqual((await telemetry.history.verify()).findings, [])
      assert.ok(telemetry.history.statistics().segments > 0)
    }
    telemetry.close()
  }
})
