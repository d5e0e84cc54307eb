import assert from 'node:assert/strict'
import { readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type TestContext, test } from 'node:test'
import { timestampOf } from '@holdfast/base'
import { type Position, partitionOf, type TelemetryMessage } from '@holdfast/messaging'
import { StoreDamagedError } from '../damaged.ts'
import { type Sent, TestSealer, testFolder, testKey } from '../testing/batches.ts'
import { type Filled, openTelemetry, settle } from '../testing/fill.ts'
import { smallDisk } from '../testing/small-disk.ts'
import type { Dropped } from './retention.ts'

const KEY = testKey(1)
const START = 1_700_000_000_000
const NEVER = timestampOf(START)

interface Fixture extends Filled {
  readonly folder: string
  readonly dropped: Dropped[]
  /** Sends messages and leaves them in the log. */
  send(count: number, options?: { readonly sealer?: TestSealer; readonly bodyBytes?: number }): readonly Sent[]
  /** Sends messages and regroups them into one segment a partition. */
  sendAndRegroup(
    count: number,
    options?: { readonly sealer?: TestSealer; readonly bodyBytes?: number },
  ): readonly Sent[]
  readonly sent: Sent[]
  readonly sealer: TestSealer
  reopen(): Fixture
}

function fixture(
  context: TestContext,
  options: { readonly partitions?: number; readonly devices?: number } = {},
): Fixture {
  return openFixture({ ...options, folder: testFolder(context), sent: [] })
}

function openFixture(options: {
  readonly folder: string
  readonly sent: Sent[]
  readonly partitions?: number
  readonly devices?: number
}): Fixture {
  const { folder, sent, partitions = 2, devices = 10 } = options
  const dropped: Dropped[] = []
  const filled = openTelemetry(folder, { key: KEY, partitions, history: { onDropped: (drop) => dropped.push(drop) } })
  const sealer = new TestSealer(KEY, partitions)
  const send: Fixture['send'] = (count, sending = {}) => {
    const messages = Array.from({ length: count }, (_, index) => ({
      deviceId: `d${(sent.length + index) % devices}`,
      enqueued: START + (sent.length + index) * 1_000,
      body: String(sent.length + index).padEnd(sending.bodyBytes ?? 20),
    }))
    const commit = Math.max(50, count / 4)
    for (let at = 0; at < count; at += commit) {
      filled.log.append((sending.sealer ?? sealer).seal(messages.slice(at, at + commit)))
    }
    sent.push(...messages)
    return messages
  }
  return {
    ...filled,
    folder,
    dropped,
    sent,
    sealer,
    send,
    sendAndRegroup: (count, sending) => {
      const messages = send(count, sending)
      filled.history.regroupNow()
      settle(filled.history, NEVER)
      return messages
    },
    reopen: () => {
      filled.close()
      return openFixture(options)
    },
  }
}

function textOf(message: TelemetryMessage): string {
  return Buffer.from(message.body).toString()
}

async function readAll(
  { history }: Filled,
  partition: number,
  options: { readonly position?: Position; readonly messagesMax?: number } = {},
): Promise<{ readonly messages: readonly TelemetryMessage[]; readonly next: Position; readonly unreadable: number }> {
  const messages: TelemetryMessage[] = []
  let unreadable = 0
  let position = options.position ?? { kind: 'sequence', from: 0 }
  for (;;) {
    const page = await history.reader.readPartition({ partition, position, messagesMax: options.messagesMax ?? 37 })
    messages.push(...page.messages)
    unreadable += page.unreadable ?? 0
    position = page.next
    if (page.atEnd) return { messages, next: position, unreadable }
    assert.ok(page.messages.length > 0 || page.unreadable !== undefined)
  }
}

async function readDevice(
  { history }: Filled,
  deviceId: string,
  options: { readonly from?: number; readonly to?: number; readonly messagesMax?: number } = {},
): Promise<readonly TelemetryMessage[]> {
  const messages: TelemetryMessage[] = []
  let cursor: string | undefined
  do {
    const page = await history.reader.readDevice({
      deviceId,
      from: timestampOf(options.from ?? 0),
      to: timestampOf(options.to ?? START * 2),
      messagesMax: options.messagesMax ?? 7,
      ...(cursor === undefined ? {} : { cursor }),
    })
    messages.push(...page.messages)
    cursor = page.cursor
  } while (cursor !== undefined)
  return messages
}

/** Everything sent is read back once, in order, by partition and by device. */
async function assertWhole(fixture: Fixture, partitions = 2): Promise<void> {
  const { sent } = fixture
  for (let partition = 0; partition < partitions; partition++) {
    const { messages, next } = await readAll(fixture, partition)
    const expected = sent.filter(({ deviceId }) => partitionOf(deviceId, partitions) === partition)
    assert.deepEqual(
      messages.map(textOf),
      expected.map(({ body }) => body),
    )
    assert.deepEqual(
      messages.map(({ sequenceNumber }) => sequenceNumber),
      expected.map((_, index) => index),
    )
    assert.deepEqual(next, { kind: 'sequence', from: expected.length })
    for (const [index, message] of messages.entries()) {
      const following = messages[index + 1]
      if (following !== undefined) assert.ok(following.offset > message.offset)
      assert.equal(message.partition, partition)
    }
  }
  for (const deviceId of new Set(sent.map((each) => each.deviceId))) {
    const messages = await readDevice(fixture, deviceId)
    assert.deepEqual(
      messages.map(textOf),
      sent.filter((each) => each.deviceId === deviceId).map(({ body }) => body),
    )
  }
}

test('messages are read back the same from the log, from segments, and from both', async (context) => {
  const telemetry = fixture(context)
  telemetry.send(300)
  await assertWhole(telemetry)
  assert.equal(telemetry.history.statistics().segments, 0)
  telemetry.sendAndRegroup(300)
  assert.equal(telemetry.history.statistics().segments, 2)
  assert.equal(telemetry.history.statistics().backlogMessages, 0)
  await assertWhole(telemetry)
  telemetry.send(200)
  await assertWhole(telemetry)
  const [message] = await readDevice(telemetry, 'd3')
  assert.deepEqual(
    { ...message, body: undefined, offset: 0 },
    {
      partition: partitionOf('d3', 2),
      sequenceNumber: message?.sequenceNumber,
      offset: 0,
      enqueuedTime: START + 3_000,
      deviceId: 'd3',
      generationId: 'g',
      authMethod: '{}',
      bag: 'k=v',
      isWill: false,
      isRetained: false,
      body: undefined,
    },
  )
  const again = telemetry.reopen()
  await assertWhole(again)
  again.close()
})

test('regrouping trims the log', (context) => {
  const telemetry = fixture(context)
  telemetry.sendAndRegroup(500)
  const { partitions } = telemetry.log.statistics()
  for (const { firstSequence, nextSequence } of partitions) assert.equal(firstSequence, nextSequence)
  telemetry.close()
})

test('positions: after an offset, after a time, from a sequence number; in segments and in the log', async (context) => {
  const telemetry = fixture(context, { partitions: 1 })
  telemetry.sendAndRegroup(200)
  telemetry.send(200)
  const { messages } = await readAll(telemetry, 0)
  for (const index of [0, 1, 99, 199, 200, 201, 398]) {
    const at = messages[index]
    assert.ok(at)
    const rest = messages.slice(index + 1).map(textOf)
    for (const position of [
      { kind: 'offset', after: at.offset },
      { kind: 'offset', after: at.offset + 5 },
      { kind: 'enqueued', after: at.enqueuedTime },
      { kind: 'enqueued', after: timestampOf(at.enqueuedTime + 999) },
      { kind: 'sequence', from: at.sequenceNumber + 1 },
    ] as const) {
      assert.deepEqual((await readAll(telemetry, 0, { position })).messages.map(textOf), rest, JSON.stringify(position))
    }
  }
  assert.equal((await readAll(telemetry, 0, { position: { kind: 'offset', after: -1 } })).messages.length, 400)
  const last = messages.at(-1)
  assert.ok(last)
  // The end: an empty page, from which later messages are found.
  for (const position of [
    { kind: 'offset', after: last.offset },
    { kind: 'enqueued', after: last.enqueuedTime },
    { kind: 'sequence', from: 400 },
  ] as const) {
    const end = await telemetry.history.reader.readPartition({ partition: 0, position, messagesMax: 10 })
    assert.deepEqual([end.messages.length, end.atEnd], [0, true])
  }
  const state = await telemetry.history.reader.partitions()
  assert.deepEqual(state, [
    { partition: 0, firstSequence: 0, nextSequence: 400, lastOffset: last.offset, lastEnqueued: last.enqueuedTime },
  ])
  telemetry.close()
})

test('an empty hub: every partition is empty and at its end', async (context) => {
  const telemetry = fixture(context)
  assert.deepEqual(await telemetry.history.reader.partitions(), [
    { partition: 0, firstSequence: 0, nextSequence: 0, lastOffset: -1, lastEnqueued: undefined },
    { partition: 1, firstSequence: 0, nextSequence: 0, lastOffset: -1, lastEnqueued: undefined },
  ])
  assert.deepEqual((await readAll(telemetry, 0)).messages, [])
  assert.deepEqual(await readDevice(telemetry, 'nobody'), [])
  telemetry.close()
})

test('what a caller may not ask', async (context) => {
  const telemetry = fixture(context)
  telemetry.send(10)
  const { reader } = telemetry.history
  const position: Position = { kind: 'sequence', from: 0 }
  for (const partition of [-1, 2, 0.5, Number.NaN]) {
    await assert.rejects(reader.readPartition({ partition, position, messagesMax: 1 }), { code: 'no-partition' })
  }
  for (const messagesMax of [0, -1, 1.5]) {
    await assert.rejects(reader.readPartition({ partition: 0, position, messagesMax }), TypeError)
  }
  for (const cursor of ['', 's', 's-1', 's01', 's1 ', '1', 's99999999999999999', "s0' OR 1"]) {
    const request = { deviceId: 'd1', from: timestampOf(0), to: timestampOf(1), messagesMax: 1, cursor }
    await assert.rejects(reader.readDevice(request), { code: 'bad-cursor' }, cursor)
  }
  assert.deepEqual(await readDevice(telemetry, 'x'.repeat(300)), [])
  telemetry.close()
})

test('a time range is from its start up to, not including, its end', async (context) => {
  const telemetry = fixture(context, { devices: 3 })
  telemetry.sendAndRegroup(90)
  telemetry.send(90)
  const range = { from: START + 30_000, to: START + 120_000 }
  const found = await readDevice(telemetry, 'd0', range)
  const expected = telemetry.sent.filter(
    ({ deviceId, enqueued }) => deviceId === 'd0' && enqueued >= range.from && enqueued < range.to,
  )
  assert.deepEqual(
    found.map(textOf),
    expected.map(({ body }) => body),
  )
  assert.equal(found.length, 30)
  telemetry.close()
})

test('one device of an hour: ten times more messages outside the range cost no more pages', async (context) => {
  const pages: number[] = []
  for (const messages of [2_000, 20_000]) {
    const telemetry = fixture(context, { devices: 40, partitions: 2 })
    for (let sent = 0; sent < messages; sent += 2_000) telemetry.sendAndRegroup(2_000, { bodyBytes: 200 })
    const before = telemetry.history.statistics()
    const found = await readDevice(telemetry, 'd5', { from: START, to: START + 1_000_000, messagesMax: 1_000 })
    const after = telemetry.history.statistics()
    assert.equal(found.length, 25)
    pages.push(after.pagesOpened - before.pagesOpened)
    assert.equal(after.batchesOpened, before.batchesOpened)
    telemetry.close()
  }
  assert.ok((pages[0] ?? 0) >= 1 && (pages[0] ?? 0) <= 2, `pages: ${pages.join(' ')}`)
  assert.ok((pages[1] ?? 0) <= (pages[0] ?? 0) + 2, `pages: ${pages.join(' ')}`)
})

test('small neighbours are merged, and read the same', async (context) => {
  const telemetry = fixture(context)
  for (let index = 0; index < 20; index++) telemetry.sendAndRegroup(40)
  assert.ok(telemetry.history.statistics().segments <= 20, `${telemetry.history.statistics().segments} segments`)
  await assertWhole(telemetry)
  assert.deepEqual((await telemetry.history.verify()).findings, [])
  telemetry.close()
})

test('reading goes on while regrouping and merging go on', async (context) => {
  const telemetry = fixture(context)
  for (let index = 0; index < 5; index++) {
    telemetry.send(300, { bodyBytes: 300 })
    telemetry.history.regroupNow()
    const background = (async () => {
      while (telemetry.history.step(NEVER) === 0) await new Promise((resolve) => setImmediate(resolve))
    })()
    await assertWhole(telemetry)
    await background
  }
  telemetry.close()
})

test('a backlog is regrouped when it is old, or large, and not before', (context) => {
  const telemetry = fixture(context, { partitions: 1 })
  telemetry.send(100)
  settle(telemetry.history, timestampOf(START + 9 * 60_000))
  assert.equal(telemetry.history.statistics().segments, 0)
  telemetry.history.setRetention({}) // Looks again at once.
  settle(telemetry.history, timestampOf(START + 10 * 60_000))
  assert.equal(telemetry.history.statistics().segments, 1)
  telemetry.close()
})

test('a page holds one epoch; dropping an epoch makes its messages a gap, and the rest stays', async (context) => {
  const telemetry = fixture(context)
  const key = testKey(2)
  const sealer = new TestSealer(key, 2)
  telemetry.history.setKeys([KEY, key])
  telemetry.send(100)
  telemetry.send(100, { sealer })
  telemetry.sendAndRegroup(100)
  telemetry.send(100, { sealer })
  telemetry.send(100)
  await assertWhole(telemetry)
  const { messages } = telemetry.history.dropEpoch(2)
  assert.equal(messages, 200)
  for (let round = 0; round < 3; round++) {
    let read = 0
    let unreadable = 0
    for (const partition of [0, 1]) {
      const answer = await readAll(telemetry, partition)
      read += answer.messages.length
      unreadable += answer.unreadable
      for (const message of answer.messages) {
        assert.equal(textOf(message), telemetry.sent.find(({ body }) => body === textOf(message))?.body)
      }
    }
    assert.deepEqual([read, unreadable], [300, 200])
    // At once, after deleting, and after regrouping what the log held of it.
    if (round === 1) telemetry.history.regroupNow()
    settle(telemetry.history, NEVER)
  }
  assert.deepEqual(telemetry.history.dropEpoch(2), { messages: 0 })
  telemetry.history.setKeys([KEY, key]) // A key that comes back opens nothing.
  const again = telemetry.reopen()
  assert.equal((await readAll(again, 0)).messages.length + (await readAll(again, 1)).messages.length, 300)
  assert.deepEqual((await again.history.verify()).findings, [])
  again.close()
})

test('without a key nothing is read, regrouped or deleted; when it comes, all is there', async (context) => {
  const telemetry = fixture(context, { partitions: 1 })
  const newer = testKey(5)
  telemetry.send(50)
  telemetry.send(50, { sealer: new TestSealer(newer, 1) })
  // The front had the new key before we had: for readers those messages have not arrived.
  assert.equal((await readAll(telemetry, 0)).messages.length, 50)
  telemetry.history.regroupNow()
  settle(telemetry.history, NEVER)
  assert.equal(telemetry.history.statistics().backlogMessages, 50)
  assert.deepEqual(
    telemetry.history.statistics().blocked.map(({ reason, partition }) => [reason, partition]),
    [['awaited-key', 0]],
  )
  telemetry.history.setKeys([KEY, newer])
  telemetry.history.regroupNow()
  settle(telemetry.history, NEVER)
  assert.equal(telemetry.history.statistics().backlogMessages, 0)
  await assertWhole(telemetry, 1)
  telemetry.close()
})

test('retention by age drops whole segments, oldest first, then batches of the log, and says what', async (context) => {
  const telemetry = fixture(context, { partitions: 1 })
  for (let index = 0; index < 4; index++) telemetry.sendAndRegroup(100)
  telemetry.send(100)
  telemetry.history.setRetention({ ageMs: 100_000 })
  // The first two segments end at 199 s and before.
  settle(telemetry.history, timestampOf(START + 300_000))
  assert.deepEqual(
    telemetry.dropped.map(({ reason, messages, firstSequence, nextSequence }) => [
      reason,
      messages,
      firstSequence,
      nextSequence,
    ]),
    [
      ['age', 100, 0, 100],
      ['age', 100, 100, 200],
    ],
  )
  const { messages } = await readAll(telemetry, 0)
  assert.deepEqual(
    messages.map(textOf),
    telemetry.sent.slice(200).map(({ body }) => body),
  )
  assert.equal((await telemetry.history.reader.partitions())[0]?.firstSequence, 200)
  telemetry.history.setRetention({ ageMs: 1_000 })
  settle(telemetry.history, timestampOf(START + 10_000_000))
  const state = (await telemetry.history.reader.partitions())[0]
  assert.deepEqual([state?.firstSequence, state?.nextSequence], [500, 500])
  assert.deepEqual((await readAll(telemetry, 0)).messages, [])
  const again = telemetry.reopen()
  again.send(10)
  assert.equal((await readAll(again, 0)).messages[0]?.sequenceNumber, 500)
  again.close()
})

test('retention by size bounds what the files hold, and freed pages are used again', (context) => {
  const telemetry = fixture(context, { partitions: 2 })
  const bytesMax = 2 * 1024 * 1024
  telemetry.history.setRetention({ bytesMax })
  let fileMax = 0
  for (let index = 0; index < 12; index++) {
    // Bodies that do not compress.
    const bodies = Array.from({ length: 500 }, (_, each) => ({
      deviceId: `d${each % 10}`,
      enqueued: START + index * 500 + each,
      body: Buffer.from(crypto.getRandomValues(new Uint8Array(600))).toString('latin1'),
    }))
    telemetry.log.append(telemetry.sealer.seal(bodies))
    telemetry.history.regroupNow()
    settle(telemetry.history, NEVER)
    telemetry.history.setRetention({ bytesMax })
    settle(telemetry.history, NEVER)
    fileMax = Math.max(fileMax, telemetry.history.statistics().fileBytes)
  }
  const { usedBytes, droppedMessages } = telemetry.history.statistics()
  assert.ok(usedBytes <= bytesMax, `${usedBytes} in use`)
  assert.ok(fileMax <= bytesMax * 1.6, `the file grew to ${fileMax}`)
  assert.ok(droppedMessages > 0)
  assert.throws(() => telemetry.history.setRetention({ bytesMax: 5 }), TypeError)
  assert.throws(() => telemetry.history.setRetention({ ageMs: 0 }), TypeError)
  telemetry.close()
})

test('a full disk stops regrouping, not reading; when there is room it goes on', async (context) => {
  const folder = smallDisk(context, 12)
  if (folder === undefined) {
    context.skip('needs the right to mount a tmpfs')
    return
  }
  const telemetry = openFixture({ folder, sent: [], partitions: 1 })
  telemetry.send(2_000, { bodyBytes: 1_000 })
  const ballast = join(folder, 'ballast')
  const { bavail, bsize } = statfsSync(folder)
  writeFileSync(ballast, Buffer.alloc(bavail * bsize - 64 * 1024))
  telemetry.history.regroupNow()
  settle(telemetry.history, NEVER)
  assert.match(telemetry.history.statistics().unavailable ?? '', /disk-full/)
  await assertWhole(telemetry, 1)
  rmSync(ballast)
  telemetry.history.regroupNow()
  settle(telemetry.history, NEVER)
  assert.equal(telemetry.history.statistics().unavailable, undefined)
  assert.equal(telemetry.history.statistics().backlogMessages, 0)
  await assertWhole(telemetry, 1)
  assert.deepEqual((await telemetry.history.verify()).findings, [])
  telemetry.close()
})

function edit(file: string, sql: string): void {
  const database = new DatabaseSync(file)
  database.exec(sql)
  database.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  database.close()
}

test('a damaged page or batch is an error that names it, never silence', async (context) => {
  const telemetry = fixture(context, { partitions: 1 })
  telemetry.sendAndRegroup(100)
  telemetry.send(100)
  telemetry.close()
  edit(
    join(telemetry.folder, 'history.db'),
    "UPDATE page SET sealed = CAST(substr(sealed, 1, 90) || x'00' || substr(sealed, 92) AS BLOB)",
  )
  edit(
    join(telemetry.folder, 'log.db'),
    "UPDATE batch SET sealed = CAST(substr(sealed, 1, 90) || x'00' || substr(sealed, 92) AS BLOB)",
  )
  const damaged = openFixture({ folder: telemetry.folder, sent: telemetry.sent, partitions: 1 })
  await assert.rejects(
    readAll(damaged, 0),
    /history\.db: segment 1 \(partition 0, sequences 0 to 99\) is damaged: page 1/,
  )
  await assert.rejects(readDevice(damaged, 'd1'), { code: 'damaged' })
  const position: Position = { kind: 'sequence', from: 100 }
  await assert.rejects(
    readAll(damaged, 0, { position }),
    /log\.db: the batch at sequence 100 \(50 messages\) of partition 0/,
  )
  damaged.history.regroupNow()
  settle(damaged.history, NEVER)
  assert.deepEqual(
    damaged.history.statistics().blocked.map(({ reason }) => reason),
    ['damaged'],
  )
  assert.equal(damaged.history.statistics().backlogMessages, 100)
  const { findings } = await damaged.history.verify()
  assert.ok(
    findings.some((finding) => finding.includes('segment 1')) &&
      findings.some((finding) => finding.includes('sequence 100')),
  )
  damaged.close()
})

test('a page may not stand in for another, nor a row lie about its page', async (context) => {
  const telemetry = fixture(context, { partitions: 1 })
  telemetry.sendAndRegroup(400, { bodyBytes: 1_000 })
  telemetry.close()
  for (const sql of [
    'UPDATE page SET sealed = (SELECT sealed FROM page WHERE id = 2) WHERE id = 1',
    "UPDATE page SET last_device = 'd99' WHERE id = 3",
    'UPDATE page SET epoch = 2 WHERE id = 1',
  ]) {
    const folder = testFolder(context)
    for (const name of ['log.db', 'history.db'])
      writeFileSync(join(folder, name), readFileSync(join(telemetry.folder, name)))
    edit(join(folder, 'history.db'), sql)
    const damaged = openFixture({ folder, sent: [], partitions: 1 })
    damaged.history.setKeys([KEY, { ...KEY, epoch: 2 }])
    await assert.rejects(readAll(damaged, 0), { code: 'damaged' }, sql)
    damaged.close()
  }
})

test('files that do not fit together are refused by name', (context) => {
  const telemetry = fixture(context, { partitions: 1 })
  telemetry.sendAndRegroup(100)
  telemetry.send(10)
  telemetry.close()
  const { folder, sent } = telemetry
  const open = (): Fixture => openFixture({ folder, sent, partitions: 1 })
  const refuses = (sql: string, file: string, what: RegExp): void => {
    const before = readFileSync(join(folder, file))
    edit(join(folder, file), sql)
    assert.throws(open, (error: unknown) => {
      assert.ok(error instanceof StoreDamagedError, String(error))
      assert.match(error.message, what)
      return true
    })
    writeFileSync(join(folder, file), before)
  }
  refuses(
    'DELETE FROM segment',
    'history.db',
    /history\.db: the segments of partition 0 end at sequence 0 where 100 was due/,
  )
  refuses('UPDATE segment SET first_sequence = 1', 'history.db', /begins at sequence 1 where 0 was due/)
  refuses(
    'DELETE FROM segment; UPDATE partition SET next_sequence = 0',
    'history.db',
    /history\.db: .*messages between are missing/,
  )
  refuses(
    'DELETE FROM batch; UPDATE partition SET floor_sequence = 90, floor_offset = 1000',
    'log.db',
    /log\.db: partition 0 ends at sequence 90, but the history already holds/,
  )
  refuses('INSERT INTO partition VALUES (1, 0, 0, 0, -1, NULL)', 'history.db', /2 partitions, the log has 1/)
  open().close()
})
