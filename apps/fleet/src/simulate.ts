/** `fleet simulate`: N devices with keys of their own send at a steady rate; totals and latencies at the end. */

import { randomBytes, randomInt } from 'node:crypto'
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseConnectionString } from '@holdfast/tokens'
import { Device } from './device.ts'
import type { HubApi } from './hub-api.ts'
import { inTurn } from './in-turn.ts'
import { CALLS_MAX, DRAIN_MS_MAX, HANDSHAKES_MAX } from './limits.ts'
import { Machine } from './machine-room.ts'
import { monotonicNow, type Server } from './mqtt-socket.ts'

export interface SimulateOptions {
  readonly devices: number
  /** Messages a second, all devices together. */
  readonly rate: number
  /** Infinite: until interrupted. */
  readonly seconds: number
}

export interface Totals {
  devices: number
  connected: number
  refused: number
  connectionsLost: number
  sent: number
  acknowledged: number
  unacknowledged: number
  /** Messages that were due when no device could take them. */
  heldBack: number
  seconds: number
  perSecond: number
  latencyMs: { p50: number; p99: number; max: number }
}

/** How often what is due is sent, in milliseconds. */
const TICK_MS = 10
/** Most messages of one tick, so that a stall is not followed by a burst. */
const TICK_MESSAGES_MAX = 4_096

export class Simulation {
  readonly #devices: Device[] = []
  readonly #open = new Set<Device>()
  readonly #machines: Machine[] = []
  readonly #latency: RecordableHistogram = createHistogram()
  readonly #options: SimulateOptions
  #refused = 0
  #lost = 0
  #sent = 0
  #acknowledged = 0
  #heldBack = 0
  #started = monotonicNow()
  #next = 0

  constructor(options: SimulateOptions) {
    this.#options = options
  }

  /** Makes the identities that are not there yet. @param onProgress is told how many are ready. */
  async prepare(hub: HubApi, server: Server, onProgress: (ready: number) => void): Promise<void> {
    const ids = Array.from({ length: this.#options.devices }, (_, at) => `sim-${String(at + 1).padStart(5, '0')}`)
    let ready = 0
    await inTurn(ids, CALLS_MAX, async (id) => {
      const key = await keyOf(hub, id)
      this.#devices.push(
        new Device(
          id,
          server,
          { kind: 'key', key },
          {
            onConnected: (device) => this.#open.add(device),
            onEnded: (device, end) => {
              this.#open.delete(device)
              if (end.kind === 'refused') this.#refused += 1
              else if (end.kind === 'lost') this.#lost += 1
            },
            onAcknowledged: (_device, milliseconds) => {
              this.#acknowledged += 1
              this.#latency.record(Math.max(1, Math.round(milliseconds * 1000)))
            },
          },
        ),
      )
      this.#machines.push(new Machine(() => randomInt(1_000_000) / 1_000_000))
      ready += 1
      onProgress(ready)
    })
  }

  /** Connects all, a bounded number of handshakes at once; one that is refused does not hold up the rest. */
  async connect(interrupted: AbortSignal, onProgress: (connected: number) => void): Promise<void> {
    let begun = 0
    for (const device of this.#devices) {
      if (interrupted.aborted) return
      device.start()
      begun += 1
      while (begun - this.#open.size - this.#refused - this.#lost >= HANDSHAKES_MAX && !interrupted.aborted)
        await sleep(5)
      onProgress(this.#open.size)
    }
    const giveUp = monotonicNow() + 20_000
    while (this.#open.size < this.#devices.length && this.#refused + this.#lost === 0 && monotonicNow() < giveUp) {
      if (interrupted.aborted) return
      await sleep(20)
      onProgress(this.#open.size)
    }
  }

  /** Sends until the time is over or `interrupted` fires. @param onProgress is called once a second. */
  async run(interrupted: AbortSignal, onProgress: (totals: Totals) => void): Promise<void> {
    this.#started = monotonicNow()
    const { rate, seconds } = this.#options
    let due = 0
    let at = this.#started
    let told = this.#started
    while (!interrupted.aborted && at - this.#started < seconds * 1000) {
      await sleep(TICK_MS)
      const now = monotonicNow()
      due = Math.min(due + ((now - at) / 1000) * rate, TICK_MESSAGES_MAX)
      at = now
      const count = Math.floor(due)
      due -= count
      for (let n = 0; n < count; n += 1) if (!this.#sendOne()) this.#heldBack += 1
      if (now - told >= 1_000) {
        told = now
        onProgress(this.totals())
      }
    }
  }

  /** Waits for acknowledgements on their way, then says goodbye everywhere. */
  async stop(): Promise<Totals> {
    const limit = monotonicNow() + DRAIN_MS_MAX
    while (this.#acknowledged < this.#sent && monotonicNow() < limit && this.#open.size > 0) await sleep(10)
    const totals = this.totals()
    await Promise.all(this.#devices.map((device) => device.stop()))
    return totals
  }

  totals(): Totals {
    const seconds = (monotonicNow() - this.#started) / 1000
    const milliseconds = (percentile: number): number =>
      this.#acknowledged === 0 ? 0 : Math.round(this.#latency.percentile(percentile) / 10) / 100
    return {
      devices: this.#devices.length,
      connected: this.#open.size,
      refused: this.#refused,
      connectionsLost: this.#lost,
      sent: this.#sent,
      acknowledged: this.#acknowledged,
      unacknowledged: this.#sent - this.#acknowledged,
      heldBack: this.#heldBack,
      seconds: Math.round(seconds * 10) / 10,
      perSecond: Math.round((this.#acknowledged / Math.max(seconds, 0.001)) * 10) / 10,
      latencyMs: { p50: milliseconds(50), p99: milliseconds(99), max: milliseconds(100) },
    }
  }

  /** One message by the next device that can take it. */
  #sendOne(): boolean {
    const { length } = this.#devices
    for (let tries = 0; tries < Math.min(length, 64); tries += 1) {
      const at = this.#next
      this.#next = (this.#next + 1) % length
      const device = this.#devices[at]
      if (device?.send(Buffer.from(JSON.stringify(this.#machines[at]?.read() ?? {}))) !== true) continue
      this.#sent += 1
      return true
    }
    return false
  }
}

/** The device's key: a new one where the device is new, else the one it has. */
export async function keyOf(hub: HubApi, id: string): Promise<string> {
  const primaryKey = randomBytes(32).toString('base64')
  if (await hub.createDevice({ deviceId: id, auth: 'sas', primaryKey })) return primaryKey
  const found = parseConnectionString(await hub.connectionString(id))
  if (found.credential.kind !== 'key')
    throw new Error(`${id} exists with another kind of credential; delete it: holdfast device delete ${id}`)
  return found.credential.key
}
