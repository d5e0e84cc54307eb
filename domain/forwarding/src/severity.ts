/** How loud an event is for those who watch many systems. */

import { SEVERITIES, type Severity } from '@holdfast/syslog'

/** By type, else by the end of its name, else `informational`. */
const OF_TYPE: Readonly<Record<string, Severity>> = {
  'audit.blocked': 'critical',
  'audit.malformed': 'error',
  'store.damaged': 'critical',
  'store.unavailable': 'error',
  'hub.configuration-refused': 'error',
  'hub.started': 'notice',
  'hub.stopped': 'notice',
  'identity.suspected': 'warning',
  'identity.quarantined': 'warning',
  'key.weak': 'warning',
  'key.shared': 'warning',
  'key.retired': 'warning',
  'session.not-admitted': 'warning',
  'session.cut-off': 'warning',
  'session.telemetry-withheld': 'warning',
  'connection.turned-away': 'warning',
  'request.throttled': 'notice',
  'certificate.revoked': 'warning',
  'device.model-mismatch': 'warning',
  'review.overdue': 'warning',
  'review.escalated': 'error',
  'finding.overdue': 'warning',
  'token.canary-used': 'alert',
  'token.reported': 'warning',
}

const OF_ENDING: readonly (readonly [RegExp, Severity])[] = [
  [/(?:^canary\.|\.(?:contradicted|forked|alarm)$)/, 'alert'],
  [/[.-](?:failed|failing|refused|stale|damaged|overdue|regressed)$/, 'warning'],
  [/\.(?:set-aside|overflowed)$/, 'warning'],
  [/(?:^operator\.|^policy\.|^role\.|^token\.|^hub-authority\.|^rollover\.)/, 'notice'],
  [/\.(?:secret-disclosed|key-changed|dropped|shredded|deleted|removed|rotated)$/, 'notice'],
]

export function severityOf(type: string): Severity {
  if (Object.hasOwn(OF_TYPE, type)) return OF_TYPE[type] ?? 'informational'
  return OF_ENDING.find(([pattern]) => pattern.test(type))?.[1] ?? 'informational'
}

/** OpenTelemetry's number of a syslog severity: logs data model, appendix B. */
const OTEL_NUMBERS = [21, 19, 18, 17, 13, 10, 9, 5] as const

export function otelSeverity(severity: Severity): { readonly number: number; readonly text: string } {
  return { number: OTEL_NUMBERS[SEVERITIES.indexOf(severity)] ?? 0, text: severity }
}
