/** What fuzzing needs of this package: each target takes any bytes and throws only when a rule is broken. */

import { generateKeyPairSync, sign } from 'node:crypto'
import { decodeEventLog, endorsementPrimaryName, EV_NO_ACTION, qualifiedName, replayEvents } from '@holdfast/tpm'
import { type WrittenEvent, writeEventLog } from '@holdfast/tpm/testing'
import { AttestationError } from '../errors.ts'
import { judgeEvidence } from '../judge-evidence.ts'
import { ALTERNATIVES_MAX, EVENTS_MAX, REASONS_MAX } from '../limits.ts'
import { DEFAULT_POLICY } from '../policy.ts'
import { type ReferenceValues, verifyReferenceValues } from '../reference-values.ts'
import { softwareAttestationKey, softwareEndorsementKey, softwareEvidence } from './software-boot.ts'

export interface FuzzTarget {
  readonly name: string
  /** Inputs to start from. */
  readonly seeds: readonly Uint8Array[]
  /** @throws anything at all when a rule is broken; refusals of the input are not thrown. */
  run(bytes: Uint8Array): void
}

const PCRS = [0, 4]
const BOOT: readonly WrittenEvent[] = [
  { pcr: 0, type: 8, data: Buffer.from('2.4') },
  { pcr: 4, type: 0xd, data: Buffer.from('kernel'), measured: Buffer.from('its bytes') },
]
const signer = generateKeyPairSync('ed25519')

function read(bytes: Uint8Array): ReferenceValues {
  return verifyReferenceValues(bytes, sign(null, bytes, signer.privateKey), signer.publicKey)
}

const document = (content: object): Uint8Array =>
  Buffer.from(JSON.stringify({ format: 'holdfast-reference-values/1', name: 'a', serial: 1, ...content }))

function bootTarget(): FuzzTarget {
  const ek = softwareEndorsementKey()
  const ak = softwareAttestationKey('ecc')
  const nonce = Buffer.alloc(32, 7)
  const good = softwareEvidence({ ak, ek, nonce, pcrs: PCRS, boot: BOOT })
  const log = decodeEventLog(good.eventLog ?? new Uint8Array(0))
  const replayed = replayEvents(log, 'sha256', PCRS)
  const events = log.events
    .filter(({ type }) => type !== EV_NO_ACTION)
    .map(({ pcr, digests }) => ({
      pcr,
      digests: { sha256: [Buffer.from(digests.get('sha256') ?? []).toString('hex')] },
    }))
  const references = [read(document({ events }))]
  const key = { area: ak.area, key: ak.publicKey }
  const qualifiedNames = [qualifiedName(endorsementPrimaryName(ek.area), ak.area)]
  const policy = { ...DEFAULT_POLICY, pcrs: PCRS }
  return {
    name: 'attestation-log',
    seeds: [good.eventLog ?? new Uint8Array(0), writeEventLog(['sha1', 'sha256'], BOOT)],
    run(bytes) {
      const evidence = { ...good, eventLog: bytes }
      const judgement = judgeEvidence(evidence, { key, qualifiedNames, nonce, policy, references, denied: new Map() })
      if (judgement.reasons.length > REASONS_MAX) throw new Error('reasons are bounded')
      if ((judgement.kind === 'trusted') !== (judgement.reasons.length === 0))
        throw new Error('a verdict has its reasons')
      if (judgement.kind === 'failed') return
      // Whatever log is shown: it is trusted only where it says the same of every PCR as the one that was measured.
      for (const [pcr, value] of replayEvents(decodeEventLog(bytes), 'sha256', PCRS)) {
        if (!Buffer.from(value).equals(replayed.get(pcr) ?? new Uint8Array(0)))
          throw new Error('a false log was trusted')
      }
    },
  }
}

export const fuzzTargets: readonly FuzzTarget[] = [
  bootTarget(),
  {
    name: 'reference-values',
    seeds: [
      document({ pcrs: { sha256: { 7: ['ab'.repeat(32)] } } }),
      document({ events: [{ pcr: 4, digests: { sha256: ['ab'.repeat(32)] }, optional: true, description: 'x' }] }),
      document({ denied: [{ digest: 'ab'.repeat(32), reason: 'x' }], models: ['m'], notAfter: '2027-01-01T00:00:00Z' }),
    ],
    run(bytes) {
      let values: ReferenceValues
      try {
        values = read(bytes)
      } catch (error) {
        if (error instanceof AttestationError && error.code === 'invalid') return
        throw error
      }
      const lists = [...values.events.values()]
      if (lists.reduce((sum, list) => sum + list.length, 0) > EVENTS_MAX) throw new Error('events are bounded')
      for (const { digests } of lists.flat()) {
        for (const allowed of digests.values()) {
          if (allowed.size > ALTERNATIVES_MAX) throw new Error('alternatives are bounded')
          for (const digest of allowed)
            if (!/^[0-9a-f]{64,128}$/.test(digest)) throw new Error('a digest is in lower case')
        }
      }
      if (values.serial < 1 || values.name.length > 128) throw new Error('a bound is not kept')
    },
  },
]
