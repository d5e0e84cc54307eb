/** What fuzzing needs of this package: the target takes any bytes and throws only when a rule is broken. */

import { timestampOf } from '@holdfast/base'
import { encodeFrame } from '../frame.ts'
import { encodeMessage, FACILITY_LOG_AUDIT, SEVERITIES } from '../message.ts'
import { SYSLOG_MESSAGE } from './grammar.ts'

export interface FuzzTarget {
  readonly name: string
  /** Inputs to start from. */
  readonly seeds: readonly Uint8Array[]
  /** @throws anything at all when a rule is broken; refusals of the input are not thrown. */
  run(bytes: Uint8Array): void
}

function must(claim: boolean, rule: string): void {
  if (!claim) throw new Error(rule)
}

/** The bytes are texts for each place where a peer's text may stand, in UTF-16 so that broken pairs come too. */
function run(bytes: Uint8Array): void {
  const text = Buffer.from(bytes).toString(bytes.length % 2 === 0 ? 'utf16le' : 'utf8')
  const [host = '', app = '', process = '', id = '', value = '', rest = text] = text.split('|')
  const message = encodeMessage({
    facility: FACILITY_LOG_AUDIT,
    severity: SEVERITIES[bytes.length % 8] ?? 'notice',
    at: timestampOf(1_764_000_000_000 + bytes.length),
    hostname: host,
    appName: app,
    processId: process,
    messageId: id,
    structuredData: [{ id: 'holdfast@32473', parameters: [['value', value]] }],
    text: rest,
  })
  const decoded = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(message)
  const match = SYSLOG_MESSAGE.exec(decoded)
  must(match !== null, 'whatever the texts are, the message keeps the grammar')
  const read = /value="((?:[^"\\\]]|\\["\\\]])*)"/.exec(match?.groups?.data ?? '')?.[1]
  // oxlint-disable-next-line no-control-regex -- these are what is looked for
  if (!/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/.test(value)) {
    must(read?.replaceAll(/\\(["\\\]])/g, '$1') === value.toWellFormed(), 'a value is read back as it was')
  }
  const frame = Buffer.from(encodeFrame(message)).toString('latin1')
  must(Number(/^([1-9][0-9]*) /.exec(frame)?.[1]) === message.length, 'a frame says its octets')
}

export { SYSLOG_MESSAGE } from './grammar.ts'

export const fuzzTargets: readonly FuzzTarget[] = [
  {
    name: 'syslog',
    seeds: ['hub|holdfast|1|twin.changed|pump-1|text', 'h h||\u0000|x|"]\\|\ud800\n2 <1>', ''].map((text) =>
      Buffer.from(text, 'utf8'),
    ),
    run,
  },
]
