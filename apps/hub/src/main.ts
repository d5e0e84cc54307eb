/** `holdfast up`: reads the settings, starts the hub, says `ready`, and stops when told to. */

import { resolve } from 'node:path'
import { DemoFleet } from './demo-fleet.ts'
import type { Hub } from './hub.ts'
import { DATA_DEFAULT, readSettings, type Settings, SettingsError, USAGE } from './settings.ts'
import { startThreads } from './threads.ts'
import { type StatusView, startStatusView } from './view/status-view.ts'
import { formatTimestamp } from '@holdfast/base'

/** A stop that takes longer is broken off: what was acknowledged is on disk already. In milliseconds. */
const STOP_MS = 5_000

// Files of the data folder are nobody else's, also when its own mode is changed.
process.umask(0o077)

// A report or a dump of this process would hold what only its memory may: keys of devices, and the key of all keys.
process.report.reportOnFatalError = false
process.report.reportOnUncaughtException = false
process.report.reportOnSignal = false
process.report.excludeEnv = true

const args = process.argv.slice(2)
if (args.includes('--help')) {
  process.stdout.write(USAGE)
} else {
  const settings = settingsOrExit(args)
  await run(settings)
}

function settingsOrExit(given: readonly string[]): Settings {
  try {
    return readSettings(given, process.env)
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error
    for (const fault of error.faults) process.stderr.write(`${fault}\n`)
    process.stderr.write(`nothing was started; 'holdfast up --help' lists the options\n`)
    process.exit(2)
  }
}

async function run(settings: Settings): Promise<void> {
  let view: StatusView | undefined
  const writeLog = (line: string): void => {
    if (view === undefined) process.stderr.write(line)
    else view.log(line.trimEnd())
  }
  const fatal = (error: Error): void => {
    // With its stack: this is a fault of ours, and all that there will be to find it by.
    process.stderr.write(`holdfast: a part of the hub failed, so it stops: ${error.stack ?? error.message}\n`)
    process.exit(1)
  }
  // Who reads what we say may go away; the hub does not.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)
  // Nothing was acknowledged yet, and whatever is half made is made anew at the next start.
  const giveUp = (): void => {
    process.stderr.write('holdfast: stopped before it was ready\n')
    process.exit(0)
  }
  const signals = ['SIGTERM', 'SIGINT'] as const
  for (const signal of signals) process.on(signal, giveUp)
  let hub: Hub
  try {
    const threads = startThreads(settings.fronts, fatal)
    // Loaded while the threads load theirs.
    const { Hub } = await import('./hub.ts')
    hub = await Hub.start({ settings, writeLog, threads })
  } catch (error) {
    process.stderr.write(`holdfast: ${reasonOf(error)}\n`)
    process.exit(1)
  }
  process.stdout.write(`ready ${JSON.stringify(hub.ready)}\n`)
  const fleet = settings.demo ? DemoFleet.start(settings, hub.ready, writeLog) : undefined
  if (settings.demo) {
    view = startStatusView({
      output: process.stderr,
      read: async () => ({
        status: await hub.status(),
        events: hub.recentEvents(20).map(({ at, ...event }) => ({ ...event, time: formatTimestamp(at) })),
      }),
      hints: settings.data === resolve(DATA_DEFAULT) ? {} : { data: settings.data },
    })
  }
  let isStopping = false
  const stop = (): void => {
    if (isStopping) return
    isStopping = true
    const timer = setTimeout(() => {
      process.stderr.write('holdfast: stopping took too long and was broken off\n')
      process.exit(1)
    }, STOP_MS)
    timer.unref()
    const stopped = async (): Promise<void> => {
      await view?.stop()
      await fleet?.stop()
      await hub.stop()
    }
    stopped().then(
      () => process.exit(0),
      (error: unknown) => fatal(error instanceof Error ? error : new Error(String(error))),
    )
  }
  for (const signal of signals) process.off(signal, giveUp).on(signal, stop)
}

/** Errors of ours say what to do; those of the file system are told it here. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const code = 'code' in error ? error.code : undefined
  if (code === 'EACCES' || code === 'EPERM') {
    return `${error.message}. All of the data folder has to belong to the user who runs the hub.`
  }
  if (code === 'EROFS') return `${error.message}. The data folder has to be writable.`
  if (code === 'ENOSPC' || code === 'EDQUOT') return `${error.message}. Make room on the disk of the data folder.`
  return error.message
}
