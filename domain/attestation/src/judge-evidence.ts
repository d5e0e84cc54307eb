/**
 * Whether evidence of a measured boot is to be trusted, as a pure function: a quote by a certified key over a fresh nonce
 * and the chosen PCRs, the TPM's firmware and counts, the log that explains the PCRs, and what reference values say of it.
 */

import type { KeyObject } from 'node:crypto'
import {
  type EventLog,
  EV_NO_ACTION,
  type PcrValues,
  type QuoteAttest,
  type QuoteBytes,
  type QuoteFault,
  type TpmClock,
  TpmError,
  type TpmPublic,
  decodeEventLog,
  eventTypeName,
  isDataAsMeasured,
  replayEvents,
  verifyQuote,
} from '@holdfast/tpm'
import { compareEvents, type EventDifference } from './event-comparison.ts'
import { EXPECTED_MAX, REASONS_MAX } from './limits.ts'
import type { AttestationPolicy, Bank } from './policy.ts'
import type { ReferenceEvent, ReferenceValues } from './reference-values.ts'

/** What a device shows. */
export interface Evidence extends QuoteBytes {
  /** The values that the quote is over. */
  readonly values: PcrValues
  /** The log of the firmware, whole; absent where values of PCRs alone are compared. */
  readonly eventLog?: Uint8Array
}

/** Firmware version and counts of a TPM, as it signed them. */
export interface TpmState extends TpmClock {
  readonly firmwareVersion: bigint
}

export interface EvidenceContext {
  /** The certified key. */
  readonly key: { readonly area: TpmPublic; readonly key: KeyObject }
  /** Qualified names that the key can have in the endorsement hierarchy; elsewhere it disguises firmware and counts. */
  readonly qualifiedNames: readonly Uint8Array[]
  readonly nonce: Uint8Array
  readonly policy: AttestationPolicy
  /** Those that are in force for the device's model. */
  readonly references: readonly ReferenceValues[]
  /** What is denied in any document. */
  readonly denied: ReadonlyMap<string, string>
  /** What the same TPM said last. */
  readonly before?: TpmState
}

export type ReasonCode =
  | QuoteFault
  /** The attestation or its signature cannot be read. */
  | 'malformed-quote'
  /** The key does not stand in the endorsement hierarchy of its TPM. */
  | 'wrong-hierarchy'
  /** The TPM was reset less often, or ran shorter, than it said before: its state was put back. */
  | 'counters-backwards'
  /** The TPM's firmware is older than before, and no reference values name it. */
  | 'firmware-backwards'
  | 'firmware-unknown'
  | 'event-log-missing'
  | 'event-log-malformed'
  /** The log was not measured in the bank that is asked for. */
  | 'event-log-bank'
  /** The log does not lead to the value that was quoted: it was cut short or changed. */
  | 'event-log-does-not-replay'
  /** The data of an event is not what it measured. */
  | 'event-data-changed'
  | 'event-denied'
  | 'value-denied'
  | 'event-unexpected'
  | 'event-different'
  | 'event-missing'
  | 'value-unexpected'
  /** No reference values are in force for the device. */
  | 'no-reference'
  /** Those that are say nothing of the PCR. */
  | 'pcr-without-reference'

/** One thing that speaks against the boot. */
export interface Reason {
  readonly code: ReasonCode
  readonly pcr?: number
  /** Its place in the log, and its type as the standard names it. */
  readonly event?: number
  readonly eventType?: string
  /** Digests or values in hexadecimal; the first few. */
  readonly expected?: readonly string[]
  readonly found?: string
  /** What reference values say of it, or why it is denied. */
  readonly remark?: string
}

export interface Judgement {
  readonly kind: 'trusted' | 'failed'
  /** What speaks against it, the first `REASONS_MAX`; empty when trusted. */
  readonly reasons: readonly Reason[]
  /** How many more there were. */
  readonly reasonsOmitted: number
  /** The reference values that it fits, or those that it misses least. */
  readonly reference?: { readonly name: string; readonly serial: number }
  /** What the TPM said, where its signature holds. */
  readonly state?: TpmState
}

export function judgeEvidence(evidence: Evidence, context: EvidenceContext): Judgement {
  const { policy, nonce, key } = context
  const selection = [{ hash: policy.bank, pcrs: policy.pcrs }]
  let quote: QuoteAttest
  try {
    const verdict = verifyQuote(evidence, key, { nonce, selection, values: evidence.values })
    if (verdict.kind === 'refused') return verdictOf([{ code: verdict.fault }])
    ;({ quote } = verdict)
  } catch (error) {
    if (!(error instanceof TpmError)) throw error
    return verdictOf([{ code: 'malformed-quote', remark: error.message }])
  }
  if (!context.qualifiedNames.some((name) => Buffer.from(name).equals(quote.qualifiedSigner))) {
    return verdictOf([{ code: 'wrong-hierarchy' }])
  }
  const state: TpmState = { ...quote.clock, firmwareVersion: quote.firmwareVersion }
  const log = readLog(evidence.eventLog)
  const values = evidence.values.get(policy.bank) ?? new Map<number, Uint8Array>()
  const measured = { values, log: log.kind === 'log' ? log.log : undefined, policy }
  const best = compareWithReferences(measured, context, log)
  const reasons = [
    ...judgeState(state, context),
    ...(log.kind === 'malformed' ? [{ code: 'event-log-malformed', remark: log.why } as const] : []),
    ...(log.kind === 'log' ? judgeLog(log.log, measured) : []),
    ...judgeDenied(measured, context.denied),
    ...best.reasons,
  ]
  const reference =
    best.reference === undefined ? {} : { reference: { name: best.reference.name, serial: best.reference.serial } }
  return { ...verdictOf(reasons), ...reference, state }
}

interface Measured {
  readonly values: ReadonlyMap<number, Uint8Array>
  readonly log: EventLog | undefined
  readonly policy: AttestationPolicy
}

type ReadLog =
  | { readonly kind: 'log'; readonly log: EventLog }
  | { readonly kind: 'none' }
  | { readonly kind: 'malformed'; readonly why: string }

function readLog(bytes: Uint8Array | undefined): ReadLog {
  if (bytes === undefined) return { kind: 'none' }
  try {
    return { kind: 'log', log: decodeEventLog(bytes) }
  } catch (error) {
    if (error instanceof TpmError) return { kind: 'malformed', why: error.message }
    throw error
  }
}

/** Resets and restarts are counted up by the TPM itself, and its clock runs on: what is less than before was put back. */
function judgeState(state: TpmState, { before, references }: EvidenceContext): readonly Reason[] {
  const reasons: Reason[] = []
  const good = new Set(references.flatMap(({ tpmFirmware }) => [...tpmFirmware]))
  const firmware = firmwareText(state.firmwareVersion)
  if (good.size > 0 && !good.has(firmware)) {
    reasons.push({ code: 'firmware-unknown', found: firmware, expected: [...good].slice(0, EXPECTED_MAX) })
  }
  if (before === undefined) return reasons
  if (isBefore(state, before)) {
    reasons.push({ code: 'counters-backwards', found: countsText(state), expected: [countsText(before)] })
  }
  if (state.firmwareVersion < before.firmwareVersion && !good.has(firmware)) {
    reasons.push({ code: 'firmware-backwards', found: firmware, expected: [firmwareText(before.firmwareVersion)] })
  }
  return reasons
}

/** Whether a TPM said `a` before `b`, by its own counts. */
export function isBefore(a: TpmState, b: TpmState): boolean {
  if (a.resetCount !== b.resetCount) return a.resetCount < b.resetCount
  if (a.restartCount !== b.restartCount) return a.restartCount < b.restartCount
  return a.clock < b.clock
}

function judgeLog(log: EventLog, { values, policy }: Measured): readonly Reason[] {
  const { bank, pcrs } = policy
  if (!log.banks.includes(bank)) return [{ code: 'event-log-bank', expected: [bank], found: log.banks.join(' ') }]
  const reasons: Reason[] = []
  for (const [pcr, replayed] of replayEvents(log, bank, pcrs)) {
    const quoted = values.get(pcr)
    if (quoted !== undefined && Buffer.from(quoted).equals(replayed)) continue
    reasons.push({ code: 'event-log-does-not-replay', pcr, expected: [hex(quoted)], found: hex(replayed) })
  }
  for (const event of log.events) {
    if (!pcrs.includes(event.pcr) || isDataAsMeasured(event, bank)) continue
    const { index, pcr, type, digests } = event
    reasons.push({
      code: 'event-data-changed',
      pcr,
      event: index,
      eventType: eventTypeName(type),
      expected: [hex(digests.get(bank))],
    })
  }
  return reasons
}

function judgeDenied({ values, log, policy }: Measured, denied: ReadonlyMap<string, string>): readonly Reason[] {
  if (denied.size === 0) return []
  const reasons: Reason[] = []
  for (const pcr of policy.pcrs) {
    const found = hex(values.get(pcr))
    const remark = denied.get(found)
    if (remark !== undefined) reasons.push({ code: 'value-denied', pcr, found, remark })
  }
  for (const { index, pcr, type, digests } of log?.events ?? []) {
    const found = hex(digests.get(policy.bank))
    const remark = denied.get(found)
    if (remark === undefined || type === EV_NO_ACTION) continue
    reasons.push({ code: 'event-denied', pcr, event: index, eventType: eventTypeName(type), found, remark })
  }
  return reasons
}

interface Comparison {
  readonly reference?: ReferenceValues
  readonly reasons: readonly Reason[]
}

/** A boot fits one document as a whole: a loader of one release with the kernel of another is neither. */
function compareWithReferences(measured: Measured, { references }: EvidenceContext, log: ReadLog): Comparison {
  let best: Comparison | undefined
  for (const reference of references) {
    // Those that only deny say nothing of what is good.
    if (reference.pcrs.size === 0 && reference.events.size === 0) continue
    const reasons = measured.policy.pcrs.flatMap((pcr) => comparePcr(pcr, measured, reference, log))
    if (best === undefined || reasons.length < best.reasons.length) best = { reference, reasons }
  }
  return best ?? { reasons: [{ code: 'no-reference' }] }
}

function comparePcr(
  pcr: number,
  { values, log, policy: { bank } }: Measured,
  reference: ReferenceValues,
  read: ReadLog,
): readonly Reason[] {
  const found = hex(values.get(pcr))
  const allowed = reference.pcrs.get(bank)?.get(pcr)
  if (allowed?.has(found) === true) return []
  const expected = reference.events.get(pcr)
  if (expected === undefined) {
    if (allowed === undefined) return [{ code: 'pcr-without-reference', pcr, found }]
    return [{ code: 'value-unexpected', pcr, found, expected: [...allowed].slice(0, EXPECTED_MAX) }]
  }
  // A log that cannot be read is told once, and not again for each PCR.
  if (log === undefined) return read.kind === 'none' ? [{ code: 'event-log-missing', pcr, found }] : []
  if (!log.banks.includes(bank)) return []
  const events = log.events.filter((event) => event.pcr === pcr && event.type !== EV_NO_ACTION)
  const types = new Map(events.map(({ index, type }) => [index, type]))
  const differences = compareEvents(
    events.map(({ index, digests }) => ({ index, digest: hex(digests.get(bank)) })),
    expected,
    (event) => digestsIn(event, bank),
  )
  return differences.map((difference) => reasonOf(difference, { pcr, bank, types }))
}

const NONE: ReadonlySet<string> = new Set()

function digestsIn(event: ReferenceEvent, bank: Bank): ReadonlySet<string> {
  return event.digests.get(bank) ?? NONE
}

function reasonOf(
  difference: EventDifference,
  { pcr, bank, types }: { readonly pcr: number; readonly bank: Bank; readonly types: ReadonlyMap<number, number> },
): Reason {
  const expected =
    difference.kind === 'unexpected'
      ? {}
      : { expected: [...digestsIn(difference.expected, bank)].slice(0, EXPECTED_MAX) }
  const description = difference.kind === 'unexpected' ? undefined : difference.expected.description
  const remark = description === undefined ? {} : { remark: description }
  if (difference.kind === 'missing') return { code: 'event-missing', pcr, ...expected, ...remark }
  const { index, digest } = difference.found
  const eventType = eventTypeName(types.get(index) ?? 0)
  const code = difference.kind === 'different' ? 'event-different' : 'event-unexpected'
  return { code, pcr, event: index, eventType, ...expected, found: digest, ...remark }
}

function verdictOf(reasons: readonly Reason[]): Judgement {
  return {
    kind: reasons.length === 0 ? 'trusted' : 'failed',
    reasons: reasons.slice(0, REASONS_MAX),
    reasonsOmitted: Math.max(0, reasons.length - REASONS_MAX),
  }
}

function hex(bytes: Uint8Array | undefined): string {
  return Buffer.from(bytes ?? []).toString('hex')
}

/** As vendors write it: sixteen hexadecimal digits. */
export function firmwareText(version: bigint): string {
  return version.toString(16).padStart(16, '0')
}

function countsText({ resetCount, restartCount, clock }: TpmClock): string {
  return `${resetCount} resets, ${restartCount} restarts, clock ${clock}`
}
