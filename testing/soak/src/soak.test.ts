import assert from 'node:assert/strict'
import { test } from 'node:test'
import { judge, type Reading } from './reading.ts'
import { soak } from './soak.ts'

/** Of load; with the rests it is a minute and a half. */
const SECONDS = 70
const DEVICES = 10

test('under a load of everything, nothing grows between the first and the last quarter', async (context) => {
  const { lines, problems } = await soak({
    seconds: SECONDS,
    devices: DEVICES,
    log: (line) => context.diagnostic(line),
  })
  for (const line of lines) context.diagnostic(line)
  assert.deepEqual(problems, [])
})

const MIB = 1024 * 1024
const READING: Reading = {
  heaps: [
    { thread: 'main', usedBytes: 40 * MIB },
    { thread: 'worker 1', usedBytes: 10 * MIB },
  ],
  residentBytes: 200 * MIB,
  descriptors: 60,
  threads: 20,
  logBytes: 8 * MIB,
  stateBytes: MIB,
  historyBytes: 10 * MIB,
  messages: 10_000,
}

test('what grows is told with its numbers', () => {
  assert.deepEqual(judge(READING, READING).grown, [])
  for (const [change, what] of [
    [
      { heaps: [READING.heaps[0], { thread: 'worker 1', usedBytes: 14 * MIB }] },
      /^heap of worker 1 .*10\.0 MiB → 14\.0 MiB/,
    ],
    [{ residentBytes: 260 * MIB }, /^resident memory/],
    [{ descriptors: 63 }, /^descriptors .* 60 → 63/],
    [{ threads: 21 }, /^threads/],
    [{ logBytes: 17 * MIB }, /^log\.db/],
    [{ stateBytes: 6 * MIB }, /^state\.db/],
    [{ historyBytes: 40 * MIB, messages: 20_000 }, /^history\.db/],
    [{ heaps: [READING.heaps[0]] }, /^heap of worker 1/],
  ] as const) {
    const { grown } = judge(READING, { ...READING, ...change } as Reading)
    assert.equal(grown.length, 1, String(what))
    assert.match(grown[0] ?? '', what)
  }
  // What is kept may grow with what is sent.
  assert.deepEqual(judge(READING, { ...READING, historyBytes: 100 * MIB, messages: 100_000 }).grown, [])
})
