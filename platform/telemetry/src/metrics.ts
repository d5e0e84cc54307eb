/**
 * Metrics: OpenTelemetry's SDK collects, its Prometheus serializer writes (text format 0.0.4). Nothing is counted here:
 * whoever works keeps plain numbers, and each metric is a function that reads them when somebody asks.
 */

import { type Attributes, type HrTime, type Meter, type ObservableResult, ValueType } from '@opentelemetry/api'
import { PrometheusSerializer } from '@opentelemetry/exporter-prometheus'
import {
  AggregationTemporality,
  type DataPoint,
  DataPointType,
  type HistogramMetricData,
  type Histogram as HistogramValue,
  MeterProvider,
  MetricReader,
} from '@opentelemetry/sdk-metrics'
import { checkBoundaries, type HistogramCounts } from './histogram.ts'
import { LABEL_SETS_MAX } from './limits.ts'

/** The media type of what `render` gives. */
export const METRICS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

/** A small, fixed set of values for each label: `{ reason: 'bad-signature' }`. Never an id of a device or an address. */
export type Labels = Readonly<Record<string, string>>

export interface Labelled<T> {
  readonly value: T
  readonly labels: Labels
}

/** One value, or one for each set of labels. */
export type Reading<T> = T | readonly Labelled<T>[]

interface HistogramSource {
  readonly name: string
  readonly help: string
  readonly boundaries: readonly number[]
  readonly read: () => Reading<HistogramCounts>
}

const SCOPE = 'holdfast'

/** Asked for its values by `render`, and by nothing else. */
class AskedReader extends MetricReader {
  constructor() {
    super({ aggregationTemporalitySelector: () => AggregationTemporality.CUMULATIVE })
  }
  protected override async onShutdown(): Promise<void> {}
  protected override async onForceFlush(): Promise<void> {}
}

export class Metrics {
  readonly #reader = new AskedReader()
  readonly #meter: Meter
  readonly #serializer = new PrometheusSerializer('', false, undefined, true, true)
  readonly #names = new Set<string>()
  readonly #histograms: HistogramSource[] = []
  readonly #onFault: (name: string, error: unknown) => void
  readonly #started: HrTime

  /** @param onFault is told when a metric's `read` threw; the other metrics are shown all the same. */
  constructor(onFault: (name: string, error: unknown) => void = () => undefined) {
    this.#onFault = onFault
    this.#meter = new MeterProvider({ readers: [this.#reader] }).getMeter(SCOPE)
    this.#started = hrTimeOf(Date.now())
  }

  /**
   * Something that only goes up while the process runs.
   * @param name `holdfast_…_total`.
   * @param read gives the count so far.
   */
  counter(name: string, help: string, read: () => Reading<number>): void {
    if (!name.endsWith('_total')) throw new TypeError(`the counter ${name} ends in _total`)
    this.#claim(name)
    this.#meter.createObservableCounter(name, { description: help }).addCallback((result) => {
      this.#observe(name, read, result)
    })
  }

  /** Something that goes up and down. @param name `holdfast_…`, with its unit last (`_bytes`, `_seconds`). */
  gauge(name: string, help: string, read: () => Reading<number>): void {
    this.#claim(name)
    this.#meter.createObservableGauge(name, { description: help }).addCallback((result) => {
      this.#observe(name, read, result)
    })
  }

  /**
   * A distribution, counted by one or more `Histogram`s of these boundaries.
   * @param name `holdfast_…`, with its unit last.
   */
  histogram(name: string, help: string, boundaries: readonly number[], read: () => Reading<HistogramCounts>): void {
    checkBoundaries(boundaries)
    this.#claim(name)
    this.#histograms.push({ name, help, boundaries, read })
  }

  /** All metrics as they are now, in Prometheus' text format. */
  async render(): Promise<string> {
    const { resourceMetrics, errors } = await this.#reader.collect()
    for (const error of errors) this.#onFault('collection', error)
    const histograms = this.#histograms.flatMap((source) => this.#collect(source))
    const text = this.#serializer.serialize({
      resource: resourceMetrics.resource,
      scopeMetrics: [...resourceMetrics.scopeMetrics, { scope: { name: SCOPE }, metrics: histograms }],
    })
    return text.endsWith('\n') ? text : `${text}\n`
  }

  /** @throws TypeError on a name that is taken or malformed: a bug in the caller. */
  #claim(name: string): void {
    if (!/^holdfast_[a-z][a-z0-9_]*[a-z0-9]$/.test(name)) throw new TypeError(`malformed metric name ${name}`)
    if (this.#names.has(name)) throw new TypeError(`there is a metric ${name} already`)
    this.#names.add(name)
  }

  #observe(name: string, read: () => Reading<number>, result: ObservableResult<Attributes>): void {
    for (const { value, labels } of this.#read(name, read)) {
      if (Number.isFinite(value)) result.observe(value, labels)
    }
  }

  #collect(source: HistogramSource): readonly HistogramMetricData[] {
    const now = hrTimeOf(Date.now())
    const dataPoints = this.#read(source.name, source.read)
      .filter(({ value }) => value.counts.length === source.boundaries.length + 1)
      .map(({ value, labels }): DataPoint<HistogramValue> => {
        const count = value.counts.reduce((sum, one) => sum + one, 0)
        const buckets = { boundaries: [...source.boundaries], counts: [...value.counts] }
        return {
          startTime: this.#started,
          endTime: now,
          attributes: labels,
          value: { buckets, sum: value.sum, count },
        }
      })
    if (dataPoints.length === 0) return []
    return [
      {
        descriptor: { name: source.name, description: source.help, unit: '', valueType: ValueType.DOUBLE },
        aggregationTemporality: AggregationTemporality.CUMULATIVE,
        dataPointType: DataPointType.HISTOGRAM,
        dataPoints,
      },
    ]
  }

  #read<T>(name: string, read: () => Reading<T>): readonly Labelled<T>[] {
    try {
      const reading = read()
      return isLabelled(reading) ? reading.slice(0, LABEL_SETS_MAX) : [{ value: reading, labels: {} }]
    } catch (error) {
      this.#onFault(name, error)
      return []
    }
  }
}

function isLabelled<T>(reading: Reading<T>): reading is readonly Labelled<T>[] {
  return Array.isArray(reading)
}

function hrTimeOf(ms: number): HrTime {
  return [Math.floor(ms / 1_000), (ms % 1_000) * 1_000_000]
}
