/** The hub's metrics, as text for whoever scrapes them. */

import type { Log } from '@holdfast/telemetry'
import type { Metrics } from '@holdfast/telemetry/metrics'
import type { Statistics } from './statistics.ts'

/** Metrics are loaded when somebody first asks for them: the SDK is the largest thing a start would load. */
export function metricsOf(
  statistics: Statistics,
  log: Log,
): () => Promise<{ readonly text: string; readonly contentType: string }> {
  let registered: Metrics | undefined
  return async () => {
    const { Metrics, METRICS_CONTENT_TYPE } = await import('@holdfast/telemetry/metrics')
    if (registered === undefined) {
      registered = new Metrics((name, error) => log.error('a metric failed', { name, error }))
      statistics.register(registered)
    }
    return { text: await registered.render(), contentType: METRICS_CONTENT_TYPE }
  }
}
