/**
 * Quotes verified a second on one thread, and whole evidence judged (a quote, a log of a hundred events, reference values
 * for each), beside the bare verification of the same signatures by OpenSSL through node:crypto.
 */

import { generateKeyPairSync, sign, verify } from 'node:crypto'
import { DEFAULT_POLICY, judgeEvidence, verifyReferenceValues } from '@holdfast/attestation'
import { softwareAttestationKey, softwareEndorsementKey, softwareEvidence } from '@holdfast/attestation/testing'
import { decodeSignature, endorsementPrimaryName, qualifiedName, verifyQuote } from '@holdfast/tpm'
import { measurementOf, type WrittenEvent } from '@holdfast/tpm/testing'
import type { Row } from './table.ts'

const EVENTS = 100
const WARM_UP_MS = 300

export interface QuoteRowOptions {
  readonly rounds: number
  readonly seconds: number
  readonly progress: (text: string) => void
}

export function quoteRows({ rounds, seconds, progress }: QuoteRowOptions): readonly Row[] {
  const rows: Row[] = []
  for (const kind of ['ecc', 'rsa'] as const) {
    const name = kind === 'ecc' ? 'ECDSA P-256' : 'RSASSA 2048'
    const subject = subjectOf(kind)
    const values = new Map<string, number[]>()
    for (let round = 1; round <= rounds; round += 1) {
      for (const what of ['quote', 'evidence', 'bare'] as const) {
        progress(`quotes, ${name}: round ${round} of ${rounds}, ${what}`)
        const found = values.get(what) ?? []
        found.push(perSecond(subject[what], seconds / 3))
        values.set(what, found)
      }
    }
    const bare = values.get('bare') ?? []
    const rowOf = (what: string, holdfast: readonly number[]): Row => ({
      what: `${what}, ${name}, one thread`,
      unit: 'a second',
      values: new Map([
        ['holdfast', [...holdfast]],
        ['bare signature verify', bare],
      ]),
      isMoreBetter: true,
    })
    rows.push(rowOf('quotes verified', values.get('quote') ?? []))
    rows.push(rowOf(`evidence judged (log of ${EVENTS} events)`, values.get('evidence') ?? []))
  }
  return rows
}

function subjectOf(kind: 'rsa' | 'ecc'): Readonly<Record<'quote' | 'evidence' | 'bare', () => boolean>> {
  const ek = softwareEndorsementKey()
  const ak = softwareAttestationKey(kind)
  const nonce = Buffer.alloc(32, 5)
  const policy = DEFAULT_POLICY
  const boot: readonly WrittenEvent[] = Array.from({ length: EVENTS }, (_, at) => ({
    pcr: policy.pcrs[at % policy.pcrs.length] ?? 0,
    type: 0x8000_0003,
    data: Buffer.alloc(120, at),
    measured: Buffer.from(`image ${at}`),
  }))
  const evidence = softwareEvidence({ ak, ek, nonce, pcrs: policy.pcrs, boot })
  const signer = generateKeyPairSync('ed25519')
  const document = Buffer.from(
    JSON.stringify({
      format: 'holdfast-reference-values/1',
      name: 'bench',
      serial: 1,
      events: boot.map((event) => ({
        pcr: event.pcr,
        digests: { sha256: [Buffer.from(measurementOf(event, 'sha256')).toString('hex')] },
      })),
    }),
  )
  const references = [verifyReferenceValues(document, sign(null, document, signer.privateKey), signer.publicKey)]
  const by = { area: ak.area, key: ak.publicKey }
  const asked = { nonce, selection: [{ hash: 'sha256', pcrs: policy.pcrs }], values: evidence.values } as const
  const qualifiedNames = [qualifiedName(endorsementPrimaryName(ek.area), ak.area)]
  const denied = new Map<string, string>()
  const signature = decodeSignature(evidence.signature)
  const bytes = bareSignature(signature)
  const key = signature.kind === 'ecdsa' ? ({ key: ak.publicKey, dsaEncoding: 'ieee-p1363' } as const) : ak.publicKey
  return {
    quote: () => verifyQuote(evidence, by, asked).kind === 'verified',
    evidence: () => {
      const judged = judgeEvidence(evidence, { key: by, qualifiedNames, nonce, policy, references, denied })
      return judged.kind === 'trusted'
    },
    bare: () => verify('sha256', evidence.attest, key, bytes),
  }
}

function bareSignature(signature: ReturnType<typeof decodeSignature>): Uint8Array {
  if (signature.kind === 'ecdsa') return Buffer.concat([signature.r, signature.s])
  if (signature.kind === 'hmac') throw new TypeError('quotes are signed')
  return signature.signature
}

/** @throws Error if one of them says no: then something else was measured. */
function perSecond(act: () => boolean, seconds: number): number {
  repeat(act, WARM_UP_MS)
  const { times, milliseconds } = repeat(act, seconds * 1_000)
  return (times * 1_000) / milliseconds
}

function repeat(act: () => boolean, atLeastMs: number): { readonly times: number; readonly milliseconds: number } {
  const start = performance.now()
  for (let times = 1; ; times += 1) {
    if (!act()) throw new Error('what is measured does not hold')
    const milliseconds = performance.now() - start
    if (milliseconds >= atLeastMs) return { times, milliseconds }
  }
}
