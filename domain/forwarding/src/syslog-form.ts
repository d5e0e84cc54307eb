/** An entry as a syslog message: RFC 5424, framed by RFC 5425. */

import { entryDocument, type LogEntry } from '@holdfast/review'
import { encodeFrame, encodeMessage, FACILITY_LOG_AUDIT, MESSAGE_BYTES_MAX, type SyslogMessage } from '@holdfast/syslog'
import type { Origin } from './origin.ts'
import { severityOf } from './severity.ts'

/** 32473 is the enterprise number that IANA keeps for documentation (RFC 5612). */
const SD_ID = 'holdfast@32473'

/** Characters of a subject and the like beside the text; longer ones are cut there, not in the text. */
const PARAMETER_CHARACTERS_MAX = 256

/**
 * The frame of one entry. The text is the entry as JSON; where that makes the message longer than receivers take
 * (8,192 bytes), the details are left out and `truncated` says so: the index leads to the whole entry.
 */
export function syslogFrame(entry: LogEntry, origin: Origin): Uint8Array {
  const document = entryDocument(entry)
  const whole = encodeMessage(messageOf(entry, origin, JSON.stringify(document), false))
  if (whole.length <= MESSAGE_BYTES_MAX) return encodeFrame(whole)
  const { index, type, version, time } = document
  return encodeFrame(encodeMessage(messageOf(entry, origin, JSON.stringify({ index, type, version, time }), true)))
}

function messageOf(entry: LogEntry, origin: Origin, text: string, isCut: boolean): SyslogMessage {
  const { index, type, version, at, body, isUnreadable } = entry
  const parameters: (readonly [string, string])[] = [
    ['index', String(index)],
    ['type', type],
    ['version', String(version)],
  ]
  if (body === undefined) parameters.push([isUnreadable === true ? 'unreadable' : 'shredded', 'true'])
  else {
    parameters.push(['subject', cut(body.subject)], ['actor', cut(body.actor)])
    if (body.source !== undefined) parameters.push(['source', cut(body.source)])
  }
  if (isCut) parameters.push(['truncated', 'true'])
  return {
    facility: FACILITY_LOG_AUDIT,
    severity: severityOf(type),
    at,
    hostname: origin.hub,
    appName: 'holdfast',
    processId: '-',
    messageId: type,
    structuredData: [{ id: SD_ID, parameters }],
    text,
  }
}

function cut(text: string): string {
  return text.slice(0, PARAMETER_CHARACTERS_MAX).toWellFormed()
}
