import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { instantOf, timestampOf } from '@holdfast/base'
import type { FrontToLog } from './front-messages.ts'
import { LOG_WRITER_LIMITS, LogWriter } from './log-writer.ts'
import { MemoryTelemetryLog } from './testing/memory-telemetry-log.ts'

const at = instantOf

function append(ticket: number, bytes = 10): FrontToLog {
  const batch = {
    partition: 0,
    count: 2,
    plainBytes: 8,
    earliest: timestampOf(0),
    latest: timestampOf(0),
    epoch: 0,
    sealed: new Uint8Array(bytes),
  }
  return { kind: 'append', ticket, batches: [batch] }
}

function staged(limits = LOG_WRITER_LIMITS) {
  const log = new MemoryTelemetryLog(1)
  const answers: string[] = []
  const writer = new LogWriter({
    log,
    limits,
    answer: (front, message) =>
      answers.push(
        message.kind === 'state' ? `${front} ${message.available ? 'up' : 'down'}` : `${front} #${message.ticket}`,
      ),
  })
  writer.attach(0)
  writer.attach(1)
  return { log, answers, writer }
}

describe('the log writer', () => {
  it('commits everything that waits in one append, in the order it came', () => {
    const { log, answers, writer } = staged()
    writer.received(0, append(0))
    writer.received(1, append(0))
    writer.received(0, append(1))
    assert.deepEqual(answers, [])
    assert.equal(writer.run(at(0)), false)
    assert.deepEqual(answers, ['0 #0', '1 #0', '0 #1'])
    assert.deepEqual(
      log.stored.map(({ firstSequence, firstOffset }) => [firstSequence, firstOffset]),
      [
        [0, 0],
        [2, 8],
        [4, 16],
      ],
    )
  })

  it('keeps what the log refuses, tells everybody once, and tries again', () => {
    const { log, answers, writer } = staged()
    log.trouble = () => ({ kind: 'refuse', reason: 'disk-full' })
    writer.received(0, append(0))
    writer.run(at(0))
    assert.equal(writer.deadline, 500)
    writer.received(1, append(0))
    assert.equal(writer.run(at(100)), false)
    writer.run(at(500))
    assert.deepEqual(answers, ['0 down', '1 down'])
    writer.attach(2)
    log.trouble = undefined
    writer.run(at(1_000))
    assert.deepEqual(answers.slice(2), ['2 down', '0 up', '1 up', '2 up', '0 #0', '1 #0'])
    assert.equal(writer.unavailable, undefined)
    assert.equal(writer.deadline, undefined)
  })

  it('bounds one append by bytes, and what a front may have waiting', () => {
    const { log, writer } = staged({ ...LOG_WRITER_LIMITS, commitBytesMax: 25, appendsMax: 4 })
    for (let ticket = 0; ticket < 4; ticket++) writer.received(0, append(ticket))
    assert.throws(() => writer.received(0, append(4)), TypeError)
    assert.equal(writer.run(at(0)), true)
    assert.equal(log.stored.length, 2)
    assert.equal(writer.run(at(0)), false)
    writer.received(0, append(5, 1_000))
    writer.run(at(0))
    assert.equal(log.stored.length, 5, 'one append goes whatever its size')
  })

  it('finishes what a front that is gone has left', () => {
    const { log, answers, writer } = staged()
    writer.received(0, append(0))
    writer.detach(0)
    writer.run(at(0))
    assert.equal(log.stored.length, 1)
    assert.deepEqual(answers, [])
  })
})
