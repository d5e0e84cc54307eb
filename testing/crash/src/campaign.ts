/**
 * A hub that is killed again and again while devices send, and held to its word after each restart.
 * Everything random follows from the seed, as far as the machine's own timing lets it.
 */

import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  Device,
  freePort,
  HubApi,
  HubProcess,
  type HubStart,
  NumberedMessages,
  Random,
  type Sender,
  Witness,
} from '@holdfast/testing-hub'

/** What the hub is at when it is killed, beside taking telemetry. */
export const MOMENTS = ['load', 'regrouping', 'rotation', 'creation', 'start', 'stop'] as const
export type Moment = (typeof MOMENTS)[number]

export interface CampaignOptions {
  readonly seed: number
  readonly devices: number
  readonly log: (line: string) => void
}

export interface RoundReport {
  readonly round: number
  readonly moment: Moment
  readonly kills: number
  /** From SIGTERM to the end, in milliseconds; for `stop`. */
  readonly stopMs?: number
  readonly stored: number
}

/** Small, so that regrouping, merging and rotation by age come all the time. */
const CONFIGURATION = { partitions: 3, regroupMinutes: 0.005, telemetryKeyHours: 0.01 }
/** How long the hub is under load before it is killed, in milliseconds. */
const LOAD_MS = { least: 150, most: 500 }
/** SIGTERM to exit, in milliseconds; the promise of `holdfast up`. */
const STOP_MS_MAX = 5_000
const CONNECTED_MS_MAX = 20_000

export class Campaign {
  readonly #options: CampaignOptions
  readonly #random: Random
  readonly #start: HubStart
  readonly #api: HubApi
  readonly #devices: Device[] = []
  readonly #senders: Sender[] = []
  /** Devices made, and epochs begun, whose answer arrived. */
  readonly #created = new Map<string, string>()
  readonly #epochs = new Set<number>()
  readonly #problems: string[] = []
  #witness = new Witness([])
  #hub: HubProcess
  #startMs = 1_000
  #rounds = 0
  #kills = 0

  private constructor(options: CampaignOptions, start: HubStart) {
    this.#options = options
    this.#random = new Random(options.seed)
    this.#start = start
    this.#api = new HubApi(start.data)
    this.#hub = HubProcess.launch(start)
  }

  static async begin(options: CampaignOptions): Promise<Campaign> {
    const data = mkdtempSync(join(tmpdir(), 'holdfast-crash-'))
    writeFileSync(join(data, 'config.json'), JSON.stringify(CONFIGURATION))
    const campaign = new Campaign(options, { data, mqttPort: await freePort(), httpsPort: await freePort() })
    await campaign.#enrol()
    return campaign
  }

  get kills(): number {
    return this.#kills
  }

  get acknowledged(): number {
    return this.#devices.reduce((sum, device) => sum + device.acknowledged.size, 0)
  }

  /** Everything found wrong so far. */
  get problems(): readonly string[] {
    return [...this.#problems, ...this.#witness.violations]
  }

  /** Load, a kill at a random moment, a restart, and the check. */
  async round(moment: Moment): Promise<RoundReport> {
    this.#rounds += 1
    const killsBefore = this.#kills
    await this.#connected()
    let stopMs: number | undefined
    if (moment === 'start') await this.#killWhileStarting()
    else if (moment === 'stop') stopMs = await this.#stopUnderLoad()
    else await this.#killAt(moment)
    await this.#launch()
    await this.#check()
    return {
      round: this.#rounds,
      moment,
      kills: this.#kills - killsBefore,
      ...(stopMs === undefined ? {} : { stopMs }),
      stored: this.#witness.stored,
    }
  }

  /** Everything once more from the beginning, by partition and by device, when all is acknowledged. */
  async finish(): Promise<void> {
    for (const device of this.#devices) device.stopSending()
    await this.#connected()
    const until = performance.now() + CONNECTED_MS_MAX
    while (this.#devices.some((device) => device.unacknowledged > 0)) {
      if (performance.now() > until) {
        this.#problems.push('what was sent again is not acknowledged')
        break
      }
      await sleep(20)
    }
    const before = this.#witness
    this.#witness = new Witness(this.#senders)
    await this.#witness.read(this.#api)
    await this.#witness.readByDevice(this.#api)
    this.#problems.push(...before.violations)
    this.#options.log(
      `${this.#witness.stored} messages stored, ${this.#witness.repeated} of them again, ${this.acknowledged} acknowledged`,
    )
    for (const { id, sent } of this.#devices) {
      const { acknowledged } = this.#senders.find((sender) => sender.id === id) ?? { acknowledged: new Set() }
      if (acknowledged.size !== sent) this.#problems.push(`${id} sent ${sent}, ${acknowledged.size} were acknowledged`)
    }
  }

  /** How many segments the history has ever begun: proof that there was regrouping to be killed in. Stops the hub. */
  async segmentsBegun(): Promise<number> {
    await this.#hub.end('SIGTERM')
    const database = new DatabaseSync(join(this.#start.data, 'history.db'), { readOnly: true })
    const row = database.prepare("SELECT seq FROM sqlite_sequence WHERE name = 'segment'").get()
    database.close()
    return Number(row?.['seq'] ?? 0)
  }

  /** Ends what was started and removes the folder, unless something was found. */
  async end(): Promise<void> {
    for (const device of this.#devices) device.stop()
    if (!this.#hub.hasExited) await this.#hub.end('SIGKILL')
    if (this.problems.length === 0) rmSync(this.#start.data, { recursive: true, force: true })
    else this.#options.log(`the data folder is kept: ${this.#start.data}`)
  }

  async #enrol(): Promise<void> {
    const { hostname, mqttPort, caFile } = await this.#hub.ready
    const server = { port: mqttPort, hostname, authority: readFileSync(caFile, 'utf8') }
    const { seed, devices } = this.#options
    for (let index = 0; index < devices; index++) {
      const id = `device-${index}`
      const key = await this.#api.createDevice(id)
      const messages = new NumberedMessages(seed, id)
      const device = new Device({
        id,
        key,
        server,
        inflightMax: 3 + (index % 4) * 5,
        gapMs: 4 + 2 * index,
        message: (number) => messages.message(number),
      })
      this.#devices.push(device)
      this.#senders.push(senderOf(device, messages))
    }
    this.#witness = new Witness(this.#senders)
    for (const device of this.#devices) device.start()
  }

  async #connected(): Promise<void> {
    const until = performance.now() + CONNECTED_MS_MAX
    while (this.#devices.some((device) => !device.isConnected)) {
      if (performance.now() > until) {
        const missing = this.#devices.filter((device) => !device.isConnected).map(({ id }) => id)
        throw new Error(`not connected again: ${missing.join(', ')}`)
      }
      await sleep(10)
    }
  }

  async #killAt(moment: 'load' | 'regrouping' | 'rotation' | 'creation'): Promise<void> {
    const load = this.#random.between(LOAD_MS.least, LOAD_MS.most)
    const over = new AbortController()
    const busy =
      moment === 'rotation' ? this.#rotate(over.signal) : moment === 'creation' ? this.#create(over.signal) : undefined
    await sleep(load)
    if (moment === 'regrouping') await this.#historyWritten()
    await sleep(this.#random.between(0, 8))
    await this.#kill()
    over.abort()
    await busy
  }

  /** Resolves when a segment is being written: the history's WAL has just grown. */
  async #historyWritten(): Promise<void> {
    const file = join(this.#start.data, 'history.db-wal')
    const written = (): number => statSync(file).mtimeMs
    const before = written()
    const until = performance.now() + 2_000
    while (written() === before && performance.now() < until) await sleep(1)
  }

  async #rotate(over: AbortSignal): Promise<void> {
    while (!over.aborted) {
      const key = await this.#api.rotateKeys().catch(() => undefined)
      if (key !== undefined) this.#epochs.add(key.epoch)
    }
  }

  async #create(over: AbortSignal): Promise<void> {
    for (let number = 0; !over.aborted; number++) {
      const id = `made-${this.#rounds}-${number}`
      const key = await this.#api.createDevice(id).catch(() => undefined)
      if (key !== undefined) this.#created.set(id, key)
    }
  }

  /** Kills what runs, and then its next start. */
  async #killWhileStarting(): Promise<void> {
    await sleep(this.#random.between(LOAD_MS.least, LOAD_MS.most) / 3)
    await this.#kill()
    this.#hub = HubProcess.launch(this.#start)
    await sleep(this.#random.between(50, Math.round(this.#startMs * 1.1)))
    await this.#kill()
  }

  async #stopUnderLoad(): Promise<number> {
    await sleep(this.#random.between(LOAD_MS.least, LOAD_MS.most))
    const begun = performance.now()
    const { code, signal } = await this.#hub.end('SIGTERM')
    const stopMs = Math.round(performance.now() - begun)
    if (code !== 0) this.#problems.push(`SIGTERM under load ended with ${code ?? signal}, not 0:\n${this.#tail()}`)
    if (stopMs > STOP_MS_MAX) this.#problems.push(`SIGTERM under load took ${stopMs} ms`)
    return stopMs
  }

  async #kill(): Promise<void> {
    if (this.#hub.hasExited) this.#problems.push(`the hub had ended by itself:\n${this.#tail()}`)
    await this.#hub.end('SIGKILL')
    this.#kills += 1
  }

  async #launch(): Promise<void> {
    const begun = performance.now()
    this.#hub = HubProcess.launch(this.#start)
    await this.#hub.ready
    this.#startMs = performance.now() - begun
  }

  async #check(): Promise<void> {
    await this.#witness.read(this.#api)
    for (const [id, key] of this.#created) {
      const stored = await this.#api.keyOf(id).catch((error: unknown) => error)
      if (stored !== key) this.#problems.push(`${id} was created, and is not there with its key: ${String(stored)}`)
    }
    const keys = await this.#api.keys()
    for (const epoch of this.#epochs) {
      if (!keys.some((key) => key.epoch === epoch)) this.#problems.push(`the data key of epoch ${epoch} is lost`)
    }
    const { conditions } = await this.#api.status()
    for (const { code, detail } of conditions) this.#problems.push(`the hub complains: ${code}: ${detail}`)
    for (const { level, text } of this.#hub.lines) if (level === 'error') this.#problems.push(`in the log: ${text}`)
    if (this.problems.length > 0) this.#options.log(this.problems.join('\n'))
  }

  #tail(): string {
    return this.#hub.text.split('\n').slice(-20).join('\n')
  }
}

function senderOf(device: Device, messages: NumberedMessages): Sender {
  return {
    id: device.id,
    messages,
    get sent() {
      return device.sent
    },
    get acknowledged() {
      return device.acknowledged
    },
  }
}
