/** The run: quarters of load with a rest behind each, and the comparison of the last with the first. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort, HubApi, HubProcess, ServiceCaller } from '@holdfast/testing-hub'
import { Inspector } from './heaps.ts'
import { MixedLoad } from './mixed-load.ts'
import { EventReader } from './reader.ts'
import { judge, read, type Reading } from './reading.ts'

const QUARTERS = 4
const PARTITIONS = 4
/** Connections of the back end. */
const CONNECTIONS_MAX = 8
/** Until sockets are closed on both sides and the log is regrouped, in milliseconds. */
const REST_MS = 3_000
/** How often the reader of events starts anew, in parts of a quarter. */
const READER_STARTS = 3
/** Telemetry is regrouped soon, so that the log turns over many times in a short run. */
const CONFIGURATION = { regroupMinutes: 0.05 }

export interface SoakReport {
  /** For people. */
  readonly lines: readonly string[]
  /** What is wrong; empty when all is well. */
  readonly problems: readonly string[]
}

/** @param seconds of load in all; rests come on top. */
export async function soak(options: {
  readonly seconds: number
  readonly devices: number
  readonly log: (line: string) => void
}): Promise<SoakReport> {
  const { seconds, devices, log } = options
  const data = mkdtempSync(join(tmpdir(), 'holdfast-soak-'))
  writeFileSync(join(data, 'config.json'), JSON.stringify(CONFIGURATION))
  const hub = HubProcess.launch({
    data,
    mqttPort: await freePort(),
    httpsPort: await freePort(),
    options: ['--log-level', 'warn'],
    nodeOptions: ['--inspect=127.0.0.1:0'],
  })
  try {
    const { mqttPort, httpsPort, amqpPort, caFile } = await hub.ready
    const authority = readFileSync(caFile, 'utf8')
    const api = new HubApi(data)
    const inspector = await Inspector.attach(inspectorUrl(hub))
    const service = { hostname: 'localhost', httpsPort, authority, policy: 'iothubowner' }
    const key = await api.policyKey('iothubowner')
    const caller = new ServiceCaller({ ...service, key, connectionsMax: CONNECTIONS_MAX })
    const load = new MixedLoad({
      api,
      caller,
      devices,
      server: { port: mqttPort, hostname: 'localhost', authority },
    })
    const readerKey = await api.policyKey('service')
    const reader = new EventReader({ port: amqpPort, authority, key: readerKey, partitions: PARTITIONS })
    await load.prepare()
    const readings: Reading[] = []
    for (let quarter = 0; quarter < QUARTERS; quarter += 1) {
      load.start()
      for (let start = 0; start < READER_STARTS; start += 1) {
        await reader.close()
        await reader.open()
        await sleep((seconds * 1000) / QUARTERS / READER_STARTS)
      }
      await load.rest()
      await sleep(REST_MS)
      const reading = await read({ pid: hub.pid, data, api, inspector })
      readings.push(reading)
      log(`quarter ${quarter + 1}: ${JSON.stringify({ ...load.counts, events: reader.received })}`)
    }
    const [first, last] = [readings[0], readings.at(-1)]
    if (first === undefined || last === undefined) throw new TypeError('there is a reading a quarter')
    const { lines, grown } = judge(first, last)
    const idle = Object.entries({ ...load.counts, events: reader.received }).filter(([, count]) => count === 0)
    const problems = [
      ...grown.map((line) => `grown: ${line}`),
      ...load.failures.map((failure) => `failed: ${failure}`),
      ...reader.failures.map((failure) => `failed: reading events: ${failure}`),
      ...idle.map(([what]) => `nothing happened: ${what}`),
      ...hub.lines
        .filter(({ level, event }) => level === 'error' && event === undefined)
        .map(({ text }) => `a fault of the hub: ${text}`),
    ]
    await reader.close()
    load.close()
    caller.close()
    inspector.close()
    return { lines, problems }
  } finally {
    await hub.end('SIGTERM')
    rmSync(data, { recursive: true, force: true })
  }
}

function inspectorUrl(hub: HubProcess): string {
  const url = /ws:\/\/\S+/.exec(hub.text)?.[0]
  if (url === undefined) throw new Error(`the inspector does not say where it listens:\n${hub.text}`)
  return url
}
