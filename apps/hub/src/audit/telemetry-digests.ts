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

/** The telling that an entry of the audit log is of; undefined where it is of none, or older than digests are. */
export function tellingOf({
  type,
  subject,
  detail,
}: Pick<SecurityEvent, 'type' | 'subject' | 'detail'>): Telling | undefined {
  const [, digits] = /^partition\/(\d{1,4})$/.exec(subject) ?? []
  const { firstSequence, lastSequence, messages } = detail
  if (digits === undefined || typeof messages !== 'number') return undefined
  if (typeof firstSequence !== 'number' || typeof lastSequence !== 'number') return undefined
  const place = { partition: Number(digits), firstSequence, lastSequence, messages }
  const { reason, pages, bytes, sha256, merged, adopted } = detail
  if (type === 'telemetry.retired') {
    return reason === 'age' || reason === 'size' ? { kind: 'retired', ...place, reason } : undefined
  }
  if (type !== 'telemetry.paged') return undefined
  if (typeof pages !== 'number' || typeof bytes !== 'number' || typeof sha256 !== 'string') return undefined
  return {
    kind: 'paged',
    ...place,
    pages,
    bytes,
    sha256,
    ...(typeof merged === 'number' ? { merged } : {}),
    ...(adopted === true ? { adopted } : {}),
  }
}
