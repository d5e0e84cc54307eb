/**
 * A syslog message: RFC 5424 (The Syslog Protocol), §6. Written only; whoever receives has a parser of their own.
 */

import { formatTimestamp, type Timestamp } from '@holdfast/base'
import {
  APP_NAME_LENGTH_MAX,
  HOSTNAME_LENGTH_MAX,
  MESSAGE_ID_LENGTH_MAX,
  PROCESS_ID_LENGTH_MAX,
  SD_NAME_LENGTH_MAX,
} from './limits.ts'

/** RFC 5424 table 1. */
export const FACILITY_LOG_AUDIT = 13

/** RFC 5424 table 2, by number. */
export const SEVERITIES = [
  'emergency',
  'alert',
  'critical',
  'error',
  'warning',
  'notice',
  'informational',
  'debug',
] as const
export type Severity = (typeof SEVERITIES)[number]

/** SD-ID and its parameters, in order. A name may stand more than once (§6.3.3). */
export interface StructuredData {
  /** `name@enterprise-number`, or a name that IANA has registered. */
  readonly id: string
  readonly parameters: readonly (readonly [name: string, value: string])[]
}

export interface SyslogMessage {
  /** 0 to 23. */
  readonly facility: number
  readonly severity: Severity
  readonly at: Timestamp
  readonly hostname: string
  readonly appName: string
  readonly processId: string
  /** The type of the message; NILVALUE where it does not fit. */
  readonly messageId: string
  readonly structuredData: readonly StructuredData[]
  /** Any text; written as UTF-8 with the mark that says so (§6.4). */
  readonly text: string
}

/** NILVALUE: §6. */
const NIL = '-'
const BYTE_ORDER_MARK = '\ufeff'

/**
 * The bytes of a message, without a frame. What a header field may not hold becomes `?`, what is too long is cut, and
 * what is empty is NILVALUE: a header never keeps a message back. Control characters become `\u` and four digits, so
 * that no message looks like two in a receiver's file.
 * @throws TypeError for a facility, SD-ID or parameter name that the standard does not have: a bug in the caller.
 */
export function encodeMessage(message: SyslogMessage): Uint8Array {
  const { facility, severity, at, structuredData, text } = message
  if (!Number.isInteger(facility) || facility < 0 || facility > 23) throw new TypeError('a facility is 0 to 23')
  const header = [
    `<${facility * 8 + SEVERITIES.indexOf(severity)}>1`,
    formatTimestamp(at),
    field(message.hostname, HOSTNAME_LENGTH_MAX),
    field(message.appName, APP_NAME_LENGTH_MAX),
    field(message.processId, PROCESS_ID_LENGTH_MAX),
    message.messageId.length > MESSAGE_ID_LENGTH_MAX ? NIL : field(message.messageId, MESSAGE_ID_LENGTH_MAX),
    structuredData.length === 0 ? NIL : structuredData.map(elementText).join(''),
  ].join(' ')
  return Buffer.from(`${header} ${BYTE_ORDER_MARK}${escapeControls(text.toWellFormed())}`, 'utf8')
}

/** PRINTUSASCII: %d33-126. */
function field(text: string, lengthMax: number): string {
  const printable = text.slice(0, lengthMax).replaceAll(/[^\x21-\x7e]/g, '?')
  return printable === '' ? NIL : printable
}

function elementText({ id, parameters }: StructuredData): string {
  const texts = parameters.map(([name, value]) => ` ${sdName(name)}="${parameterValue(value)}"`)
  return `[${sdName(id)}${texts.join('')}]`
}

/** SD-NAME: PRINTUSASCII but for `=`, space, `]` and `"`. */
function sdName(name: string): string {
  if (name === '' || name.length > SD_NAME_LENGTH_MAX || /[^\x21-\x7e]|[="\]]/.test(name)) {
    throw new TypeError(`no name of structured data: ${JSON.stringify(name)}`)
  }
  return name
}

/** §6.3.3: `"`, `\` and `]` are escaped by `\`, and nothing else is. */
function parameterValue(value: string): string {
  return escapeControls(value.toWellFormed()).replaceAll(/["\\\]]/g, (character) => `\\${character}`)
}

function escapeControls(text: string): string {
  // C0, DEL and C1, and the two separators that some readers take for the end of a line.
  return text.replaceAll(
    // oxlint-disable-next-line no-control-regex -- these are what is looked for
    /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
