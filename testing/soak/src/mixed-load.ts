/** A little of everything, at a steady rate, until told to rest. What fails is remembered with its reason. */

import { setTimeout as sleep } from 'node:timers/promises'
import { type DeviceServer, type HubApi, LiveDevice, type ServiceCaller } from '@holdfast/testing-hub'

/** How often each thing is done, in milliseconds: by each device, or by the back end. */
const TELEMETRY_MS = 200
const REPORT_MS = 1_000
const TWIN_MS = 3_000
const METHOD_MS = 100
const DESIRED_MS = 500
const COMMAND_MS = 500
const QUERY_MS = 2_000
const RESTLESS_MS = 1_000
/** Of the devices, so many come and go; nobody calls them. */
const RESTLESS = 3
const FAILURES_KEPT = 20

export interface LoadCounts {
  telemetry: number
  reports: number
  twins: number
  methods: number
  desired: number
  desiredSeen: number
  commands: number
  commandsSeen: number
  queries: number
  connects: number
}

export interface MixedLoadOptions {
  readonly api: HubApi
  readonly server: DeviceServer
  readonly caller: ServiceCaller
  readonly devices: number
}

export class MixedLoad {
  readonly counts: LoadCounts = {
    telemetry: 0,
    reports: 0,
    twins: 0,
    methods: 0,
    desired: 0,
    desiredSeen: 0,
    commands: 0,
    commandsSeen: 0,
    queries: 0,
    connects: 0,
  }
  readonly failures: string[] = []
  readonly #options: MixedLoadOptions
  readonly #keys = new Map<string, string>()
  readonly #steady: LiveDevice[] = []
  readonly #restless = new Map<string, LiveDevice>()
  #isWanted = false
  #lanes: readonly Promise<void>[] = []
  #turn = 0

  constructor(options: MixedLoadOptions) {
    this.#options = options
  }

  /** Registers and connects all devices. */
  async prepare(): Promise<void> {
    const { devices, api } = this.#options
    for (let index = 0; index < devices + RESTLESS; index += 1) {
      const id = `${index < devices ? 'steady' : 'restless'}-${index}`
      this.#keys.set(id, await api.createDevice(id))
      const device = await this.#connect(id)
      if (index < devices) this.#steady.push(device)
      else this.#restless.set(id, device)
    }
  }

  start(): void {
    this.#isWanted = true
    const { caller, api } = this.#options
    this.#lanes = [
      ...this.#steady.flatMap((device) => [
        this.#lane(TELEMETRY_MS, 'telemetry', () => device.sendTelemetry(telemetry(this.#turn))),
        this.#lane(REPORT_MS, 'reports', async () => {
          expect((await device.report({ n: this.#turn, at: { place: `room ${this.#turn % 9}` } })).status, 204)
        }),
        this.#lane(TWIN_MS, 'twins', async () => expect((await device.twin()).status, 200)),
      ]),
      this.#lane(METHOD_MS, 'methods', async () => {
        const body = { methodName: 'echo', payload: { n: this.#turn }, responseTimeoutInSeconds: 30 }
        expect((await caller.call('POST', `/twins/${this.#someone()}/methods`, body)).status, 200)
      }),
      this.#lane(DESIRED_MS, 'desired', async () => {
        const body = { tags: { turn: this.#turn }, properties: { desired: { n: this.#turn } } }
        expect((await caller.call('PATCH', `/twins/${this.#someone()}`, body)).status, 200)
      }),
      this.#lane(COMMAND_MS, 'commands', async () => {
        const path = `/api/v1/devices/${this.#someone()}/messages`
        expect((await api.call('POST', path, { body: `message ${this.#turn}` })).status, 201)
      }),
      this.#lane(QUERY_MS, 'queries', async () => {
        const query = 'SELECT deviceId, tags.turn FROM devices WHERE properties.reported.n > 0'
        expect((await caller.call('POST', '/devices/query', { query })).status, 200)
      }),
      this.#lane(RESTLESS_MS, 'connects', async () => {
        for (const [id, device] of this.#restless) {
          device.close()
          this.#restless.set(id, await this.#connect(id))
        }
      }),
    ]
  }

  /** Resolves when nothing is under way any more; connections stay. */
  async rest(): Promise<void> {
    this.#isWanted = false
    await Promise.all(this.#lanes)
  }

  close(): void {
    for (const device of [...this.#steady, ...this.#restless.values()]) device.close()
  }

  async #connect(id: string): Promise<LiveDevice> {
    const device = new LiveDevice({
      id,
      key: this.#keys.get(id) ?? '',
      server: this.#options.server,
      onMethod: (_name, payload) => ({ status: 200, payload }),
      onCommand: () => {
        this.counts.commandsSeen += 1
      },
      onDesired: () => {
        this.counts.desiredSeen += 1
      },
    })
    await device.open()
    return device
  }

  #someone(): string {
    return this.#steady[this.#turn % this.#steady.length]?.id ?? ''
  }

  async #lane(gapMs: number, what: keyof LoadCounts, act: () => Promise<void>): Promise<void> {
    while (this.#isWanted) {
      this.#turn += 1
      try {
        await act()
        this.counts[what] += 1
      } catch (error) {
        if (this.failures.length < FAILURES_KEPT) this.failures.push(`${what}: ${String(error)}`)
      }
      await sleep(gapMs)
    }
  }
}

function telemetry(turn: number): Uint8Array {
  return Buffer.from(JSON.stringify({ turn, temperature: 20 + (turn % 100) / 10, text: 'x'.repeat(180) }))
}

function expect(status: number, wanted: number): void {
  if (status !== wanted) throw new Error(`answered ${status}, not ${wanted}`)
}
