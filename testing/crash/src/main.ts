/** The long form: `sh scripts/run.sh testing/crash/src/main.ts --rounds N [--seed S] [--devices N]`. */

import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { Random } from '@holdfast/testing-hub'
import { Campaign, MOMENTS } from './campaign.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '200' },
    seed: { type: 'string', default: String(randomInt(0x7fff_ffff)) },
    devices: { type: 'string', default: '10' },
  },
})
const seed = Number(values.seed)
const log = (line: string): void => void process.stdout.write(`${line}\n`)
log(`seed ${seed}`)
const random = new Random(seed)
const campaign = await Campaign.begin({ seed, devices: Number(values.devices), log })
try {
  for (let round = 0; round < Number(values.rounds) && campaign.problems.length === 0; round++) {
    const moment = MOMENTS[random.between(0, MOMENTS.length - 1)] ?? 'load'
    log(JSON.stringify(await campaign.round(moment)))
  }
  await campaign.finish()
} finally {
  await campaign.end()
}
for (const problem of campaign.problems) log(problem)
log(campaign.problems.length === 0 ? `nothing found in ${campaign.kills} kills` : `found with seed ${seed}`)
process.exitCode = campaign.problems.length === 0 ? 0 : 1
