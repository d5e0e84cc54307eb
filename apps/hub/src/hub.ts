/** The hub as a whole: started, asked, stopped. Everything it decides stands in `domain/`. */

import type { Api } from '@holdfast/api'
import type { SecurityEvent } from '@holdfast/audit'
import { systemClock } from '@holdfast/node/clock'
import type { Log } from '@holdfast/telemetry'
import { assemble, type HubOptions, type HubParts } from './assembly.ts'
import type { Ports } from './core/ports.ts'
import { DataFolder } from './data-folder.ts'

/** What the `ready` line says. */
export interface Ready extends Ports {
  readonly hostname: string
  readonly caFile: string
  readonly idScope: string
  readonly pid: number
}

const UPKEEP_MS = 60_000
const SAMPLE_MS = 1_000
/** How long a stop waits for the fronts to close their connections, in milliseconds; the whole has five seconds. */
const DRAIN_MS = 3_500

export class Hub {
  readonly ready: Ready
  readonly #parts: HubParts
  readonly #timers: readonly NodeJS.Timeout[]
  #isUpkeepUnderWay = false
  #stopping: Promise<void> | undefined

  private constructor(parts: HubParts) {
    this.#parts = parts
    const { settings, ports } = parts
    this.ready = {
      hostname: settings.hostnames[0],
      ...ports,
      caFile: parts.caFile,
      idScope: parts.idScope,
      pid: process.pid,
    }
    this.#timers = [
      setInterval(() => void this.#sample(), SAMPLE_MS),
      setInterval(() => void this.#upkeep(), UPKEEP_MS),
    ]
  }

  /**
   * Resolves when every listener accepts connections.
   * @throws DataFolderError, KeyError, HubCertificateError, PortError, RemoteError of a store: each says what to do.
   */
  static async start(options: HubOptions): Promise<Hub> {
    const folder = DataFolder.open(options.settings.data)
    try {
      const parts = await assemble(folder, options)
      void parts.supply.sweep()
      return new Hub(parts)
    } catch (error) {
      folder.close()
      throw error
    }
  }

  get log(): Log {
    return this.#parts.log
  }

  status(): Promise<Api.Status> {
    return this.#parts.status()
  }

  /** The newest events, oldest of them first. */
  recentEvents(limit: number): readonly SecurityEvent[] {
    return this.#parts.events.recent(limit)
  }

  /** Stops accepting, has what was taken committed and acknowledged, closes everything. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async #stop(): Promise<void> {
    const { fronts, amqp, services, inlet, desk, provisioning, socket, storage, custody, folder, events } = this.#parts
    for (const timer of this.#timers) clearInterval(timer)
    this.#parts.revocations.end()
    this.#parts.renewal.end()
    this.#parts.supply.end()
    await fronts.stopListening()
    services.end()
    fronts.broadcast({ kind: 'shutdown' })
    amqp.shutdown()
    await drained(() => desk.connected, DRAIN_MS)
    desk.end()
    provisioning.sweep()
    events.flush()
    await socket.close()
    inlet.flush()
    await services.presence.end()
    await this.#parts.backups.end()
    await this.#parts.masquerade.end()
    await this.#parts.authorization.end()
    await this.#parts.people.office.end()
    await this.#parts.tokens.end()
    await this.#parts.forwarding.sinks.end()
    await this.#parts.forwarding.reviews.end()
    await this.#parts.authorityOffice.end()
    this.#parts.audit.witnesses.stop()
    await fronts.end()
    events.flush()
    events.sink({ type: 'hub.stopped', at: systemClock.wall(), subject: 'hub', actor: 'hub', detail: {} })
    await events.end()
    await this.#parts.audit.checkpoints.end()
    await storage.close()
    await custody.close()
    folder.close()
  }

  async #sample(): Promise<void> {
    const { statistics, fronts, inlet, provisioning, events, log, credentials } = this.#parts
    credentials.tick()
    this.#parts.audit.checkpoints.tick()
    this.#parts.people.office.tick()
    this.#parts.tokens.tick()
    try {
      statistics.sample([...(await fronts.statistics()), inlet.statistics()])
      events.flush()
      provisioning.sweep()
    } catch (error) {
      if (this.#stopping === undefined) log.error('statistics failed', { error })
    }
  }

  async #upkeep(): Promise<void> {
    // Of its own: a backup of a large hub takes hours.
    void this.#parts.backups.upkeep()
    if (this.#isUpkeepUnderWay) return
    this.#isUpkeepUnderWay = true
    const { certificate, dataKeys, custodyService, storage, log } = this.#parts
    try {
      await dataKeys.rotateIfDue()
      await custodyService.upkeep()
      await certificate.renewIfDue()
      await this.#parts.authorityOffice.upkeep()
      await this.#parts.credentials.upkeep()
      await this.#parts.authorization.upkeep()
      await this.#parts.forwarding.reviews.upkeep()
      await this.#parts.tokens.upkeep()
      await this.#parts.policiesUpkeep()
      for (let isDone = false; !isDone && this.#stopping === undefined; ) ({ isDone } = await storage.state.reseal())
    } catch (error) {
      // A renewal that fails is tried again in a minute and never stops the data path.
      if (this.#stopping === undefined) log.error('upkeep failed', { error })
    } finally {
      this.#isUpkeepUnderWay = false
    }
  }
}

async function drained(count: () => number, milliseconds: number): Promise<void> {
  const until = systemClock.monotonic() + milliseconds
  while (count() > 0 && systemClock.monotonic() < until) {
    await new Promise((resolve) => {
      setTimeout(resolve, 10)
    })
  }
}
