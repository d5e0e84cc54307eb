/**
 * A hub with a few good devices, and what is watched while somebody else misbehaves: that the good ones are served, that
 * memory is bounded, and what the log says. Attackers come from other addresses of 127.0.0.0/8.
 */

import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  Device,
  type DeviceServer,
  freePort,
  HubApi,
  HubProcess,
  type LogLine,
  NumberedMessages,
} from '@holdfast/testing-hub'

const GOOD_DEVICES = 5
const GOOD_GAP_MS = 50
/** Generous: the machines that run this are small, and the attackers run on the same. In milliseconds. */
const LATENCY_P99_MS_MAX = 5_000
/** Of what the good devices would send undisturbed, this share is acknowledged at least; they share a thread with attackers. */
const SERVED_SHARE_MIN = 0.1
/** When an attack is over, everything the good devices sent during it is acknowledged in this time, in milliseconds. */
const CAUGHT_UP_MS = 5_000
/** What an attack may add to the resident memory of the hub, in MiB: at its peak, and some time after. */
const PEAK_MIB_MAX = 400
const LASTING_MIB_MAX = 220
/** Events are summarised and told once a second. */
const SUMMARY_MS = 1_500
const SAMPLE_MS = 200

/** What happened during an attack. */
export interface Report<T> {
  readonly result: T
  /** What the hub wrote meanwhile. */
  readonly lines: readonly LogLine[]
  readonly seconds: number
}

export class Stage {
  readonly hub: HubProcess
  readonly api: HubApi
  readonly server: DeviceServer
  readonly httpsPort: number
  readonly #context: TestContext
  readonly #good: readonly Device[]
  readonly #baseMib: number

  private constructor(parts: {
    readonly hub: HubProcess
    readonly api: HubApi
    readonly server: DeviceServer
    readonly httpsPort: number
    readonly context: TestContext
    readonly good: readonly Device[]
  }) {
    this.hub = parts.hub
    this.api = parts.api
    this.server = parts.server
    this.httpsPort = parts.httpsPort
    this.#context = parts.context
    this.#good = parts.good
    this.#baseMib = residentMib(this.hub.pid)
  }

  static async open(context: TestContext): Promise<Stage> {
    const data = mkdtempSync(join(tmpdir(), 'holdfast-hostile-'))
    const hub = HubProcess.launch({ data, mqttPort: await freePort(), httpsPort: await freePort() })
    const api = new HubApi(data)
    const good: Device[] = []
    context.after(async () => {
      for (const device of good) device.stop()
      await hub.end('SIGKILL')
      rmSync(data, { recursive: true, force: true })
    })
    const { hostname, mqttPort, httpsPort, caFile } = await hub.ready
    const server = { port: mqttPort, hostname, authority: readFileSync(caFile, 'utf8') }
    for (let index = 0; index < GOOD_DEVICES; index++) {
      const id = `good-${index}`
      const messages = new NumberedMessages(1, id)
      const message = (number: number) => messages.message(number)
      const key = await api.createDevice(id)
      const device = new Device({ id, key, server, inflightMax: 40, gapMs: GOOD_GAP_MS, message })
      good.push(device)
      device.start()
    }
    const stage = new Stage({ hub, api, server, httpsPort, context, good })
    await until(
      () => good.every((device) => device.isConnected && device.acknowledged.size > 3),
      'good devices are served',
    )
    return stage
  }

  /** Runs `attack` and asserts that the good devices, memory and the process did not suffer from it. */
  async during<T>(name: string, attack: () => Promise<T>): Promise<Report<T>> {
    const { hub } = this
    const firstLine = hub.lines.length
    const before = this.#good.map((device) => ({
      device,
      acknowledged: device.acknowledged.size,
      connections: device.connections,
    }))
    for (const device of this.#good) device.latencies.length = 0
    let peakMib = residentMib(hub.pid)
    const sampler = setInterval(() => {
      if (!hub.hasExited) peakMib = Math.max(peakMib, residentMib(hub.pid))
    }, SAMPLE_MS)
    const begun = performance.now()
    let result: T
    try {
      result = await attack()
      await sleep(SUMMARY_MS)
    } finally {
      clearInterval(sampler)
    }
    const seconds = (performance.now() - begun) / 1000
    assert.equal(hub.hasExited, false, `${name}: the hub ended:\n${hub.text.slice(-2_000)}`)
    const lastingMib = residentMib(hub.pid)
    const latencies = this.#good.flatMap((device) => device.latencies).toSorted((a, b) => a - b)
    const p99 = latencies[Math.floor(latencies.length * 0.99)] ?? Number.POSITIVE_INFINITY
    const served = before.reduce((sum, { device, acknowledged }) => sum + device.acknowledged.size - acknowledged, 0)
    const wanted = (GOOD_DEVICES * seconds * 1000) / GOOD_GAP_MS
    const sent = this.#good.map((device) => device.sent)
    const isCaughtUp = (device: Device, index: number): boolean => device.acknowledged.size >= (sent[index] ?? 0)
    await until(() => this.#good.every(isCaughtUp), `${name}: what was sent is acknowledged`, CAUGHT_UP_MS)
    const lines = hub.lines.slice(firstLine)
    this.#context.diagnostic(
      `${name}: ${seconds.toFixed(1)} s, p99 ${p99.toFixed(0)} ms, served ${served} of ${wanted.toFixed(0)}, ` +
        `memory ${this.#baseMib.toFixed(0)} → ${peakMib.toFixed(0)} → ${lastingMib.toFixed(0)} MiB, ${lines.length} lines`,
    )
    for (const { device, connections } of before) {
      assert.equal(device.connections, connections, `${name}: ${device.id} was cut off`)
    }
    assert.ok(p99 < LATENCY_P99_MS_MAX, `${name}: p99 of the good devices is ${p99} ms`)
    assert.ok(served >= wanted * SERVED_SHARE_MIN, `${name}: ${served} messages of ${wanted} were acknowledged`)
    assert.ok(peakMib - this.#baseMib < PEAK_MIB_MAX, `${name}: ${this.#baseMib} MiB grew to ${peakMib}`)
    assert.ok(lastingMib - this.#baseMib < LASTING_MIB_MAX, `${name}: ${this.#baseMib} MiB stays at ${lastingMib}`)
    const faults = lines.filter(({ level, event }) => level === 'error' && event === undefined)
    assert.deepEqual(faults, [], `${name}: an attacker can reach a fault of the hub`)
    return { result, lines, seconds }
  }
}

/** Events of one type from one address. */
export function eventsFrom(lines: readonly LogLine[], type: string, address: string): readonly LogLine[] {
  return lines.filter(({ event, actor }) => event === type && actor === `address/${address}`)
}

/** How many things happened that these events tell of: a summary counts them. */
export function countOf(events: readonly LogLine[]): number {
  return events.reduce((sum, { detail }) => sum + Number(detail?.['count'] ?? detail?.['repeated'] ?? 1), 0)
}

/** Waits for something that has to come. */
export async function until(isSo: () => boolean, what: string, millisecondsMax = 20_000): Promise<void> {
  const end = performance.now() + millisecondsMax
  while (!isSo()) {
    if (performance.now() > end) throw new Error(`did not come in ${millisecondsMax} ms: ${what}`)
    await sleep(20)
  }
}

function residentMib(pid: number): number {
  const found = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  return Number(found?.[1] ?? Number.NaN) / 1024
}
