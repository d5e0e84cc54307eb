import assert from 'node:assert/strict'
import { readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type TestContext, test } from 'node:test'
import { openBatch, type SealedBatch } from '@holdfast/messaging'
import { StoreDamagedError } from '../damaged.ts'
import { type Sent, TestSealer, testFolder, testKey } from '../testing/batches.ts'
import { smallDisk } from '../testing/small-disk.ts'
import { LogTail } from './log-tail.ts'
import { SqliteTelemetryLog } from './telemetry-log.ts'

const KEY = testKey(3)

function sent(count: number, from = 0, bytes = 40): readonly Sent[] {
  return Array.from({ length: count }, (_, index) => ({
    deviceId: `d${(from + index) % 7}`,
    enqueued: 1_000 + from + index,
    body: String(from + index).padEnd(bytes),
  }))
}

function bodiesOf(file: string): readonly string[] {
  const tail = new LogTail(file)
  const bodies: string[] = []
  for (let partition = 0; partition < tail.readEnds().length; partition++) {
    for (const row of tail.batchesFrom(partition, 0, 100_000)) {
      const batch = tail.read(row)
      assert.ok(batch)
      for (const message of openBatch(batch, () => KEY.key)) bodies.push(Buffer.from(message.body).toString().trim())
    }
  }
  tail.close()
  return bodies
}

test('what was committed is there, in order, after closing and opening', (context) => {
  const file = join(testFolder(context), 'log.db')
  const sealer = new TestSealer(KEY, 4)
  const log = new SqliteTelemetryLog({ file })
  assert.equal(log.partitionCount, 4)
  for (let from = 0; from < 100; from += 10) assert.equal(log.append(sealer.seal(sent(10, from))).kind, 'committed')
  const { nextSequences } = log
  assert.equal(
    nextSequences.reduce((sum, next) => sum + next),
    100,
  )
  log.close()
  const again = new SqliteTelemetryLog({ file, partitions: 4 })
  assert.deepEqual(again.nextSequences, nextSequences)
  const bodies = bodiesOf(file)
  assert.deepEqual(
    bodies.map(Number).toSorted((a, b) => a - b),
    Array.from({ length: 100 }, (_, index) => index),
  )
  again.close()
})

test('one call may hold several batches of a partition; sequence and offset go on from one to the next', (context) => {
  const file = join(testFolder(context), 'log.db')
  const log = new SqliteTelemetryLog({ file, partitions: 1 })
  const sealer = new TestSealer(KEY, 1)
  const batches = [...sealer.seal(sent(3)), ...sealer.seal(sent(2, 3)), ...sealer.seal(sent(4, 5))]
  assert.deepEqual(log.append(batches), { kind: 'committed', nextSequences: [9] })
  const tail = new LogTail(file)
  const rows = tail.batchesFrom(0, 0, 10)
  assert.deepEqual(
    rows.map((row) => [row.firstSequence, row.count]),
    [
      [0, 3],
      [3, 2],
      [5, 4],
    ],
  )
  assert.equal(rows[2]?.firstOffset, (batches[0]?.plainBytes ?? 0) + (batches[1]?.plainBytes ?? 0))
  assert.deepEqual(tail.batchesFrom(0, 4, 1)[0]?.firstSequence, 3)
  assert.deepEqual(tail.batchesFrom(0, 9, 1), [])
  tail.close()
  log.close()
})

test('a batch for a partition that does not exist is a bug, and nothing of its call is kept', (context) => {
  const log = new SqliteTelemetryLog({ file: join(testFolder(context), 'log.db'), partitions: 2 })
  const [good] = new TestSealer(KEY, 1).seal(sent(1))
  assert.ok(good)
  assert.throws(() => log.append([good, { ...good, partition: 2 }]), TypeError)
  assert.deepEqual(log.nextSequences, [0, 0])
  log.close()
})

test('the number of partitions is fixed', (context) => {
  const file = join(testFolder(context), 'log.db')
  new SqliteTelemetryLog({ file, partitions: 8 }).close()
  assert.throws(
    () => new SqliteTelemetryLog({ file, partitions: 4 }),
    /8 partitions, and 4 were asked for.*set it to 8/,
  )
  const log = new SqliteTelemetryLog({ file })
  assert.equal(log.partitionCount, 8)
  log.close()
  for (const partitions of [0, 33, 1.5]) assert.throws(() => new SqliteTelemetryLog({ file, partitions }), TypeError)
})

test('trimming removes whole batches below a sequence number, in slices, and the count goes on', (context) => {
  const file = join(testFolder(context), 'log.db')
  const log = new SqliteTelemetryLog({ file, partitions: 1 })
  const sealer = new TestSealer(KEY, 1)
  for (let index = 0; index < 200; index++) log.append(sealer.seal(sent(5, index * 5)))
  let calls = 1
  while (log.trim(0, 502)) calls += 1
  assert.ok(calls >= 2)
  assert.equal(log.trim(0, 502), false)
  assert.equal(log.statistics().partitions[0]?.firstSequence, 500)
  assert.equal(bodiesOf(file).length, 500)
  while (log.trim(0, 1_000)) calls += 1
  log.close()
  const again = new SqliteTelemetryLog({ file })
  assert.deepEqual(again.statistics().partitions[0]?.firstSequence, 1_000)
  assert.deepEqual(again.append(sealer.seal(sent(1))), { kind: 'committed', nextSequences: [1_001] })
  again.close()
})

test('dropping an epoch empties its batches and leaves the others and the count', (context) => {
  const file = join(testFolder(context), 'log.db')
  const log = new SqliteTelemetryLog({ file, partitions: 1 })
  const other = new TestSealer(testKey(4), 1)
  const sealer = new TestSealer(KEY, 1)
  for (let index = 0; index < 100; index++) log.append((index % 2 === 0 ? sealer : other).seal(sent(3)))
  let messages = 0
  for (;;) {
    const dropped = log.dropEpoch(4)
    messages += dropped.messages
    if (!dropped.hasMore) break
  }
  assert.equal(messages, 150)
  assert.deepEqual(log.nextSequences, [300])
  log.close()
  const again = new SqliteTelemetryLog({ file })
  assert.deepEqual(again.nextSequences, [300])
  again.close()
})

function fillUntilFull(log: SqliteTelemetryLog, sealer: TestSealer): number {
  let messages = 0
  for (let index = 0; index < 2_000; index++) {
    const outcome = log.append(sealer.seal(sent(20, messages, 500)))
    if (outcome.kind === 'unavailable') {
      assert.equal(outcome.reason, 'disk-full', outcome.detail)
      return messages
    }
    messages += 20
  }
  assert.fail('the disk did not get full')
}

test('a disk that telemetry has filled has room for the registry: a device can still be disabled', (context) => {
  const folder = smallDisk(context, 16)
  if (folder === undefined) {
    context.skip('needs the right to mount a tmpfs')
    return
  }
  const log = new SqliteTelemetryLog({ file: join(folder, 'log.db'), partitions: 1 })
  const sealer = new TestSealer(KEY, 1)
  fillUntilFull(log, sealer)
  writeFileSync(join(folder, 'state.db'), Buffer.alloc(1_048_576))
  assert.equal(log.append(sealer.seal(sent(1))).kind, 'unavailable')
  log.close()
})

test('a log that may not grow answers disk-full, keeps nothing of the call, and goes on when there is room', (context) => {
  const file = join(testFolder(context), 'log.db')
  const log = new SqliteTelemetryLog({ file, partitions: 1, bytesMax: 512 * 1024 })
  const sealer = new TestSealer(KEY, 1)
  const messages = fillUntilFull(log, sealer)
  assert.deepEqual(log.nextSequences, [messages])
  assert.equal(log.append(sealer.seal(sent(20, 0, 500))).kind, 'unavailable')
  assert.equal(bodiesOf(file).length, messages)
  while (log.trim(0, 100)) continue
  assert.deepEqual(log.append(sealer.seal(sent(20, messages, 500))), {
    kind: 'committed',
    nextSequences: [messages + 20],
  })
  log.close()
  assert.equal(bodiesOf(file).length, messages + 20 - 100)
})

test('a full disk: nothing acknowledged is lost, and appending resumes when there is room', (context) => {
  const disk = smallDisk(context, 4)
  if (disk === undefined) {
    context.skip('needs the right to mount a tmpfs')
    return
  }
  const file = join(disk, 'log.db')
  const ballast = join(disk, 'ballast')
  writeFileSync(ballast, Buffer.alloc(1024 * 1024))
  const log = new SqliteTelemetryLog({ file, partitions: 1 })
  const sealer = new TestSealer(KEY, 1)
  const messages = fillUntilFull(log, sealer)
  assert.ok(messages > 0)
  for (let attempt = 0; attempt < 5; attempt++)
    assert.equal(log.append(sealer.seal(sent(20, 0, 500))).kind, 'unavailable')
  assert.equal(bodiesOf(file).length, messages)
  rmSync(ballast)
  assert.deepEqual(log.append(sealer.seal(sent(20, messages, 500))), {
    kind: 'committed',
    nextSequences: [messages + 20],
  })
  const more = fillUntilFull(log, sealer)
  log.close()
  const again = new SqliteTelemetryLog({ file })
  assert.deepEqual(again.nextSequences, [messages + 20 + more])
  again.close()
  assert.equal(bodiesOf(file).length, messages + 20 + more)
})

let template: Uint8Array | undefined

/** A closed log of a few hundred kilobytes. */
function closedLog(context: TestContext): string {
  const file = join(testFolder(context), 'log.db')
  if (template === undefined) {
    const log = new SqliteTelemetryLog({ file, partitions: 2 })
    const sealer = new TestSealer(KEY, 2)
    for (let index = 0; index < 60; index++) log.append(sealer.seal(sent(30, index * 30, 100)))
    log.close()
    template = readFileSync(file)
  } else {
    writeFileSync(file, template)
  }
  return file
}

function refuses(file: string, what: RegExp): void {
  const before = readFileSync(file)
  assert.throws(
    () => new SqliteTelemetryLog({ file }),
    (error: unknown) => {
      assert.ok(error instanceof StoreDamagedError, String(error))
      assert.ok(error.message.startsWith(file))
      assert.match(error.message, what)
      assert.match(error.remedy, /backup|version/)
      return true
    },
  )
  assert.deepEqual(readFileSync(file), before, 'the refused file is as it was')
}

test('a damaged file is refused by name', (context) => {
  for (const [at, bytes, what] of [
    [0, [0x53, 0x51, 0x00], /not a database/],
    [68, [1, 2, 3, 4], /not a telemetry log of Holdfast/], // application_id
    [60, [0, 0, 0, 9], /format is 9/], // user_version
    [100, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff], /malformed|corrupt|Tree|schema|disk image/i],
    [3 * 8_192, [0xff, 0xee, 0xdd, 0xcc, 0xbb, 0xaa, 0x99, 0x88], /malformed|corrupt|Tree|page/i],
  ] as const) {
    const file = closedLog(context)
    const content = readFileSync(file)
    content.set(bytes, at)
    writeFileSync(file, content)
    refuses(file, what)
  }
})

test('a file that was cut off, or is foreign, is refused by name', (context) => {
  const short = closedLog(context)
  truncateSync(short, 10 * 8_192)
  refuses(short, /malformed|corrupt|page|disk image/i)
  const stub = closedLog(context)
  truncateSync(stub, 50)
  refuses(stub, /cut off/)
  const foreign = join(testFolder(context), 'log.db')
  const database = new DatabaseSync(foreign)
  database.exec('CREATE TABLE t (a)')
  database.close()
  refuses(foreign, /not a telemetry log of Holdfast/)
})

test('rows that do not follow each other are refused: nobody guesses what stood between', (context) => {
  for (const [sql, what] of [
    ['DELETE FROM batch WHERE id = 20', /goes on at sequence \d+ where \d+ was due/],
    ['UPDATE batch SET first_offset = first_offset + 1 WHERE id = 9', /wrong offset/],
    ['UPDATE batch SET count = count + 1 WHERE id = 9', /was due/],
    ["UPDATE batch SET sealed = x'00' WHERE id = 9", /cut short/],
    ['DELETE FROM partition WHERE id = 0', /lacks number 0/],
  ] as const) {
    const file = closedLog(context)
    const database = new DatabaseSync(file)
    database.exec(`${sql}; PRAGMA wal_checkpoint(TRUNCATE)`)
    database.close()
    refuses(file, what)
  }
})

test('a WAL without its file, and a damaged WAL, are refused', (context) => {
  const file = closedLog(context)
  const live = new SqliteTelemetryLog({ file })
  const sealer = new TestSealer(KEY, 2)
  for (let index = 0; index < 10; index++) live.append(sealer.seal(sent(30, index * 30, 100)))
  // As after a kill: the files of the moment, elsewhere.
  const copy = join(testFolder(context), 'log.db')
  writeFileSync(copy, readFileSync(file))
  const wal = readFileSync(`${file}-wal`)
  live.close()
  writeFileSync(`${copy}-wal`, wal)
  const recovered = new SqliteTelemetryLog({ file: copy })
  assert.equal(
    recovered.nextSequences.reduce((sum, next) => sum + next),
    60 * 30 + 300,
  )
  recovered.close()
  wal[4_000] = (wal[4_000] ?? 0) ^ 1
  writeFileSync(`${copy}-wal`, wal)
  refuses(copy, /frame 1 of \d+ of its -wal is damaged/)
  wal[4_000] = (wal[4_000] ?? 0) ^ 1
  writeFileSync(`${copy}-wal`, wal)
  rmSync(copy)
  assert.throws(() => new SqliteTelemetryLog({ file: copy }), /is missing, but its -wal is there/)
})

test('a batch that claims to hold nothing is a bug', (context) => {
  const log = new SqliteTelemetryLog({ file: join(testFolder(context), 'log.db'), partitions: 1 })
  const [good] = new TestSealer(KEY, 1).seal(sent(1))
  assert.ok(good)
  const bad: readonly SealedBatch[] = [
    { ...good, count: 0 },
    { ...good, plainBytes: 0 },
    { ...good, sealed: new Uint8Array(0) },
  ]
  for (const batch of bad) assert.throws(() => log.append([batch]), TypeError)
  log.close()
  assert.throws(() => log.append([good]), TypeError)
})
