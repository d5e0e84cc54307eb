/** A batch as OpenTelemetry logs: OTLP 1.5, ExportLogsServiceRequest in the JSON of Protocol Buffers. */

import type { Timestamp } from '@holdfast/base'
import type { LogEntry } from '@holdfast/review'
import type { Origin } from './origin.ts'
import { otelSeverity, severityOf } from './severity.ts'
import type { HttpMessage } from './webhook.ts'

type AnyValue =
  | { readonly stringValue: string }
  | { readonly boolValue: boolean }
  /** int64 is a string in the JSON of Protocol Buffers. */
  | { readonly intValue: string }
  | { readonly doubleValue: number }

interface KeyValue {
  readonly key: string
  readonly value: AnyValue
}

/** @param now when the hub hands it on, as the observed time. */
export function otlpMessage(
  entries: readonly LogEntry[],
  { origin, now }: { readonly origin: Origin; readonly now: Timestamp },
): HttpMessage {
  const body = {
    resourceLogs: [
      {
        resource: {
          attributes: [
            attribute('service.name', 'holdfast'),
            attribute('service.version', origin.version),
            attribute('service.instance.id', origin.hub),
          ],
        },
        scopeLogs: [{ scope: { name: 'holdfast.audit' }, logRecords: entries.map((entry) => recordOf(entry, now)) }],
      },
    ],
  }
  return {
    headers: { 'content-type': 'application/json', 'user-agent': `holdfast/${origin.version}` },
    body: Buffer.from(JSON.stringify(body), 'utf8'),
  }
}

function recordOf({ index, type, version, at, body, isUnreadable }: LogEntry, now: Timestamp): object {
  const { number, text } = otelSeverity(severityOf(type))
  const attributes = [attribute('holdfast.audit.index', index), attribute('holdfast.audit.version', version)]
  if (body === undefined)
    attributes.push(attribute(`holdfast.audit.${isUnreadable === true ? 'unreadable' : 'shredded'}`, true))
  else {
    attributes.push(attribute('holdfast.audit.subject', body.subject), attribute('holdfast.audit.actor', body.actor))
    if (body.source !== undefined) attributes.push(attribute('holdfast.audit.source', body.source))
    for (const [name, value] of Object.entries(body.detail))
      attributes.push(attribute(`holdfast.detail.${name}`, value))
  }
  return {
    timeUnixNano: nanoseconds(at),
    observedTimeUnixNano: nanoseconds(now),
    severityNumber: number,
    severityText: text,
    eventName: type,
    body: { stringValue: body === undefined ? type : `${type} of ${body.subject} by ${body.actor}` },
    attributes,
  }
}

function attribute(key: string, value: string | number | boolean): KeyValue {
  if (typeof value === 'string') return { key, value: { stringValue: value } }
  if (typeof value === 'boolean') return { key, value: { boolValue: value } }
  return { key, value: Number.isSafeInteger(value) ? { intValue: String(value) } : { doubleValue: value } }
}

/** fixed64, as a string: more digits than a number holds. */
function nanoseconds(at: Timestamp): string {
  return `${BigInt(at) * 1_000_000n}`
}
