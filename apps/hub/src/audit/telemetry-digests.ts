/** What the history tells of stored telemetry joins the audit log, and is confirmed when it is on disk there. */

import type { SecurityEvent } from '@holdfast/audit'
import type { Clock } from '@holdfast/base'
import type { Telling, Told } from '@holdfast/store'

/** How long after a failure of the log or of the history the next attempt is made, in milliseconds. */
const RETRY_MS = 1_000

export interface TelemetryDigestsParts {
  readonly clock: Clock
  readonly events: {
    readonly sink: (event: SecurityEvent) => void
    /** See `EventLog.durable`. */
    durable(): Promise<void> | undefined
  }
  /** See `HistoryThread.confirm`. */
  readonly confirm: (id: number) => Promise<void>
}

export class TelemetryDigests {
  readonly #parts: TelemetryDigestsParts
  #retry: NodeJS.Timeout | undefined
  #isEnded = false

  constructor(parts: TelemetryDigestsParts) {
    this.#parts = parts
  }

  /** The history tells no more until these are confirmed; what was not is told again at the next start. */
  heard(tellings: readonly Told[]): void {
    for (const { what } of tellings) this.#parts.events.sink(this.#eventOf(what))
    void this.#confirm(tellings.at(-1)?.id)
  }

  end(): void {
    this.#isEnded = true
    clearTimeout(this.#retry)
  }

  async #confirm(id: number | undefined): Promise<void> {
    if (id === undefined || this.#isEnded) return
    try {
      await this.#parts.events.durable()
      await this.#parts.confirm(id)
    } catch {
      // The log says itself that it is blocked, and keeps the events; the history says that its disk is full.
      if (!this.#isEnded) this.#retry = setTimeout(() => void this.#confirm(id), RETRY_MS).unref()
    }
  }

  #eventOf({ kind, partition, ...detail }: Telling): SecurityEvent {
    return {
      type: `telemetry.${kind}`,
      at: this.#parts.clock.wall(),
      subject: `partition/${partition}`,
      actor: 'hub',
      detail,
    }
  }
}
