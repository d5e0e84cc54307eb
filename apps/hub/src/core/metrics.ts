/** The hub's metrics, as text for whoever scrapes them. */

import type { Log } from '@holdfast/telemetry'
import type { Metrics } from '@holdfast/telemetry/metrics'
import type { Sinks } from '../audit/sinks.ts'
import type { Statistics } from './statistics.ts'

/** Metrics are loaded when somebody first asks for them: the SDK is the largest thing a start would load. */
export function metricsOf(
  statistics: Statistics,
  { log, sinks }: { readonly log: Log; readonly sinks: Pick<Sinks, 'counts'> },
): () => Promise<{ readonly text: string; readonly contentType: string }> {
  let registered: Metrics | undefined
  return async () => {
    const { Metrics, METRICS_CONTENT_TYPE } = await import('@holdfast/telemetry/metrics')
    if (registered === undefined) {
      registered = new Metrics((name, error) => log.error('a metric failed', { name, error }))
      statistics.register(registered)
      registerSinks(registered, sinks)
    }
    return { text: await registered.render(), contentType: METRICS_CONTENT_TYPE }
  }
}

function registerSinks(metrics: Metrics, sinks: Pick<Sinks, 'counts'>): void {
  const each = (read: (sink: ReturnType<Sinks['counts']>[number]) => number) => () =>
    sinks.counts().map((sink) => ({ value: read(sink), labels: { sink: sink.name, kind: sink.kind } }))
  metrics.gauge(
    'holdfast_sink_failing',
    'Whether a receiver of events is not reached (1).',
    each(({ isFailing }) => (isFailing ? 1 : 0)),
  )
  metrics.gauge(
    'holdfast_sink_cursor',
    'The first entry of the audit log that a receiver has not got.',
    each(({ cursor }) => cursor),
  )
  metrics.gauge(
    'holdfast_sink_set_aside',
    'Times that a receiver refused events for good, and nobody has looked.',
    each(({ setAside }) => setAside),
  )
}
