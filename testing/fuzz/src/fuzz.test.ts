/** The fuzzing that every `npm test` does: what is stored, then new inputs from one seed for a bounded time. */

import assert from 'node:assert/strict'
import { existsSync, readdirSync } from 'node:fs'
import { relative } from 'node:path'
import { test } from 'node:test'
import { CORPUS_FOLDER, readCorpus, writeFailure } from './corpus.ts'
import { CORPUS_INPUTS_MAX } from './limits.ts'
import { subjects } from './targets.ts'
import { runWatched } from './watch.ts'

/** For all targets together, in milliseconds; starting a thread for each and replaying come on top. */
const TIME_MS = 12_000
/** Shares of the time beside 1: what a stranger reaches first. */
const SHARES: Readonly<Record<string, number>> = { mqtt: 4, front: 3, 'carried-in-mqtt': 2 }

/**
 * The same every time: a test that fails for one who changed nothing teaches to look away. `npm run fuzz` takes a new
 * seed each time, and FUZZ_SEED sets this one.
 */
const SEED = Number(process.env['FUZZ_SEED'] ?? 1)

const shareOf = (name: string): number => SHARES[name] ?? 1
const shares = subjects.reduce((sum, { name }) => sum + shareOf(name), 0)

for (const { name } of subjects) {
  test(`any bytes are taken or refused, never anything else: ${name}`, async () => {
    const { failure } = await runWatched({
      module: new URL('./targets.ts', import.meta.url).href,
      target: name,
      seed: SEED,
      milliseconds: (TIME_MS * shareOf(name)) / shares,
      stored: readCorpus(name).map(({ bytes }) => bytes),
    })
    if (failure === undefined) return
    const file = relative(process.cwd(), writeFailure(name, failure.input))
    assert.fail(`seed ${SEED}: ${failure.reason}\nagain: npm run fuzz -- --target ${name} --input ${file}`)
  })
}

test('every folder of the corpus has a target, and none is larger than each test run can bear', () => {
  const names = new Set(subjects.map(({ name }) => name))
  assert.equal(names.size, subjects.length, 'a name stands for one target')
  for (const folder of existsSync(CORPUS_FOLDER) ? readdirSync(CORPUS_FOLDER) : []) {
    assert.ok(names.has(folder), folder)
    assert.ok(readCorpus(folder).length <= CORPUS_INPUTS_MAX + 100, folder)
  }
})
