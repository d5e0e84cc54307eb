import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { type Clock, instantOf, timestampOf } from '@holdfast/base'
import type { TelemetryItem } from '@holdfast/iothub'
import { type FrontToLog, type LogToFront, openBatch, type TelemetryMessage } from '@holdfast/messaging'
import { TelemetryInlet, TelemetryUnavailableError } from './telemetry-inlet.ts'

const PARTITIONS = 4
const CLOCK: Clock = { monotonic: () => instantOf(0), wall: () => timestampOf(1_700_000_000_000) }
const ORIGIN = {
  deviceId: 'd',
  generationId: 'g',
  authMethod: '{"scope":"device","type":"sas","issuer":"iothub","acceptingIpFilterRule":null}',
}
const KEYS = new Map([1, 2].map((epoch) => [epoch, new Uint8Array(randomBytes(32))]))

/** An inlet with a log at the other end that the test answers for. */
function stage(context: TestContext) {
  const { port1, port2 } = new MessageChannel()
  context.after(() => port1.close())
  const appends: FrontToLog[] = []
  let arrived: () => void = () => undefined
  port1.on('message', (append: FrontToLog) => {
    appends.push(append)
    arrived()
  })
  const inlet = new TelemetryInlet({
    log: port2,
    partitions: PARTITIONS,
    clock: CLOCK,
    random: (bytes) => new Uint8Array(randomBytes(bytes)),
  })
  const answer = (message: LogToFront): void => (port1 as MessagePort).postMessage(message)
  const appended = async (count: number): Promise<void> => {
    while (appends.length < count) await new Promise<void>((resolve) => (arrived = resolve))
  }
  const messagesOf = ({ batches }: FrontToLog): readonly TelemetryMessage[] =>
    batches.flatMap((batch) => openBatch({ ...batch, firstSequence: 0, firstOffset: 0 }, (epoch) => KEYS.get(epoch)))
  return { inlet, appends, appended, answer, messagesOf }
}

function use(inlet: TelemetryInlet, epoch: number): void {
  inlet.useKey(epoch, KEYS.get(epoch) ?? new Uint8Array(32))
}

function items(...texts: readonly string[]): readonly TelemetryItem[] {
  return texts.map((text) => ({ entries: [{ name: 'a b', value: text }], body: Buffer.from(text) }))
}

async function isPending(promise: Promise<unknown>): Promise<boolean> {
  const mark = Symbol('pending')
  return (await Promise.race([promise, new Promise((resolve) => setImmediate(() => resolve(mark)))])) === mark
}

test('a request is answered when, and only when, the log has it; messages carry who sent them, in order', async (context) => {
  const { inlet, appends, appended, answer, messagesOf } = stage(context)
  use(inlet, 1)
  const done = inlet.append(ORIGIN, items('one', 'two'))
  await appended(1)
  assert.ok(await isPending(done))
  const [append] = appends
  assert.ok(append !== undefined)
  answer({ kind: 'committed', ticket: append.ticket })
  await done
  assert.deepEqual(
    messagesOf(append).map(({ deviceId, generationId, authMethod, bag, body }) => [
      deviceId,
      generationId,
      authMethod,
      bag,
      Buffer.from(body).toString(),
    ]),
    ['one', 'two'].map((text) => ['d', 'g', ORIGIN.authMethod, `a%20b=${text}`, text]),
  )
  assert.deepEqual(
    [inlet.statistics().messages, inlet.statistics().messageBytes, inlet.statistics().pendingBytes],
    [2, 6, 0],
  )
})

test('a batch of any size is one append, so that it is stored whole or not at all', async (context) => {
  const { inlet, appends, appended, answer, messagesOf } = stage(context)
  use(inlet, 1)
  const texts = Array.from({ length: 1_000 }, (_, at) => String(at).padEnd(250))
  const done = inlet.append(ORIGIN, items(...texts))
  await appended(1)
  const [append] = appends
  assert.ok(append !== undefined)
  assert.deepEqual(
    messagesOf(append).map(({ body }) => Buffer.from(body).toString()),
    texts,
  )
  answer({ kind: 'committed', ticket: append.ticket })
  await done
  assert.equal(appends.length, 1)
})

test('requests of one turn share an append; while two are out, the next wait together', async (context) => {
  const { inlet, appends, appended, answer } = stage(context)
  use(inlet, 1)
  const first = [inlet.append(ORIGIN, items('1')), inlet.append({ ...ORIGIN, deviceId: 'e' }, items('2'))]
  await appended(1)
  const second = inlet.append(ORIGIN, items('3'))
  await appended(2)
  const third = [inlet.append(ORIGIN, items('4')), inlet.append(ORIGIN, items('5'))]
  assert.ok(await isPending(Promise.race(third)))
  assert.equal(appends.length, 2)
  answer({ kind: 'committed', ticket: appends[0]?.ticket ?? -1 })
  await Promise.all(first)
  await appended(3)
  for (const append of appends.slice(1)) answer({ kind: 'committed', ticket: append.ticket })
  await Promise.all([second, ...third])
})

test('a new key seals what comes after it', async (context) => {
  const { inlet, appends, appended, answer } = stage(context)
  await assert.rejects(inlet.append(ORIGIN, items('x')), TelemetryUnavailableError)
  for (const epoch of [1, 2]) {
    use(inlet, epoch)
    const done = inlet.append(ORIGIN, items('x'))
    await appended(epoch)
    const append = appends[epoch - 1]
    assert.equal(append?.batches[0]?.epoch, epoch)
    answer({ kind: 'committed', ticket: append.ticket })
    await done
  }
})

test('while the log takes nothing, requests are refused at once; what was handed over is settled later', async (context) => {
  const { inlet, appends, appended, answer } = stage(context)
  use(inlet, 1)
  const done = inlet.append(ORIGIN, items('x'))
  await appended(1)
  answer({ kind: 'state', available: false, reason: 'disk-full' })
  while (inlet.statistics().logUnavailable === undefined) await new Promise((resolve) => setImmediate(resolve))
  await assert.rejects(inlet.append(ORIGIN, items('y')), TelemetryUnavailableError)
  assert.ok(await isPending(done))
  answer({ kind: 'state', available: true, reason: '' })
  answer({ kind: 'committed', ticket: appends[0]?.ticket ?? -1 })
  await done
  assert.equal(appends.length, 1)
})

test('what waits is bounded', async (context) => {
  const { inlet, appends, appended, answer } = stage(context)
  use(inlet, 1)
  const large: readonly TelemetryItem[] = [{ entries: [], body: new Uint8Array(256 * 1024) }]
  const taken: Promise<void>[] = []
  for (let refused = false; !refused; ) {
    const done = inlet.append(ORIGIN, large)
    const outcome = await Promise.race([done.catch(() => 'refused'), new Promise((resolve) => setImmediate(resolve))])
    refused = outcome === 'refused'
    if (!refused) taken.push(done)
    assert.ok(taken.length < 100)
  }
  assert.ok(taken.length >= 63)
  await appended(2)
  for (let settled = 0; settled < appends.length; settled += 1) {
    answer({ kind: 'committed', ticket: appends[settled]?.ticket ?? -1 })
    await new Promise((resolve) => {
      setTimeout(resolve, 20)
    })
  }
  await Promise.all(taken)
})
