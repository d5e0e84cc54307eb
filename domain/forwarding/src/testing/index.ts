/** What fuzzing needs of this package: each target takes any bytes and throws only when a rule is broken. */

import { timestampOf } from '@holdfast/base'
import type { LogEntry } from '@holdfast/review'
import { RETRY_AFTER_MS_MAX } from '../limits.ts'
import { judgeOtlp, judgeWebhook } from '../outcome.ts'
import { otlpMessage } from '../otlp.ts'
import { syslogFrame } from '../syslog-form.ts'
import { webhookMessage } from '../webhook.ts'
import { checkSimulation, simulate } from './simulation.ts'

export { MemorySinkStore } from './memory-sink-store.ts'
export { chances, checkSimulation, entryOf, simulate } from './simulation.ts'

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

const ORIGIN = { hub: 'hub.example', version: '0.1.0' }
const NOW = timestampOf(1_764_000_000_000)

/** What a receiver may answer: two bytes of status, then a line of Retry-After, then the body. */
function runAnswer(bytes: Uint8Array): void {
  const status = 100 + (((bytes[0] ?? 0) * 256 + (bytes[1] ?? 0)) % 500)
  const rest = Buffer.from(bytes.subarray(2))
  const end = rest.indexOf(10)
  const retryAfter = rest.subarray(0, Math.max(0, end)).toString('latin1')
  const body = rest.subarray(end + 1)
  for (const judge of [judgeOtlp, judgeWebhook]) {
    const outcome = judge({ status, retryAfter, body }, NOW)
    must((outcome.kind === 'taken' || outcome.kind === 'partly') === (status >= 200 && status < 300), '2xx takes')
    if (outcome.kind === 'failed') {
      must(outcome.retryAfterMs >= 0 && outcome.retryAfterMs <= RETRY_AFTER_MS_MAX, 'a wish is bounded')
    }
    if (outcome.kind === 'partly') must(outcome.refused > 0 && outcome.reason.length <= 200, 'a refusal is bounded')
  }
}

/** Texts of an event in all forms. */
function runForms(bytes: Uint8Array): void {
  const text = Buffer.from(bytes).toString('utf16le').toWellFormed()
  const [subject = 's', actor = 'a', value = 'v'] = text.split('|')
  const body = { subject, actor, detail: { value, bytes: bytes.length, odd: bytes.length % 2 === 1 } }
  const entry: LogEntry = { index: bytes.length, type: 'twin.changed', version: 1, at: NOW, body }
  const frame = Buffer.from(syslogFrame(entry, ORIGIN))
  const head = /^([1-9]\d*) /.exec(frame.subarray(0, 12).toString('latin1'))?.[0] ?? ''
  must(frame.length === head.length + Number(head), 'a frame is as long as it says')
  must(frame.length <= 8_200, 'a frame is what receivers take')
  const hook: unknown = JSON.parse(
    Buffer.from(webhookMessage([entry], { origin: ORIGIN, secrets: [bytes], now: NOW }).body).toString(),
  )
  must(JSON.stringify(hook).includes(JSON.stringify(subject)), 'a webhook carries what was told')
  const otlp: unknown = JSON.parse(Buffer.from(otlpMessage([entry], { origin: ORIGIN, now: NOW }).body).toString())
  must(JSON.stringify(otlp).includes(JSON.stringify(value)), 'a record carries what was told')
}

export const fuzzTargets: readonly FuzzTarget[] = [
  {
    name: 'forwarding-answer',
    seeds: [
      '00\n{"partialSuccess":{"rejectedLogRecords":"3","errorMessage":"no"}}',
      '0112\n',
      '01Fri, 31 Dec 1999 23:59:59 GMT\n',
    ].map((text) => Buffer.from(text)),
    run: runAnswer,
  },
  {
    name: 'forwarding-forms',
    seeds: ['device/a|policy/b|c', '"]\\|\n|\u0000'].map((text) => Buffer.from(text, 'utf16le')),
    run: runForms,
  },
  {
    name: 'forwarding-delivery',
    seeds: [Uint8Array.of(1, 2, 3, 4), Uint8Array.of(9, 200, 30, 1)],
    run: (bytes) => {
      const seed = bytes.reduce((sum, byte) => (sum * 257 + byte) % 2_147_483_646, 1)
      checkSimulation(seed, simulate(seed, { entries: 60, troubles: (bytes.length % 6) / 10 }))
    },
  },
]
