import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads'
import { timestampOf } from '@holdfast/base'
import type { FrontToLog, LogToFront } from '@holdfast/messaging'
import { connect, type Remote } from '@holdfast/node/threads'
import type { HistoryThread } from './history/history-dispatch.ts'
import type { LogProgress, LogThread } from './log/log-dispatch.ts'
import { TestSealer, testFolder, testKey } from './testing/batches.ts'

interface Threads {
  readonly log: Remote<LogThread>
  readonly history: Remote<HistoryThread>
  /** The history as a front has it. */
  readonly reader: Remote<HistoryThread>
  readonly fronts: readonly MessagePort[]
  readonly progress: LogProgress[]
  stop(): Promise<void>
}

function startThreads(context: TestContext, fronts: number): Threads {
  const channels = Array.from({ length: fronts }, () => new MessageChannel())
  const between = new MessageChannel()
  const logEvents = new MessageChannel()
  const historyEvents = new MessageChannel()
  const readers = new MessageChannel()
  const start = (entry: string, workerData: object, transferList: MessagePort[]): Worker => {
    const worker = new Worker(new URL(entry, import.meta.url), { workerData, transferList })
    context.after(() => worker.terminate())
    return worker
  }
  const inner = channels.map(({ port2 }) => port2)
  const logWorker = start('./log-thread.ts', { fronts: inner, history: between.port1, events: logEvents.port2 }, [
    ...inner,
    between.port1,
    logEvents.port2,
  ])
  const historyData = { log: between.port2, events: historyEvents.port2, readers: [readers.port2] }
  const historyWorker = start('./history-thread.ts', historyData, [between.port2, historyEvents.port2, readers.port2])
  const progress: LogProgress[] = []
  logEvents.port1.on('message', (message: LogProgress) => progress.push(message))
  const log = connect<LogThread>(logWorker)
  const history = connect<HistoryThread>(historyWorker)
  return {
    log,
    history,
    reader: connect<HistoryThread>(readers.port1),
    fronts: channels.map(({ port1 }) => port1),
    progress,
    stop: async () => {
      await history.stop()
      await log.stop()
      for (const { port1 } of [...channels, logEvents, historyEvents, readers]) port1.close()
    },
  }
}

test('fronts append, hear of it, and the core reads it back, through the threads', async (context) => {
  const folder = testFolder(context)
  const files = { logFile: join(folder, 'log.db'), historyFile: join(folder, 'history.db') }
  const key = testKey(1)
  const threads = startThreads(context, 2)
  assert.deepEqual(await threads.log.open({ file: files.logFile, partitions: 2 }), { partitions: 2 })
  assert.deepEqual(await threads.history.open(files), { partitions: 2 })
  const position = { kind: 'sequence', from: 0 } as const
  await assert.rejects(threads.history.readPartition({ partition: 0, position, messagesMax: 1 }), { code: 'no-keys' })
  await threads.history.setKeys([key])
  const sealer = new TestSealer(key, 2)
  const answers = threads.fronts.map(
    (port) =>
      new Promise<readonly LogToFront[]>((resolve) => {
        const heard: LogToFront[] = []
        port.on('message', (message: LogToFront) => {
          if (heard.push(message) === 5) resolve(heard)
        })
      }),
  )
  for (let ticket = 0; ticket < 5; ticket++) {
    for (const [front, port] of threads.fronts.entries()) {
      const sent = Array.from({ length: 10 }, (_, index) => ({
        deviceId: `f${front}d${index % 3}`,
        enqueued: 1_000 + ticket,
        body: `${ticket} ${index}`,
      }))
      const append: FrontToLog = { kind: 'append', ticket, batches: sealer.seal(sent) }
      port.postMessage(
        append,
        append.batches.map(({ sealed }) => sealed.buffer),
      )
    }
  }
  for (const heard of await Promise.all(answers)) {
    assert.deepEqual(
      heard,
      [0, 1, 2, 3, 4].map((ticket) => ({ kind: 'committed', ticket })),
    )
  }
  const states = await threads.history.partitions()
  assert.equal(
    states.reduce((sum, { nextSequence }) => sum + nextSequence, 0),
    100,
  )
  await threads.history.regroupNow()
  const deadline = performance.now() + 5_000
  while ((await threads.history.statistics()).backlogMessages > 0 || (await logRows(threads.log)) > 0) {
    assert.ok(performance.now() < deadline, 'regrouping and trimming take too long')
  }
  const request = { deviceId: 'f1d2', from: timestampOf(0), to: timestampOf(10_000), messagesMax: 100 }
  const { messages } = await threads.history.readDevice(request)
  assert.deepEqual(
    messages.map(({ body }) => Buffer.from(body).toString()),
    [0, 1, 2, 3, 4].flatMap((ticket) => [2, 5, 8].map((index) => `${ticket} ${index}`)),
  )
  assert.deepEqual((await threads.reader.readDevice(request)).messages, messages)
  await assert.rejects(threads.reader.dropEpoch(1), /no method dropEpoch/, 'who reads may do nothing else')
  assert.deepEqual(await threads.history.dropEpoch(1), { messages: 100 })
  assert.deepEqual((await threads.history.readDevice(request)).messages, [])
  await threads.stop()
  assert.ok(threads.progress.length >= 1)
  assert.equal(threads.progress.at(-1)?.messages, 100)
})

/** Messages that the log itself still holds. */
async function logRows(log: Remote<LogThread>): Promise<number> {
  const { partitions } = await log.statistics()
  return partitions.reduce((sum, { firstSequence, nextSequence }) => sum + nextSequence - firstSequence, 0)
}

test('what is wrong with a file is the answer to `open`, in words and with a code', async (context) => {
  const folder = testFolder(context)
  const file = join(folder, 'log.db')
  writeFileSync(file, 'this is no database, whatever it is called.'.repeat(100))
  const threads = startThreads(context, 1)
  await assert.rejects(threads.log.open({ file }), { code: 'STORE_DAMAGED', message: /log\.db: .*restore/ })
})
