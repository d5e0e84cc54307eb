/** What fuzzing needs of this package: any bytes are a life of one identity, and break none of its rules. */

import { type Timestamp, timestampOf } from '@holdfast/base'
import { Dossier } from '../dossier.ts'
import { FINDING_KINDS } from '../finding.ts'
import { judge } from '../judge.ts'
import { DOSSIER_CHARACTERS_MAX, FINDINGS_PER_KIND_MAX, SIGHTINGS_MAX } from '../limits.ts'
import { readDossierRecord } from '../read-record.ts'
import { isCounter } from '../rolling-counter.ts'
import { readNonceAnswer } from '../rolling-nonce.ts'
import { DEFAULT_SCALE } from '../weights.ts'

export interface FuzzTarget {
  readonly name: string
  /** Inputs to start from. */
  readonly seeds: readonly Uint8Array[]
  /** @throws anything at all when a rule is broken; refusals of the input are not thrown. */
  run(bytes: Uint8Array): void
}

const CODES = ['thumbprint-unknown', 'certificate-expired', 'certificate-retired', 'wrong-signature', '__proto__']

function must(claim: boolean, rule: string): void {
  if (!claim) throw new Error(rule)
}

/** Each pair of bytes is something that is seen of the identity, and how much later. */
function runLife(bytes: Uint8Array): void {
  const dossier = new Dossier()
  let now = 1_000_000
  for (let at = 0; at + 1 < bytes.length && at < 2_000; at += 2) {
    const [what = 0, how = 0] = bytes.subarray(at, at + 2)
    now += how * how * 10
    see(dossier, what, how, timestampOf(now))
    must(dossier.sightings.length <= SIGHTINGS_MAX, 'sightings are bounded')
    must(dossier.findings.length <= FINDING_KINDS.length * FINDINGS_PER_KIND_MAX, 'findings are bounded')
  }
  const { record } = dossier
  if (record !== undefined) {
    const text = JSON.stringify(record)
    must(text.length <= DOSSIER_CHARACTERS_MAX, 'what is stored is bounded')
    must(JSON.stringify(readDossierRecord(text)) === text, 'what is stored reads to itself')
  }
  const early = judge(dossier.findings, DEFAULT_SCALE, timestampOf(now))
  const late = judge(dossier.findings, DEFAULT_SCALE, timestampOf(now + 3_600_000))
  must(late.score <= early.score, 'findings weigh less with time')
  const strangers = dossier.findings.filter(({ kind }) => !DEFAULT_SCALE.weights[kind].isProven)
  must(judge(strangers, DEFAULT_SCALE, timestampOf(now)).verdict === 'clear', 'strangers have nobody suspected')
}

function see(dossier: Dossier, what: number, how: number, at: Timestamp): void {
  const attempt = {
    key: { deviceId: 'd' },
    address: `10.0.${how & 3}.1`,
    transport: 'mqtt',
    tlsVersion: 'TLSv1.3',
    tlsFingerprint: `f${(how >> 2) & 1}`,
    certificate: { sha256: `c${(how >> 3) & 1}`, notAfter: at },
    at,
  } as const
  switch (what % 8) {
    case 0:
      dossier.ended(at, (how & 16) !== 0)
      dossier.opened(attempt)
      return
    case 1:
      dossier.ended(at, (how & 1) !== 0)
      return
    case 2:
      dossier.requested(attempt)
      return
    case 3:
      dossier.denied(attempt, CODES[how % CODES.length] ?? '')
      return
    case 4:
      dossier.counted(how, at)
      return
    case 5:
      dossier.offer(`n${how}`)
      return
    case 6:
      dossier.answered({ shown: `n${how >> 4}`, next: dossier.nonce?.offer ?? `n${how & 15}` }, at)
      return
    default:
      if (how === 255) dossier.cleared()
      else dossier.silent(at)
  }
}

/** What a device reports and what a store holds: refused by a word, or of the form that it claims. */
function runTexts(bytes: Uint8Array): void {
  const text = Buffer.from(bytes).toString('utf8')
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return
  }
  const answer = readNonceAnswer(value)
  if (answer !== undefined) must(/^[A-Za-z0-9_-]{1,64}$/.test(answer.next), 'a nonce is one')
  if (isCounter(value)) must(Number.isSafeInteger(value), 'a counter is one')
  try {
    new Dossier(readDossierRecord(text)).silent(timestampOf(1))
  } catch (error) {
    if (!(error instanceof TypeError) || !error.message.includes('dossier')) throw error
  }
}

export const fuzzTargets: readonly FuzzTarget[] = [
  {
    name: 'masquerade-life',
    seeds: [
      Uint8Array.of(0, 0, 0, 17, 0, 16, 0, 21, 0, 16, 3, 3),
      Uint8Array.of(0, 0, 5, 1, 6, 1, 0, 1, 5, 2, 6, 2, 4, 9, 4, 8),
    ],
    run: runLife,
  },
  {
    name: 'masquerade-texts',
    seeds: [
      '{"shown":"","next":"AAAA"}',
      '{"findings":[{"kind":"nonce-outdated","at":1,"detail":"x"}],"counter":{"value":1,"connection":2}}',
      '{"findings":[],"nonce":{"current":"a","accepted":"b","offer":"c"}}',
    ].map((text) => Buffer.from(text)),
    run: runTexts,
  },
]
