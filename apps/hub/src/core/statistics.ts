/** What the hub knows of its own work: counts that others keep, gathered for the status, the view and the metrics. */

import type { FrontCounters } from '@holdfast/messaging'
import type { Metrics } from '@holdfast/telemetry/metrics'
import type { LogProgress } from '@holdfast/store'
import type { FrontStatistics } from '../front-thread.ts'
import type { DeskCounters } from './desk.ts'
import type { DeviceMethods } from './device-methods.ts'
import type { Throttling } from './throttling.ts'

/** Rates are those of the last so many milliseconds. */
const RATE_WINDOW_MS = 5_000
const SAMPLES_MAX = 32

export const NO_PROGRESS: LogProgress = { nextSequences: [], messages: 0, plainBytes: 0, commits: 0 }

interface Sample {
  readonly at: number
  readonly messages: number
  readonly refused: number
  readonly throttled: number
}

export interface StatisticsSources {
  readonly monotonic: () => number
  readonly connected: () => number
  readonly desk: () => DeskCounters
  readonly throttling: () => Pick<Throttling, 'refused' | 'refusedInAll'>
  readonly methods: () => Pick<DeviceMethods, 'counters' | 'pending'>
}

export class Statistics {
  readonly #sources: StatisticsSources
  #samples: Sample[] = []
  #progress = NO_PROGRESS
  #fronts: readonly FrontStatistics[] = []

  constructor(sources: StatisticsSources) {
    this.#sources = sources
  }

  /** The log's latest word. */
  get progress(): LogProgress {
    return this.#progress
  }

  progressed(progress: LogProgress): void {
    this.#progress = progress
  }

  /** To be called about once a second with what the fronts count. */
  sample(fronts: readonly FrontStatistics[]): void {
    this.#fronts = fronts
    const { refused, turnedAway } = this.#sources.desk()
    const sample = {
      at: this.#sources.monotonic(),
      messages: this.#progress.messages,
      refused: refused + turnedAway,
      throttled: this.#sources.throttling().refusedInAll,
    }
    this.#samples = [...this.#samples.slice(-SAMPLES_MAX + 1), sample]
  }

  get messagesPerSecond(): number {
    return this.#rate(this.#progress.messages, ({ messages }) => messages)
  }

  get refused(): { readonly total: number; readonly perSecond: number } {
    const { refused, turnedAway } = this.#sources.desk()
    const total = refused + turnedAway
    return { total, perSecond: this.#rate(total, (sample) => sample.refused) }
  }

  get throttled(): { readonly total: number; readonly perSecond: number; readonly operations: Record<string, number> } {
    const { refused, refusedInAll } = this.#sources.throttling()
    const perSecond = this.#rate(refusedInAll, (sample) => sample.throttled)
    return { total: refusedInAll, perSecond, operations: Object.fromEntries(refused) }
  }

  /** Messages that all partitions have ever taken. */
  get stored(): number {
    return this.#progress.nextSequences.reduce((sum, next) => sum + next, 0)
  }

  register(metrics: Metrics): void {
    const front = (read: (counters: FrontCounters) => number) => (): number =>
      this.#fronts.reduce((sum, counters) => sum + read(counters), 0)
    metrics.gauge('holdfast_connections', 'Sessions that are connected.', this.#sources.connected)
    metrics.counter('holdfast_sessions_opened_total', 'Sessions opened.', () => this.#sources.desk().opened)
    metrics.counter('holdfast_sessions_refused_total', 'Sessions refused.', () => this.#sources.desk().refused)
    metrics.counter(
      'holdfast_connections_turned_away_total',
      'Connections turned away unheard.',
      () => this.#sources.desk().turnedAway,
    )
    metrics.counter(
      'holdfast_messages_received_total',
      'Telemetry taken from devices.',
      front(({ messages }) => messages),
    )
    metrics.counter(
      'holdfast_message_bytes_received_total',
      'Bytes of telemetry bodies.',
      front(({ messageBytes }) => messageBytes),
    )
    metrics.counter(
      'holdfast_backpressure_pauses_total',
      'Times a connection was not read from.',
      front(({ pauses }) => pauses),
    )
    metrics.counter('holdfast_messages_stored_total', 'Telemetry on disk.', () => this.#progress.messages)
    metrics.counter(
      'holdfast_bytes_sealed_total',
      'Plain bytes of telemetry sealed and on disk.',
      () => this.#progress.plainBytes,
    )
    metrics.counter('holdfast_commits_total', 'Transactions of the telemetry log.', () => this.#progress.commits)
    metrics.counter('holdfast_requests_throttled_total', 'Requests beyond the limits.', () =>
      [...this.#sources.throttling().refused].map(([operation, value]) => ({ value, labels: { operation } })),
    )
    metrics.counter(
      'holdfast_methods_invoked_total',
      'Calls of direct methods.',
      () => this.#sources.methods().counters.invoked,
    )
    metrics.counter(
      'holdfast_method_answers_stray_total',
      'Answers of devices that no call was waiting for.',
      () => this.#sources.methods().counters.strayAnswers,
    )
    metrics.gauge('holdfast_methods_pending', 'Calls that wait for a device.', () => this.#sources.methods().pending)
    metrics.gauge('holdfast_pending_bytes', 'Telemetry not on disk yet.', () =>
      this.#fronts.reduce((sum, { pendingBytes }) => sum + pendingBytes, 0),
    )
    metrics.gauge('holdfast_resident_bytes', 'Memory of the process.', () => process.memoryUsage.rss())
  }

  #rate(now: number, read: (sample: Sample) => number): number {
    const at = this.#sources.monotonic()
    const from = this.#samples.find((sample) => sample.at >= at - RATE_WINDOW_MS)
    if (from === undefined || at - from.at < 100) return 0
    return Math.round(((now - read(from)) / (at - from.at)) * 10_000) / 10
  }
}
