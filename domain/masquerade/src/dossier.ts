/** All that is remembered of one identity, and what follows from each thing that is seen of it. */

import type { Attempt } from '@holdfast/admission'
import type { Timestamp } from '@holdfast/base'
import type { Finding, FindingKind } from './finding.ts'
import {
  ALTERNATION_MS,
  CLIENT_ALTERNATION_MS,
  DETAIL_CHARACTERS_MAX,
  FINDINGS_PER_KIND_MAX,
  REPEAT_MS,
  SIGHTINGS_MAX,
  STORM_MS,
  STORM_TAKEOVERS,
} from './limits.ts'
import { type CounterState, countOn } from './rolling-counter.ts'
import {
  answerNonce,
  NO_NONCE,
  type NonceAnswer,
  type NonceOutcome,
  type NonceState,
  offerNonce,
  withdrawNonce,
} from './rolling-nonce.ts'
import { isElsewhere, type Sighting, sightingOf } from './sighting.ts'

/** What lasts: on disk, and over restarts. */
export interface DossierRecord {
  readonly findings: readonly Finding[]
  readonly counter?: CounterState
  /** Absent: it does not take part. */
  readonly nonce?: NonceState
}

/** By `DenialCode`: what it is while the identity is connected, and while it is not. */
const DENIED: ReadonlyMap<string, { readonly online: FindingKind; readonly offline?: FindingKind }> = new Map([
  ['certificate-retired', { online: 'replaced-certificate-while-connected' }],
  ['certificate-revoked', { online: 'replaced-certificate-while-connected' }],
  ['certificate-expired', { online: 'expired-certificate-while-connected' }],
  ['thumbprint-unknown', { online: 'wrong-certificate-while-connected', offline: 'wrong-certificate' }],
  ['certificate-untrusted', { online: 'wrong-certificate-while-connected', offline: 'wrong-certificate' }],
  ['certificate-unknown', { online: 'wrong-certificate-while-connected', offline: 'wrong-certificate' }],
  ['wrong-signature', { online: 'wrong-key-while-connected' }],
])

/** Every method that can find something returns what it found, which is remembered already. */
export class Dossier {
  #findings: readonly Finding[]
  #counter: CounterState | undefined
  #nonce: NonceState | undefined
  /** The newest last; the last one is live if it has no end. */
  #sightings: readonly Sighting[] = []
  /** Times of the latest take-overs. */
  #takeovers: readonly Timestamp[] = []
  /** Counts connections. */
  #connections: number
  #hasAnswered = false

  constructor(record: DossierRecord = { findings: [] }) {
    this.#findings = record.findings
    this.#counter = record.counter
    this.#nonce = record.nonce
    this.#connections = record.counter?.connection ?? 0
  }

  /** What lasts; undefined while there is nothing of it. */
  get record(): DossierRecord | undefined {
    if (this.#findings.length === 0 && this.#counter === undefined && this.#nonce === undefined) return undefined
    return {
      findings: this.#findings,
      ...(this.#counter === undefined ? {} : { counter: this.#counter }),
      ...(this.#nonce === undefined ? {} : { nonce: this.#nonce }),
    }
  }

  get findings(): readonly Finding[] {
    return this.#findings
  }

  get sightings(): readonly Sighting[] {
    return this.#sightings
  }

  /** Undefined: it does not take part. */
  get nonce(): NonceState | undefined {
    return this.#nonce
  }

  /** Whether the nonce of this connection was answered by who held the one before. */
  get hasAnswered(): boolean {
    return this.#hasAnswered
  }

  get isLive(): boolean {
    const last = this.#sightings.at(-1)
    return last !== undefined && last.ended === undefined
  }

  /** A connection is in. */
  opened(attempt: Attempt): readonly Finding[] {
    const now = sightingOf(attempt)
    const { at } = now
    const last = this.#sightings.at(-1)
    const isTakeover = last?.ended?.isTakenOver === true
    this.#connections += 1
    this.#hasAnswered = false
    if (this.#nonce !== undefined) this.#nonce = withdrawNonce(this.#nonce)
    const found: Finding[] = []
    if (last !== undefined && isTakeover) found.push(...this.#alternation(now, last), ...this.#storm(at))
    if (last !== undefined && !this.#sightings.some(({ client }) => client === now.client)) {
      found.push(...this.#find('changed-client', at, `${last.client} became ${now.client}`))
    }
    this.#sightings = [...this.#sightings, now].slice(-SIGHTINGS_MAX)
    return found
  }

  /** The live connection has ended. */
  ended(at: Timestamp, isTakenOver: boolean): void {
    const last = this.#sightings.at(-1)
    if (last === undefined || last.ended !== undefined) return
    this.#sightings = [...this.#sightings.slice(0, -1), { ...last, ended: { at, isTakenOver } }]
  }

  /** A request over HTTPS, whose credential was found good. */
  requested(attempt: Attempt): readonly Finding[] {
    const live = this.#sightings.at(-1)
    if (live === undefined || live.ended !== undefined) return []
    const now = sightingOf(attempt)
    if (!isElsewhere(now, live)) return []
    return this.#find('two-networks', attempt.at, `requests from ${now.network}, a connection from ${live.network}`)
  }

  /** Somebody could not prove to be it. @param code a `DenialCode`; others say nothing here. */
  denied(attempt: Attempt, code: string): readonly Finding[] {
    const rule = DENIED.get(code)
    const live = this.#sightings.at(-1)
    const isLive = live !== undefined && live.ended === undefined
    const kind = isLive ? rule?.online : rule?.offline
    if (kind === undefined) return []
    const now = sightingOf(attempt)
    // The same certificate once more is its holder who has not heard yet that it ended.
    if (isLive && now.certificate !== undefined && now.certificate === live.certificate) return []
    return this.#find(
      kind,
      attempt.at,
      `${code} from ${now.network}${isLive ? `, the connection from ${live.network}` : ''}`,
    )
  }

  /** It has reported a counter. */
  counted(value: number, at: Timestamp): readonly Finding[] {
    const before = this.#counter
    const { state, outcome } = countOn(before, { value, connection: this.#connections })
    this.#counter = state
    if (before === undefined || outcome === 'forward' || outcome === 'same-connection') return []
    return outcome === 'backwards'
      ? this.#find('counter-backwards', at, `${before.value} and then ${value}`)
      : this.#find('counter-repeated', at, `${value} in two connections`)
  }

  /**
   * A nonce for the live connection; it takes part from now on.
   * @param fresh for where none is open. @returns what is to stand in its desired properties.
   */
  offer(fresh: string): string {
    this.#nonce = offerNonce(this.#nonce ?? NO_NONCE, fresh)
    return this.#nonce.offer ?? fresh
  }

  /** It has reported an answer. */
  answered(answer: NonceAnswer, at: Timestamp): { readonly outcome: NonceOutcome; readonly found: readonly Finding[] } {
    if (this.#nonce === undefined) return { outcome: 'ignored', found: [] }
    const { state, outcome } = answerNonce(this.#nonce, answer)
    this.#nonce = state
    if (outcome === 'accepted' || outcome === 'stored') this.#hasAnswered = true
    if (outcome !== 'outdated') return { outcome, found: [] }
    const network = this.#sightings.at(-1)?.network ?? 'an unknown network'
    return { outcome, found: this.#find('nonce-outdated', at, `a replaced nonce shown from ${network}`) }
  }

  /** The time for an answer is over. */
  silent(at: Timestamp): readonly Finding[] {
    if (!this.isLive || this.#hasAnswered || this.#nonce?.current === undefined) return []
    return this.#find('nonce-silent', at, `no answer from ${this.#sightings.at(-1)?.network ?? ''}`)
  }

  /** An operator has looked into it: what was found is over, nonces and counters begin anew. */
  cleared(): void {
    this.#findings = []
    this.#counter = undefined
    this.#nonce = this.#nonce === undefined ? undefined : NO_NONCE
    this.#takeovers = []
    this.#sightings = this.#sightings.slice(-1)
    this.#hasAnswered = false
  }

  #alternation(now: Sighting, last: Sighting): readonly Finding[] {
    // Who is back was pushed out by the one that it pushes out now.
    const before = this.#sightings.at(-2)
    if (before?.ended?.isTakenOver !== true || before.client !== now.client) return []
    const absentMs = now.at - before.ended.at
    if (absentMs > (last.client === now.client ? ALTERNATION_MS : CLIENT_ALTERNATION_MS)) return []
    if (last.client !== now.client) {
      const found = this.#find('alternating-clients', now.at, `${now.client} and ${last.client}`)
      const isApart = isElsewhere(now, last)
      return isApart ? [...found, ...this.#find('alternating-networks', now.at, networks(now, last))] : found
    }
    const isBack = before.network === now.network && isElsewhere(now, last)
    return isBack ? this.#find('alternating-networks', now.at, networks(now, last)) : []
  }

  #storm(at: Timestamp): readonly Finding[] {
    this.#takeovers = [...this.#takeovers, at].slice(-STORM_TAKEOVERS)
    const [first = at] = this.#takeovers
    if (this.#takeovers.length < STORM_TAKEOVERS || at - first > STORM_MS) return []
    this.#takeovers = []
    return this.#find('takeover-storm', at, `${STORM_TAKEOVERS} take-overs in ${Math.ceil((at - first) / 1000)} s`)
  }

  #find(kind: FindingKind, at: Timestamp, text: string): readonly Finding[] {
    const ofKind = this.#findings.filter((one) => one.kind === kind)
    const detail = text.slice(0, DETAIL_CHARACTERS_MAX)
    const again = ofKind.at(-1)
    const isRepeated = again !== undefined && again.detail === detail && Math.abs(at - again.at) < REPEAT_MS
    if (isRepeated && !COUNTS_ALWAYS.has(kind)) return []
    const finding: Finding = { kind, at, detail }
    // Of this kind the oldest goes, so that what a stranger can cause by the thousand leaves the others.
    const oldest = ofKind.length < FINDINGS_PER_KIND_MAX ? undefined : ofKind[0]
    this.#findings = [...this.#findings.filter((one) => one !== oldest), finding]
    return [finding]
  }
}

/** Each time is another fact, however soon. */
const COUNTS_ALWAYS: ReadonlySet<FindingKind> = new Set([
  'alternating-clients',
  'alternating-networks',
  'counter-backwards',
  'counter-repeated',
])

function networks(a: Sighting, b: Sighting): string {
  return `${a.network} and ${b.network}`
}
