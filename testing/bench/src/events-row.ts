/**
 * How fast the Event Hubs-compatible endpoint is read, by one client that reads all partitions at once, and what share
 * that is of what reading and unsealing the history reaches alone, in a thread that does nothing else. The client, a
 * library of one thread, shares the machine with the hub and may be what ends first; so the processor time that each takes
 * for a message is told as well.
 */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { openKeyFolder, openKeys } from '@holdfast/keys'
import { systemClock } from '@holdfast/node/clock'
import { History } from '@holdfast/store'
import { formatSasToken } from '@holdfast/tokens'
import rhea from 'rhea'
import { type HoldfastServer, startHoldfast } from './holdfast-server.ts'
import { HubApi } from '@holdfast/testing-hub'
import { runLoad } from './load-generator.ts'
import { cpuSeconds } from './process-cost.ts'
import { writeTokens } from './tokens.ts'

const DEVICES = 100
const PARTITIONS = 4
const CREDIT = 2_000
const READ_MS_MAX = 120_000
const REST_MS = 1_000

export interface EventRates {
  readonly messages: number
  readonly endpointPerSecond: number
  readonly historyPerSecond: number
  /** Processor time of the whole hub and of the client for one message, in microseconds. */
  readonly hubMicroseconds: number
  readonly clientMicroseconds: number
}

/** Fills a hub for `seconds`, reads it all over AMQP, stops it, and reads it all from its files. */
export async function measureEvents(options: {
  readonly scratch: string
  readonly seconds: number
  readonly progress: (text: string) => void
}): Promise<EventRates> {
  const { scratch, seconds, progress } = options
  const server = await startHoldfast(scratch)
  let isStopped = false
  try {
    await writeTokens(server, DEVICES)
    progress('events: filling')
    await runLoad(loadOf(server, seconds))
    const messages = await storedAtRest(new HubApi(server.data))
    progress(`events: reading ${messages} over AMQP`)
    const endpoint = await readOverAmqp(server, messages)
    await server.halt()
    isStopped = true
    progress(`events: reading ${messages} from the files`)
    const historyPerSecond = await readFiles(server.data, messages)
    return { messages, ...endpoint, historyPerSecond }
  } finally {
    if (!isStopped) await server.halt()
    await server.stop()
  }
}

/** Messages on disk, once no more come: what the load had in flight at its end arrives after it. */
async function storedAtRest(api: HubApi): Promise<number> {
  let before = -1
  for (;;) {
    const { messages } = await api.status()
    if (messages.stored === before) return before
    before = messages.stored
    await new Promise((resolve) => {
      setTimeout(resolve, REST_MS)
    })
  }
}

function loadOf({ port, authorityFile, data }: HoldfastServer, seconds: number): readonly string[] {
  const who = ['-u', 'localhost/%s/?api-version=2021-04-12', '-t', 'devices/%s/messages/events/']
  const tokens = ['-i', join(data, 'bench-tokens')]
  const load = ['-n', String(DEVICES), '-w', '10', '-d', String(seconds), '-W', '0']
  return ['-p', String(port), '-C', authorityFile, ...who, ...tokens, ...load]
}

async function readOverAmqp(
  server: HoldfastServer,
  messages: number,
): Promise<Omit<EventRates, 'messages' | 'historyPerSecond'>> {
  const key = await new HubApi(server.data).policyKey('service')
  const expirySeconds = Math.floor(Date.now() / 1000) + 3_600
  const connection = rhea.create_container().connect({
    transport: 'tls',
    host: '127.0.0.1',
    servername: 'localhost',
    hostname: 'localhost',
    port: server.amqpPort,
    ca: readFileSync(server.authorityFile),
    username: 'service@sas.root.localhost',
    password: formatSasToken({ resource: 'localhost', key, policyName: 'service', expirySeconds }),
    reconnect: false,
  })
  try {
    return await new Promise((resolve, reject) => {
      let received = 0
      let begun = usageOf(server)
      const fail = (context: object): void => reject(new Error(`the endpoint ended the reading: ${errorOf(context)}`))
      const timer = setTimeout(() => reject(new Error(`${received} of ${messages} came in time`)), READ_MS_MAX)
      for (const name of ['connection_error', 'receiver_error', 'session_error', 'disconnected']) {
        connection.on(name, fail)
      }
      connection.on('message', () => {
        if (received === 0) begun = usageOf(server)
        received += 1
        if (received < messages) return
        clearTimeout(timer)
        connection.removeAllListeners('disconnected')
        const ended = usageOf(server)
        resolve({
          endpointPerSecond: received / (ended.seconds - begun.seconds),
          hubMicroseconds: ((ended.hubCpu - begun.hubCpu) * 1e6) / received,
          clientMicroseconds: ((ended.clientCpu - begun.clientCpu) * 1e6) / received,
        })
      })
      connection.once('connection_open', () => {
        for (let partition = 0; partition < PARTITIONS; partition += 1) {
          connection.open_receiver({
            source: {
              address: `localhost/ConsumerGroups/$Default/Partitions/${partition}`,
              filter: rhea.filter.selector("amqp.annotation.x-opt-offset > '-1'"),
            },
            credit_window: CREDIT,
            autoaccept: true,
          })
        }
      })
    })
  } finally {
    connection.close()
  }
}

/** Time on the clock and time used of processors, in seconds. */
function usageOf({ pid }: HoldfastServer): { seconds: number; hubCpu: number; clientCpu: number } {
  const { user, system } = process.cpuUsage()
  return { seconds: performance.now() / 1000, hubCpu: cpuSeconds(pid), clientCpu: (user + system) / 1e6 }
}

function errorOf(context: object): string {
  for (const name of ['receiver', 'connection', 'session']) {
    const link: unknown = Reflect.get(context, name)
    const error: unknown = typeof link === 'object' && link !== null ? Reflect.get(link, 'error') : undefined
    if (error !== undefined && error !== null) return JSON.stringify(error)
  }
  return 'no reason given'
}

/** With the hub's own keys, which the folder's owner may open. */
async function readFiles(data: string, messages: number): Promise<number> {
  const environment = { clock: systemClock, random: () => new Uint8Array(0), mayCreate: false }
  const { ring } = await openKeys(await openKeyFolder(join(data, 'keys')), environment)
  const history = new History({
    logFile: join(data, 'log.db'),
    historyFile: join(data, 'history.db'),
    trim: () => undefined,
    emptyEpoch: () => undefined,
  })
  try {
    history.setKeys(ring.usable('telemetry').map(({ epoch, bytes }) => ({ epoch, key: bytes.slice() })))
    const begun = performance.now()
    let read = 0
    for (let partition = 0; partition < PARTITIONS; partition += 1) {
      let position: Parameters<History['reader']['readPartition']>[0]['position'] = { kind: 'sequence', from: 0 }
      for (let isAtEnd = false; !isAtEnd; ) {
        const page = await history.reader.readPartition({ partition, position, messagesMax: CREDIT })
        read += page.messages.length
        position = page.next
        isAtEnd = page.atEnd
      }
    }
    if (read !== messages) throw new Error(`the files hold ${read} messages of ${messages}`)
    return (read / (performance.now() - begun)) * 1000
  } finally {
    history.close()
    ring.close()
  }
}
