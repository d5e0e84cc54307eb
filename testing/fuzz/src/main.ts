/**
 * `npm run fuzz -- [--target NAME] [--seconds N] [--seed N] [--keep]`: fuzzes one target, or each in turn, N seconds
 * each (60). `--keep` makes what was found the stored corpus. `--input FILE` runs one input of one target, once.
 */

import { randomInt } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { relative } from 'node:path'
import { parseArgs } from 'node:util'
import type { Failure } from './campaign.ts'
import { plainBytes, readCorpus, writeCorpus, writeFailure } from './corpus.ts'
import { subjects } from './targets.ts'
import { runWatched } from './watch.ts'

const { values } = parseArgs({
  options: {
    target: { type: 'string' },
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string' },
    input: { type: 'string' },
    keep: { type: 'boolean', default: false },
  },
})

function wrongUse(reason: string): never {
  process.stderr.write(`wrong use: ${reason}\n`)
  process.exit(2)
}

const seed = Number(values.seed ?? randomInt(2 ** 32))
const seconds = Number(values.seconds)
if (!Number.isSafeInteger(seed) || seed < 0) wrongUse('--seed is a whole number')
if (!(seconds > 0 && seconds <= 86_400)) wrongUse('--seconds is a number up to 86400')
const chosen = subjects.filter(({ name }) => values.target === undefined || name === values.target)
const [only] = chosen
if (only === undefined) wrongUse(`--target is one of ${subjects.map(({ name }) => name).join(', ')}`)

if (values.input !== undefined) {
  if (values.target === undefined) wrongUse('--input goes with --target')
  only.run(plainBytes(readFileSync(values.input)))
  process.stdout.write(`${only.name}: every rule holds for ${values.input}\n`)
} else {
  for (const { name } of chosen) await fuzz(name)
}

async function fuzz(target: string): Promise<void> {
  const report = await runWatched({
    module: new URL('./targets.ts', import.meta.url).href,
    target,
    seed,
    milliseconds: seconds * 1_000,
    stored: readCorpus(target).map(({ bytes }) => bytes),
  })
  const numbers = `${report.runs} runs, ${report.blocks} places, ${report.corpus.length} inputs, seed ${seed}`
  process.stdout.write(`${target}: ${numbers}\n`)
  if (report.failure !== undefined) tell(target, report.failure)
  else if (values.keep) writeCorpus(target, report.corpus)
}

function tell(target: string, failure: Failure): void {
  const file = relative(process.cwd(), writeFailure(target, failure.input))
  process.stdout.write(`${target} failed: ${failure.reason}\n`)
  process.stdout.write(`again: npm run fuzz -- --target ${target} --input ${file}\n`)
  process.exitCode = 1
}
