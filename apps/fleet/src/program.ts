/** The command line of `holdfast fleet`. */

import { resolve } from 'node:path'
import { Command, InvalidArgumentError, Option } from 'commander'
import { Demo } from './demo.ts'
import { HubApi } from './hub-api.ts'
import { serverOf } from './hub-server.ts'
import { DEVICES_MAX, RATE_MAX } from './limits.ts'
import { Simulation, type Totals } from './simulate.ts'

export interface World {
  readonly stdout: { readonly isTTY?: boolean; write(text: string): unknown }
  readonly stderr: { readonly isTTY?: boolean; write(text: string): unknown }
  /** Fires when it is time to go: an interrupt, or the hub that started this has gone. */
  readonly interrupted: AbortSignal
}

interface CommonOptions {
  readonly data: string
  readonly host?: string
  readonly port?: number
  readonly ca?: string
}

interface SimulateFlags extends CommonOptions {
  readonly devices: number
  readonly rate?: number
  readonly seconds?: number
  readonly json?: boolean
}

const SECONDS_MAX = 1_000_000

export function buildProgram(world: World): Command {
  const program = new Command('holdfast fleet').description('Devices that are simulated, over real TLS connections.')
  program.addHelpText('after', '\nExample:\n  $ holdfast fleet simulate --devices 20 --rate 50 --seconds 30\n')

  withHub(program.command('simulate'))
    .description('connect simulated devices (sim-…), send at a steady rate, and tell totals and latencies')
    .addOption(new Option('--devices <n>', 'how many').argParser(number(1, DEVICES_MAX)).default(10))
    .addOption(
      new Option('--rate <n>', 'messages a second in all (default: one a device)').argParser(number(0.01, RATE_MAX)),
    )
    .addOption(
      new Option('--seconds <n>', 'how long to send (default: until interrupted)').argParser(number(0.1, SECONDS_MAX)),
    )
    .addOption(new Option('--json', 'one JSON object at the end'))
    .addHelpText('after', '\nExample:\n  $ holdfast fleet simulate --devices 20 --rate 50 --seconds 30\n')
    .action((options: SimulateFlags) => simulate(world, options))

  withHub(program.command('demo'))
    .description('run the demonstration fleet of `holdfast up --demo`, until interrupted')
    .addHelpText('after', '\nExample:\n  $ holdfast fleet demo --data ./holdfast-data\n')
    .action((options: CommonOptions) => demo(world, options))
  return program
}

function withHub(command: Command): Command {
  return command
    .addOption(new Option('--data <dir>', 'data folder of the hub').default('./holdfast-data').env('HOLDFAST_DATA'))
    .addOption(new Option('--host <address>', 'address to connect to (default: this machine)'))
    .addOption(new Option('--port <port>', "MQTT port (default: the hub's)").argParser(number(1, 65_535)))
    .addOption(new Option('--ca <file>', "root certificate to trust (default: the hub's)"))
}

function number(minimum: number, maximum: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (!/^\d{1,9}(\.\d{1,6})?$/.test(text) || value < minimum || value > maximum) {
      throw new InvalidArgumentError(`It is a number from ${minimum} to ${maximum}.`)
    }
    return value
  }
}

async function simulate(world: World, options: SimulateFlags): Promise<void> {
  const { devices, rate = devices, seconds = Number.POSITIVE_INFINITY, json } = options
  if (!Number.isInteger(devices)) throw new InvalidArgumentError('--devices is a whole number.')
  const hub = new HubApi(options.data)
  const server = serverOf(await hub.status(), options)
  const simulation = new Simulation({ devices, rate, seconds })
  const progress = progressOn(world)
  await simulation.prepare(hub, server, (ready) => progress(`${ready} of ${devices} identities`))
  await simulation.connect(world.interrupted, (connected) => progress(`${connected} of ${devices} connected`))
  await simulation.run(world.interrupted, (totals) => progress(totalsLine(totals)))
  const totals = await simulation.stop()
  progress('')
  if (json === true) world.stdout.write(`${JSON.stringify(totals)}\n`)
  else for (const line of totalsLines(totals)) world.stdout.write(`${line}\n`)
  if (totals.acknowledged === 0 || totals.unacknowledged > 0) {
    const why =
      totals.connected === 0
        ? `no device is connected (${totals.refused} refused, ${totals.connectionsLost} lost)`
        : `${totals.unacknowledged} messages were not acknowledged`
    throw new Error(`${why}; see 'holdfast status' and 'holdfast events' for what the hub says`)
  }
}

async function demo(world: World, options: CommonOptions): Promise<void> {
  const hub = new HubApi(options.data)
  const status = await hub.status()
  const fleet = new Demo({
    hub,
    server: serverOf(status, options),
    idScope: status.idScope,
    data: resolve(options.data),
    // stdout may be the hub's, which carries the ready line alone.
    say: (line) => void world.stderr.write(`demo fleet: ${line}\n`),
  })
  await fleet.start()
  if (!world.interrupted.aborted) {
    await new Promise<void>((resolve) => world.interrupted.addEventListener('abort', () => resolve(), { once: true }))
  }
  await fleet.stop()
}

/** One line that is drawn over itself on a terminal; nothing elsewhere. */
function progressOn(world: World): (text: string) => void {
  if (world.stderr.isTTY !== true) return () => undefined
  return (text) => void world.stderr.write(`\r${text}\u001b[K`)
}

function totalsLine(totals: Totals): string {
  const { connected, devices, sent, acknowledged, perSecond, latencyMs } = totals
  return `${connected}/${devices} connected, ${sent} sent, ${acknowledged} acknowledged, ${perSecond}/s, p50 ${latencyMs.p50} ms, p99 ${latencyMs.p99} ms`
}

function totalsLines(totals: Totals): readonly string[] {
  const { latencyMs } = totals
  return [
    `devices        ${totals.connected} connected of ${totals.devices}, ${totals.refused} refused, ${totals.connectionsLost} connections lost`,
    `messages       ${totals.sent} sent, ${totals.acknowledged} acknowledged, ${totals.unacknowledged} not, ${totals.heldBack} held back`,
    `rate           ${totals.perSecond} acknowledged a second over ${totals.seconds} s`,
    `latency        p50 ${latencyMs.p50} ms, p99 ${latencyMs.p99} ms, longest ${latencyMs.max} ms`,
  ]
}
