/** `holdfast witness`: starts, says `ready`, and stops when told to. */

import { instantOf, timestampOf } from '@holdfast/base'
import { startWitness } from './run.ts'
import { type Settings, SettingsError, USAGE, readSettings } from './settings.ts'

/** A stop that takes longer is broken off: what was answered is on disk already. In milliseconds. */
const STOP_MS = 5_000

process.umask(0o077)
// A dump of this process would hold the key that it cosigns with.
process.report.reportOnFatalError = false
process.report.reportOnUncaughtException = false
process.report.reportOnSignal = false
process.report.excludeEnv = true

const clock = {
  monotonic: () => instantOf(performance.now()),
  wall: () => timestampOf(Date.now()),
}
const say = (line: string): void => void process.stderr.write(`holdfast witness: ${line.replace(/\s+/g, ' ')}\n`)

const args = process.argv.slice(2)
if (args.includes('--help')) process.stdout.write(USAGE)
else await run(settingsOrExit())

function settingsOrExit(): Settings {
  try {
    return readSettings(args)
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error
    process.stderr.write(`${error.message}\nnothing was started; 'holdfast witness --help' lists the options\n`)
    process.exit(2)
  }
}

async function run(settings: Settings): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)
  try {
    const witness = await startWitness(settings, { clock, say })
    process.stdout.write(`ready ${JSON.stringify(witness.ready)}\n`)
    if (witness.ready.logs.length === 0) say('no log is known yet: give the key of one with --log')
    const stop = (): void => {
      setTimeout(() => process.exit(1), STOP_MS).unref()
      witness.close().then(
        () => process.exit(0),
        () => process.exit(1),
      )
    }
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, stop)
  } catch (error) {
    say(error instanceof Error ? error.message : String(error))
    process.exit(1)
  }
}
