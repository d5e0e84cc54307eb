/**
 * `npm run bench`: the hub beside its peers, in turn, in one run. Prints medians and ratios, whatever they are.
 *
 *   npm run bench -- [--rounds 5] [--seconds 4] [--messages 10000000] [--twins 1000,10000,100000]
 *     [--rows ingest,sas,connect,resume,memory,read,start,methods,twins,commands,events,queries,quotes,cutoff,est]
 */

import { rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { backupRows } from './backup-row.ts'
import { bareTls } from './bare-tls.ts'
import { apiRows } from './api-row.ts'
import { auditAppendRows } from './audit-append-row.ts'
import { auditVerificationRows } from './audit-verification-row.ts'
import { authorizationRows } from './authorization-row.ts'
import { commandRows } from './command-row.ts'
import { cutoffRows } from './cutoff-row.ts'
import { estRows } from './est-row.ts'
import { type EventRates, measureEvents } from './events-row.ts'
import { deviceId, type FleetCredentials, makeCredentials } from './fleet-credentials.ts'
import { callHub, eachOf, holdfast, type HoldfastServer, startHoldfast } from './holdfast-server.ts'
import { buildLoadGenerator, type LoadResult, runLoad } from './load-generator.ts'
import { median } from './median.ts'
import { methodRows } from './method-row.ts'
import { cpuSeconds, residentBytes } from './process-cost.ts'
import { measureQueries } from './query-row.ts'
import { quoteRows } from './quote-row.ts'
import { measureReading } from './reading.ts'
import { mosquitto, nats, scratchFolder, type Server, type ServerKind } from './server.ts'
import { formatRow, type Row } from './table.ts'
import { writeTokens } from './tokens.ts'
import { twinRows } from './twin-row.ts'

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '4' },
    messages: { type: 'string', default: '10000000' },
    twins: { type: 'string', default: '1000,10000,100000' },
    rows: {
      type: 'string',
      default:
        'ingest,sas,connect,resume,memory,read,start,methods,twins,commands,events,queries,quotes,cutoff,est,api,audit-append,audit-verification,authorization,backup',
    },
  },
})
const rounds = Number(options.rounds)
const seconds = options.seconds
const wanted = new Set(options.rows.split(','))

const INGEST_DEVICES = 200
const CONNECT_DEVICES = 500
/**
 * Times that the devices connect before it is measured. Five hundred handshakes take a second, in which a fresh Node
 * process still compiles what it runs: that would be a measurement of its start.
 */
const CONNECT_WARM_UPS = 6
const MEMORY_DEVICES = [1_000, 5_000]
/** How long a server rests before its memory is read, in milliseconds. */
const SETTLE_MS = 2_000

const scratch = scratchFolder(tmpdir(), 'holdfast-bench-')
try {
  await bench()
} finally {
  rmSync(scratch, { recursive: true, force: true })
}

async function bench(): Promise<void> {
  buildLoadGenerator()
  progress(`making ${CONNECT_DEVICES} device certificates`)
  const credentials = await makeCredentials(join(scratch, 'credentials'), CONNECT_DEVICES)
  const ingest = { mosquitto: 1, nats: 1.5 }
  if (wanted.has('ingest')) {
    for (const window of [1, 10]) {
      const targets = window === 1 ? ingest : { mosquitto: 2, nats: 1.5 }
      await load(`QoS 1 ingest, mutual TLS, 256 B, ${INGEST_DEVICES} devices, window ${window}`, {
        kinds: [holdfast((server) => register(server, credentials)), mosquitto(credentials), nats(credentials)],
        args: (kind, server) => [...mutual(credentials), ...common(kind, server, INGEST_DEVICES), '-w', String(window)],
        value: (result) => result.messagesPerSecond,
        unit: 'messages/s',
        isMutual: true,
        targets,
      })
    }
  }
  if (wanted.has('sas')) {
    for (const window of [1, 10]) {
      await load(`QoS 1 ingest, SAS, 256 B, ${INGEST_DEVICES} devices, window ${window}`, {
        kinds: [holdfast(registerKeys), mosquitto(credentials)],
        args: (kind, server) => [
          ...common(kind, server, INGEST_DEVICES),
          '-w',
          String(window),
          ...(kind.name === 'holdfast' ? ['-i', tokensFile(server)] : []),
        ],
        value: (result) => result.messagesPerSecond,
        unit: 'messages/s',
        isMutual: false,
      })
    }
  }
  for (const resumes of [false, true]) {
    if (!wanted.has(resumes ? 'resume' : 'connect')) continue
    await load(`new mutual-TLS connections${resumes ? ', resumed' : ''}, ${CONNECT_DEVICES} devices`, {
      kinds: [holdfast((server) => register(server, credentials)), mosquitto(credentials), nats(credentials)],
      args: (kind, server) => [
        ...mutual(credentials),
        ...common(kind, server, CONNECT_DEVICES),
        '-H',
        ...(resumes ? ['-R'] : []),
      ],
      value: (result) => result.connectsPerSecond,
      unit: 'connections/s',
      isMutual: true,
      seconds: '0.2',
      warmUps: CONNECT_WARM_UPS,
      targets: { mosquitto: 1 },
    })
  }
  if (wanted.has('memory')) for (const devices of MEMORY_DEVICES) await memory(credentials, devices)
  if (wanted.has('read')) for (const line of await measureReading(scratch, Number(options.messages))) print(line)
  if (wanted.has('start')) await start()
  const given = { scratch, rounds, seconds: Number(seconds), progress }
  if (wanted.has('methods')) for (const row of await methodRows({ ...given, credentials })) printRow(row)
  if (wanted.has('twins')) for (const row of await twinRows(given)) printRow(row)
  if (wanted.has('commands')) for (const row of await commandRows(given)) printRow(row)
  if (wanted.has('cutoff')) for (const row of await cutoffRows(given)) printRow(row)
  if (wanted.has('est')) for (const row of await estRows(given)) printRow(row)
  if (wanted.has('events')) await events()
  if (wanted.has('api')) for (const row of await apiRows({ ...given, credentials })) printRow(row)
  if (wanted.has('audit-append')) await auditAppends()
  if (wanted.has('audit-verification')) for (const row of auditVerificationRows(given)) printRow(row)
  if (wanted.has('authorization')) for (const row of authorizationRows(given)) printRow(row)
  if (wanted.has('backup')) for (const row of await backupRows(given)) printRow(row)
  if (wanted.has('quotes')) for (const row of quoteRows(given)) printRow(row)
  if (wanted.has('queries')) {
    const fleets = options.twins.split(',').map(Number)
    for (const line of await measureQueries({ scratch, fleets, progress })) print(line)
  }
}

interface LoadOptions {
  readonly kinds: readonly ServerKind[]
  readonly args: (kind: ServerKind, server: Server) => readonly string[]
  readonly value: (result: LoadResult) => number
  readonly unit: string
  readonly isMutual: boolean
  readonly seconds?: string
  /** Runs of the same load before the one that is measured, on every server; none by default. */
  readonly warmUps?: number
  readonly targets?: Readonly<Record<string, number>>
}

/** Every round starts every server once, in turn, so that what else the machine does falls on all of them. */
async function load(what: string, given: LoadOptions): Promise<void> {
  const values = new Map<string, number[]>(given.kinds.map(({ name }) => [name, []]))
  const generatorCpu = new Map<string, number[]>(given.kinds.map(({ name }) => [name, []]))
  for (let round = 1; round <= rounds; round += 1) {
    for (const kind of given.kinds) {
      progress(`${what}: round ${round} of ${rounds}, ${kind.name}`)
      const server = await kind.start({ scratch, isMutual: given.isMutual })
      try {
        const args = [...given.args(kind, server), '-d', given.seconds ?? seconds]
        for (let warmUp = 0; warmUp < (given.warmUps ?? 0); warmUp += 1) await runLoad(args)
        const result = await runLoad(args)
        values.get(kind.name)?.push(given.value(result))
        generatorCpu.get(kind.name)?.push(result.generatorCpuSeconds)
      } finally {
        await server.stop()
      }
    }
  }
  const { unit, targets } = given
  printRow({ what, unit, values, generatorCpu, isMoreBetter: true, ...(targets === undefined ? {} : { targets }) })
}

/** Memory that each idle connected device costs: what the process grew by, over the devices. */
async function memory(credentials: FleetCredentials, devices: number): Promise<void> {
  const what = `memory of an idle device, TLS, ${devices.toLocaleString('en')} connected`
  const kinds = [holdfast(async () => undefined), mosquitto(credentials), bareTls(credentials)]
  const values = new Map<string, number[]>(kinds.map(({ name }) => [name, []]))
  for (let round = 1; round <= rounds; round += 1) {
    for (const kind of kinds) {
      progress(`${what}: round ${round} of ${rounds}, ${kind.name}`)
      const server = await kind.start({ scratch, isMutual: false })
      try {
        const isOurs = kind.name === 'holdfast'
        if (isOurs) await registerMany(server, devices)
        // What registering left behind is to be collected first, on both sides of the difference.
        await new Promise((resolve) => {
          setTimeout(resolve, SETTLE_MS)
        })
        const before = residentBytes(server.pid)
        let during = before
        let timer: NodeJS.Timeout | undefined
        const sample = (): void => {
          during = residentBytes(server.pid)
        }
        const args = [...common(kind, server, devices), ...(isOurs ? ['-i', tokensFile(server)] : []), '-H', '-d', '5']
        await runLoad(args, () => {
          timer ??= setInterval(sample, 250)
        })
        clearInterval(timer)
        values.get(kind.name)?.push((during - before) / devices / 1024)
      } finally {
        await server.stop()
      }
    }
  }
  printRow({ what, unit: 'KiB', values, isMoreBetter: false, targets: { mosquitto: 0.5 } })
}

/** What entries cost, and how much of what a hub that takes telemetry does that is: its devices connect, send and go. */
async function auditAppends(): Promise<void> {
  const { rows, microseconds } = await auditAppendRows({ scratch, rounds, progress })
  for (const row of rows) printRow(row)
  const shares: number[] = []
  const kind = holdfast(registerKeys)
  for (let round = 1; round <= rounds; round += 1) {
    progress(`the share of the audit log: round ${round} of ${rounds}`)
    const server = await kind.start({ scratch, isMutual: false })
    try {
      const { data } = server as HoldfastServer
      const [entries, cpu] = [await entriesOf(data), cpuSeconds(server.pid)]
      await runLoad([...common(kind, server, INGEST_DEVICES), '-w', '10', '-i', tokensFile(server), '-d', seconds])
      const more = (await entriesOf(data)) - entries
      shares.push((more * microseconds) / 10_000 / (cpuSeconds(server.pid) - cpu))
    } finally {
      await server.stop()
    }
  }
  const what = `share of the audit log in the processor of a hub: ${INGEST_DEVICES} devices connect, send ${seconds} s at window 10, and go`
  printRow({ what, unit: '%', values: new Map([['holdfast', shares]]), isMoreBetter: false })
}

async function entriesOf(data: string): Promise<number> {
  const log = await callHub(data, 'GET', '/api/v1/audit/log')
  return typeof log === 'object' && log !== null && 'size' in log ? Number(log.size) : 0
}

async function events(): Promise<void> {
  const rates: EventRates[] = []
  for (let round = 1; round <= rounds; round += 1) {
    rates.push(await measureEvents({ scratch, seconds: Number(seconds), progress }))
  }
  const of = (read: (rate: EventRates) => number): readonly number[] => rates.map(read)
  const messages = median(of((rate) => rate.messages)).toLocaleString('en')
  printRow({
    what: `Event Hubs endpoint, one reader of all partitions, ${messages} messages of 256 B`,
    unit: 'messages/s',
    values: new Map([
      ['holdfast', of((rate) => rate.endpointPerSecond)],
      ['files alone', of((rate) => rate.historyPerSecond)],
    ]),
    isMoreBetter: true,
  })
  printRow({
    what: 'The same, processor time: the hub with all its threads, and the client',
    unit: 'µs/message',
    values: new Map([
      ['holdfast', of((rate) => rate.hubMicroseconds)],
      ['client', of((rate) => rate.clientMicroseconds)],
    ]),
    isMoreBetter: false,
  })
}

async function start(): Promise<void> {
  const values: number[] = []
  for (let round = 1; round <= rounds; round += 1) {
    progress(`first start: round ${round} of ${rounds}`)
    const server = await startHoldfast(scratch)
    values.push(server.readyMs / 1000)
    await server.stop()
  }
  printRow({ what: 'first start to ready', unit: 's', values: new Map([['holdfast', values]]), isMoreBetter: false })
}

function common(kind: ServerKind, server: Server, devices: number): string[] {
  const { port, authorityFile } = server
  return ['-p', String(port), '-C', authorityFile, '-n', String(devices), '-u', kind.user, '-t', kind.topic, '-W', '1']
}

function mutual({ certificatePattern, keyPattern }: FleetCredentials): string[] {
  return ['-c', certificatePattern, '-k', keyPattern]
}

async function register(server: HoldfastServer, { thumbprints }: FleetCredentials): Promise<void> {
  await eachOf(thumbprints.length, (index) =>
    callHub(server.data, 'POST', '/api/v1/devices', {
      deviceId: deviceId(index),
      auth: 'x509-thumbprint',
      thumbprints: [thumbprints[index]],
    }),
  )
}

async function registerKeys(server: HoldfastServer): Promise<void> {
  await registerMany(server, INGEST_DEVICES)
}

async function registerMany(server: Server, devices: number): Promise<void> {
  await writeTokens(server as HoldfastServer, devices)
}

function tokensFile(server: Server): string {
  return join((server as HoldfastServer).data, 'bench-tokens')
}

function printRow(row: Row): void {
  for (const line of formatRow(row)) print(line)
}

function print(line: string): void {
  progress('')
  process.stdout.write(`${line}\n`)
}

function progress(text: string): void {
  if (process.stderr.isTTY === true) process.stderr.write(`\r${text}\u001b[K`)
}
