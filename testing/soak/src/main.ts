/** The long form: `npm run soak -- [--minutes 60] [--devices 20]`. */

import { parseArgs } from 'node:util'
import { soak } from './soak.ts'

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '60' }, devices: { type: 'string', default: '20' } },
})
const minutes = Number(values.minutes)
const devices = Number(values.devices)
if (!(minutes > 0 && minutes <= 10_080) || !Number.isInteger(devices) || devices < 1 || devices > 1_000) {
  process.stderr.write('wrong use: --minutes is a number up to 10080, --devices a whole number up to 1000\n')
  process.exit(2)
}
const log = (line: string): void => void process.stdout.write(`${line}\n`)
const { lines, problems } = await soak({ seconds: minutes * 60, devices, log })
for (const line of [...lines, ...problems]) log(line)
log(problems.length === 0 ? 'nothing grew' : `${problems.length} problems`)
process.exitCode = problems.length === 0 ? 0 : 1
