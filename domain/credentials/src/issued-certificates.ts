/** The certificates that the hub has issued: what each is worth, and every change of their states. */

import type { Because, EventType, SecurityEvent } from '@holdfast/audit'
import { type Clock, type Instant, later, timestampOf } from '@holdfast/base'
import {
  type Cut,
  type FoundCertificate,
  type Identity,
  type IdentityKey,
  identitySubject,
  type IssuedCertificateJudge,
  type PresentedCertificate,
} from '@holdfast/identity'
import { parseCertificate, PkiError } from '@holdfast/pki'
import { CredentialError } from './errors.ts'
import { type HubIssuer, IssuerIndex } from './hub-issuer.ts'
import { type IssuedCertificate, isLive, type RevocationReason } from './issued-certificate.ts'
import { judgeCertificate } from './judgement.ts'
import { OVERLAPS_MAX, PAGE_ITEMS_MAX, RECORDS_PER_IDENTITY_MAX, SEEN_EVERY_MS } from './limits.ts'
import type { Profiles } from './profiles.ts'
import { RecordCache } from './record-cache.ts'
import type { AfterRecord, CertificateChange, CertificateMove, IssuedCertificateStore } from './store.ts'
import { Turns } from './turns.ts'

export interface IssuedCertificatesParts {
  /** Written by this object alone while it runs. */
  readonly store: IssuedCertificateStore
  readonly profiles: Pick<Profiles, 'orDefault'>
  readonly issuer: Pick<HubIssuer, 'issuers'>
  readonly clock: Clock
  /** Closes the sessions that rest on what was taken away; resolves when the last is over. */
  readonly close: (cuts: readonly Cut[]) => Promise<unknown>
  /** An identity proves itself by certificates alone from now on: what it left stops working. Must be repeatable. */
  readonly leaveKeys: (key: IdentityKey, generationId: string) => Promise<void>
  /** Told of what failed and is tried again. MUST NOT throw. */
  readonly fault: (error: unknown) => void
}

/** What happened to a record, for those who publish or offer something because of it. */
export type CertificateNews = 'issued' | 'activated' | 'retired' | 'revoked' | 'released'

/** How many certificates may be on their way from first sight to the disk. */
const SEEING_MAX = 10_000

export class IssuedCertificates implements IssuedCertificateJudge {
  readonly #parts: IssuedCertificatesParts
  readonly #issuers: IssuerIndex
  readonly #cache: RecordCache
  readonly #turns = new Turns()
  readonly #seeing = new Set<string>()
  /** Retired ones, on which a session may live on, and until when; in the order of their retirement. */
  readonly #overlaps = new Map<string, Instant>()
  readonly #listeners = new Set<(news: CertificateNews, record: IssuedCertificate) => void>()
  #cutsMade = 0

  constructor(parts: IssuedCertificatesParts) {
    this.#parts = parts
    this.#issuers = new IssuerIndex(parts.issuer)
    this.#cache = new RecordCache((sha256) => parts.store.readIssued(sha256))
  }

  get cutsMade(): number {
    return this.#cutsMade
  }

  /** Tells of every change after it is on disk; `listener` does not throw. Returns what ends it. */
  subscribe(listener: (news: CertificateNews, record: IssuedCertificate) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async find(certificate: PresentedCertificate): Promise<FoundCertificate | undefined> {
    const known = this.#cache.peek(certificate.sha256)
    if (known === undefined && !this.#namesUs(certificate)) return undefined
    return this.#found(known === 'unknown' ? undefined : (known ?? (await this.#cache.read(certificate.sha256))))
  }

  seen(sha256: string): void {
    const record = this.#cache.peek(sha256)
    if (record === undefined || record === 'unknown' || !isLive(record)) return
    const { seenTime, state } = record
    const isDue = seenTime === undefined || this.#parts.clock.wall() - seenTime >= SEEN_EVERY_MS
    if ((state !== 'next' && !isDue) || this.#seeing.has(sha256) || this.#seeing.size >= SEEING_MAX) return
    this.#seeing.add(sha256)
    // A failure is told; the next proof by the same certificate tries again.
    this.#turns
      .take(record.key.deviceId, () => this.#activate(sha256))
      .catch((error: unknown) => this.#parts.fault(error))
      .finally(() => this.#seeing.delete(sha256))
  }

  read(sha256: string): Promise<IssuedCertificate | undefined> {
    return this.#cache.read(sha256)
  }

  /** Runs `work` in the device's turn: nothing else changes its certificates meanwhile. */
  inTurn<T>(key: IdentityKey, work: () => Promise<T>): Promise<T> {
    return this.#turns.take(key.deviceId, work)
  }

  /**
   * Adds a record, in the turn of its device; the one that it supersedes unseen is retired.
   * @param issued the event of the issue.
   */
  async add(record: IssuedCertificate, superseded: readonly IssuedCertificate[], issued: SecurityEvent): Promise<void> {
    const change: CertificateChange = {
      insert: record,
      moves: superseded.map((one) => ({ sha256: one.sha256, from: one.state, to: 'retired', at: record.issuedTime })),
      keep: { key: record.key, recordsMax: RECORDS_PER_IDENTITY_MAX },
    }
    await this.#change(change, issued)
    this.#cache.put(record)
    this.#retired(superseded)
    this.#tell('issued', record)
  }

  /**
   * Takes certificates away and closes what rests on them. Those that are revoked already stay so, but a hold becomes
   * final. Resolves when the last session is over.
   * @returns what was revoked, and the sessions' cuts.
   */
  async revoke(
    select: () => Promise<readonly IssuedCertificate[]>,
    key: IdentityKey,
    reason: RevocationReason,
    actor: string,
  ): Promise<{ readonly revoked: readonly IssuedCertificate[]; readonly cuts: readonly Cut[] }> {
    return this.#turns.take(key.deviceId, async () => {
      const now = this.#parts.clock.wall()
      const found = (await select()).filter((one) => one.state !== 'revoked' || one.reason === 'certificateHold')
      const chosen = found.filter((one) => one.state !== 'revoked' || reason !== 'certificateHold')
      const after = chosen.map((one) => ({ ...one, state: 'revoked' as const, stateTime: now, reason }))
      if (after.length === 0) return { revoked: [], cuts: [] }
      await this.#change(
        { moves: chosen.map(({ sha256, state }) => ({ sha256, from: state, to: 'revoked', at: now, reason })) },
        after.map((record) => this.#event('certificate.revoked', record, actor, { reason })),
      )
      for (const record of after) {
        this.#cache.put(record)
        this.#overlaps.delete(record.sha256)
      }
      this.#cutsMade += 1
      for (const record of after) this.#tell('revoked', record)
      return { revoked: after, cuts: after.map(({ sha256 }) => ({ kind: 'certificate', sha256 })) }
    })
  }

  /** Ends the hold of a disabled identity: what was seen is current again, what was not is next. */
  async release(key: IdentityKey, actor: string): Promise<void> {
    await this.#turns.take(key.deviceId, async () => {
      const records = await this.#parts.store.listIssuedOf(key, { limit: RECORDS_PER_IDENTITY_MAX })
      const held = records.filter((one) => one.state === 'revoked' && one.reason === 'certificateHold')
      if (held.length === 0 || records.some((one) => isLive(one))) return
      const now = this.#parts.clock.wall()
      // Oldest first: of two that were never seen, the first is the current one.
      const ordered = held.toReversed()
      const current = ordered.find((one) => one.seenTime !== undefined) ?? ordered[0]
      const after = ordered.map((one): IssuedCertificate => {
        const { reason: _ended, ...rest } = one
        return { ...rest, state: one === current ? 'current' : 'next', stateTime: now }
      })
      const moves = after.map(({ sha256, state }): CertificateMove => ({ sha256, from: 'revoked', to: state, at: now }))
      await this.#change(
        { moves },
        after.map((record) => this.#event('certificate.activated', record, actor, { released: true })),
      )
      for (const record of after) {
        this.#cache.put(record)
        this.#tell('released', record)
      }
    })
  }

  /**
   * What cuts off the sessions that rest on certificates of authorities which are not among the issuers any more; to be
   * asked for once they are not. Judgements from before it are made anew.
   */
  async cutsOf(issuerSha256s: ReadonlySet<string>): Promise<readonly Cut[]> {
    this.#cutsMade += 1
    const found = new Set<string>()
    for (const sha256 of this.#overlaps.keys()) {
      const record = this.#cache.peek(sha256)
      if (record === undefined || record === 'unknown' || issuerSha256s.has(record.issuerSha256)) found.add(sha256)
    }
    const span = { from: timestampOf(0), to: timestampOf(Number.MAX_SAFE_INTEGER), limit: PAGE_ITEMS_MAX }
    for (let after: AfterRecord | undefined; ; ) {
      const page = await this.#parts.store.listIssuedByEnd({ ...span, ...(after === undefined ? {} : { after }) })
      for (const { sha256, issuerSha256 } of page) if (issuerSha256s.has(issuerSha256)) found.add(sha256)
      const last = page.at(-1)
      // As many pages as there are live certificates in thousands: each begins behind the last.
      if (last === undefined || page.length < PAGE_ITEMS_MAX) break
      after = { time: last.notAfter, sha256: last.sha256 }
    }
    return [...found].map((sha256) => ({ kind: 'certificate', sha256 }))
  }

  /** Closes sessions on retired certificates whose overlap has ended; call every second or so. */
  async closeOverlaps(): Promise<void> {
    const now = this.#parts.clock.monotonic()
    const ended: string[] = []
    for (const [sha256, until] of this.#overlaps) if (until <= now) ended.push(sha256)
    if (ended.length === 0) return
    for (const sha256 of ended) this.#overlaps.delete(sha256)
    await this.#parts.close(ended.map((sha256) => ({ kind: 'certificate', sha256 })))
  }

  /** In the turn of the device. */
  async #activate(sha256: string): Promise<void> {
    const { store, clock, leaveKeys } = this.#parts
    const record = await this.#cache.read(sha256)
    if (record === undefined || !isLive(record)) return
    // Before the sight is written down: after a stop in between it is done again.
    if (record.replacesKeys && record.seenTime === undefined) await leaveKeys(record.key, record.generationId)
    const now = clock.wall()
    const siblings = await store.listIssuedOf(record.key, { limit: RECORDS_PER_IDENTITY_MAX })
    const former = record.state === 'next' ? siblings.filter((one) => one.state === 'current') : []
    const isActivation = record.state === 'next' || record.seenTime === undefined
    const activated = this.#event('certificate.activated', record, identitySubject(record.key), {
      retired: former.map((one) => one.sha256).join(' '),
    })
    const moves: readonly CertificateMove[] = [
      ...former.map((one): CertificateMove => ({ sha256: one.sha256, from: 'current', to: 'retired', at: now })),
      {
        sha256,
        from: record.state,
        to: 'current',
        at: record.state === 'next' ? now : record.stateTime,
        seenTime: now,
      },
    ]
    await this.#change({ moves }, isActivation ? activated : undefined)
    const after = { ...record, state: 'current' as const, seenTime: now }
    this.#cache.put(record.state === 'next' ? { ...after, stateTime: now } : after)
    this.#retired(former)
    if (isActivation) this.#tell('activated', after)
  }

  /** Sessions on them live on until they reconnect, or until the overlap of their profile ends. */
  #retired(records: readonly IssuedCertificate[]): void {
    if (records.length === 0) return
    const { clock, profiles, close, fault } = this.#parts
    // No decision is made anew for it: a session that is let in meanwhile lives as long as those that were there.
    for (const record of records) {
      const { sha256, profile } = record
      const after: IssuedCertificate = { ...record, state: 'retired', stateTime: clock.wall() }
      this.#cache.put(after)
      this.#tell('retired', after)
      if (this.#overlaps.size < OVERLAPS_MAX) {
        this.#overlaps.set(sha256, later(clock.monotonic(), profiles.orDefault(profile).overlapMs))
      } else {
        close([{ kind: 'certificate', sha256 }]).catch(fault)
      }
    }
  }

  #found(record: IssuedCertificate | undefined): FoundCertificate {
    return {
      judge: (identity: Identity, now) =>
        judgeCertificate(record, identity, now, {
          graceMs: record === undefined ? 0 : this.#parts.profiles.orDefault(record.profile).graceMs,
          isIssuerTrusted: record !== undefined && this.#issuers.isTrusted(record.issuerSha256),
        }),
    }
  }

  #namesUs({ chain }: PresentedCertificate): boolean {
    const [leaf] = chain
    if (leaf === undefined) return false
    try {
      return this.#issuers.hasName(parseCertificate(leaf).issuer)
    } catch (error) {
      if (error instanceof PkiError) return false
      throw error
    }
  }

  async #change(change: CertificateChange, because: Because | undefined): Promise<void> {
    try {
      if (await this.#parts.store.changeIssued(change, because)) return
    } catch (error) {
      // It is not known what became of it: memory is no guide any more.
      for (const { sha256 } of change.moves) this.#cache.forget(sha256)
      throw error
    }
    for (const { sha256 } of change.moves) this.#cache.forget(sha256)
    throw new CredentialError('busy', 'the certificates of this identity are being changed by others; try again')
  }

  #tell(news: CertificateNews, record: IssuedCertificate): void {
    for (const listener of this.#listeners) listener(news, record)
  }

  #event(
    type: EventType,
    record: IssuedCertificate,
    actor: string,
    detail: Readonly<Record<string, string | number | boolean>>,
  ): SecurityEvent {
    const { sha256, serialNumber, key } = record
    const at = this.#parts.clock.wall()
    return { type, at, subject: identitySubject(key), actor, detail: { sha256, serialNumber, ...detail } }
  }
}
