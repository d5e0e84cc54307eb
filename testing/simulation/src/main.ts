/**
 * `npm run simulate -- [--seeds N] [--from SEED]`: N runs from consecutive seeds. A failure prints its seed, with which
 * the same run can be had again: `npm run simulate -- --seeds 1 --from SEED`.
 */

import { parseArgs } from 'node:util'
import { simulate, type SimulationReport } from './simulation.ts'

const { values } = parseArgs({ options: { seeds: { type: 'string' }, from: { type: 'string' } } })
const seeds = Number(values.seeds ?? 200)
const from = Number(values.from ?? Math.floor(Date.now() / 1000))
if (!Number.isSafeInteger(seeds) || seeds < 1 || !Number.isSafeInteger(from) || from < 0) {
  process.stderr.write('wrong use: --seeds and --from are whole numbers\n')
  process.exit(2)
}

const totals = {
  happenings: 0,
  connects: 0,
  durable: 0,
  acknowledged: 0,
  duplicates: 0,
  wills: 0,
  crashes: 0,
  cutOffs: 0,
}
let failures = 0
for (let seed = from; seed < from + seeds; seed++) {
  try {
    add(simulate(seed))
  } catch (error) {
    failures += 1
    process.stdout.write(
      `seed ${seed} failed: ${error instanceof Error ? (error.stack ?? error.message) : 'unknown'}\n`,
    )
  }
}
process.stdout.write(`${seeds} seeds from ${from}, ${failures} failed; ${JSON.stringify(totals)}\n`)
process.exitCode = failures === 0 ? 0 : 1

function add(report: SimulationReport): void {
  for (const key of Object.keys(totals) as (keyof typeof totals)[]) totals[key] += report[key]
}
