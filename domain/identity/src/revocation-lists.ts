/**
 * The revocation lists of customers' authorities, and of the CAs below them. Taken in only when their issuer has signed
 * them, and never older than what is there: who can answer in place of the CA's server could un-revoke with an old one.
 */

import type { EventSink, SecurityEvent } from '@holdfast/audit'
import type { Clock, Timestamp } from '@holdfast/base'
import {
  checkAuthority,
  type Certificate,
  parseCertificate,
  parseRevocationList,
  PkiError,
  type RevocationList,
} from '@holdfast/pki'
import type { Authority } from './authorities.ts'
import type { Cut } from './credential.ts'
import { IdentityError } from './errors.ts'
import { PATH_LINKS_MAX, REVOCATION_BYTES_MAX, REVOCATION_LISTS_MAX } from './limits.ts'
import { issuerKeyOf, linksOf } from './path-links.ts'
import { type StaleList, staleListOf } from './stale-list.ts'
import type {
  PathLink,
  RevocationFinding,
  RevocationJudge,
  RevocationListStore,
  StoredRevocationList,
  WhenStale,
} from './revocation.ts'

export interface RevocationListsParts {
  readonly store: RevocationListStore
  readonly clock: Clock
  readonly events: EventSink
}

/** One CA's list, read. */
export interface KnownRevocationList extends StoredRevocationList {
  readonly issuerCertificate: Certificate
  readonly parsed: RevocationList | undefined
}

/** What an operator says of a list, or of where it comes from. */
export interface RevocationListDraft {
  /** DER or PEM's content; absent: as it is, or none yet. */
  readonly list?: Uint8Array
  /** DER of the CA below the authority that signs the list; absent: the authority itself. */
  readonly issuer?: Uint8Array
  readonly url?: string
  readonly whenStale?: WhenStale
}

export interface RevocationChange {
  readonly list: KnownRevocationList
  readonly cuts: readonly Cut[]
}

export class RevocationLists implements RevocationJudge {
  readonly #parts: RevocationListsParts
  /** By authority and issuer. */
  readonly #lists = new Map<string, KnownRevocationList>()
  /** By issuer: two authorities may have the same CA below them. */
  #byIssuer: ReadonlyMap<string, readonly KnownRevocationList[]> = new Map()
  #issuers: readonly Certificate[] = []
  #stale: ReadonlySet<string> = new Set()
  #lastChange: Promise<unknown> = Promise.resolve()
  #cutsMade = 0

  private constructor(parts: RevocationListsParts, stored: readonly KnownRevocationList[]) {
    this.#parts = parts
    for (const list of stored) this.#lists.set(nameOf(list.authority, list.issuerKey), list)
    this.#refresh()
  }

  /** @throws PkiError if what is stored cannot be read: the store is damaged. */
  static async open(parts: RevocationListsParts): Promise<RevocationLists> {
    const stored = await parts.store.listRevocationLists()
    return new RevocationLists(
      parts,
      stored.map((one) => known(one)),
    )
  }

  get cutsMade(): number {
    return this.#cutsMade
  }

  /** Of one authority, or of all. */
  list(authority?: string): readonly KnownRevocationList[] {
    return [...this.#lists.values()].filter((one) => authority === undefined || one.authority === authority)
  }

  linksOf(path: readonly Certificate[]): readonly PathLink[] {
    const links = [...linksOf(path)]
    let top = path.at(-1)
    while (top !== undefined && links.length < PATH_LINKS_MAX) {
      const below: Certificate = top
      const above = this.#issuers.find((issuer) => issuer !== below && isIssuedBy(below, issuer))
      if (above === undefined || below.isSelfIssued) break
      links.push({ issuerKey: issuerKeyOf(above), serialNumber: below.serialNumber })
      top = above
    }
    return links
  }

  judge(path: readonly PathLink[], now: Timestamp): RevocationFinding | undefined {
    for (const [place, { issuerKey, serialNumber }] of path.entries()) {
      for (const one of this.#byIssuer.get(issuerKey) ?? []) {
        const entry = one.parsed?.find(serialNumber)
        if (entry !== undefined) {
          const what = place === 0 ? 'the certificate' : 'an authority above the certificate'
          const at = new Date(entry.revokedAt).toISOString()
          return { code: 'certificate-revoked', detail: `${what} was revoked at ${at} (${entry.reason})` }
        }
        if (one.whenStale === 'refuse' && staleListOf(one, now) !== undefined) {
          return {
            code: 'revocation-unknown',
            detail: `the revocation list of ${one.issuerCertificate.subjectName} is out of date`,
          }
        }
      }
    }
    return undefined
  }

  /**
   * Takes a list, or says where one comes from. What is absent stays as it is.
   * @throws IdentityError `bad-revocation-list`, `revocation-list-older`, `not-an-authority`, `invalid`,
   * `too-many-revocation-lists`, `missing`.
   */
  async put(authority: Authority, draft: RevocationListDraft, actor: string): Promise<RevocationChange> {
    const now = this.#parts.clock.wall()
    return this.#inTurn(async () => {
      const issuer = draft.issuer === undefined ? authority.parsed : this.#issuerBelow(authority, draft.issuer, now)
      const issuerKey = issuerKeyOf(issuer)
      const before = this.#lists.get(nameOf(authority.name, issuerKey))
      const parsed = draft.list === undefined ? before?.parsed : listOf(draft.list, issuer, now, before?.parsed)
      const url = draft.url ?? before?.url
      if (parsed === undefined && url === undefined) {
        throw new IdentityError('invalid', 'send a list, or say from which URL it is to be fetched')
      }
      const isNewList = draft.list !== undefined
      const takenTime = isNewList ? now : before?.takenTime
      const next: KnownRevocationList = {
        authority: authority.name,
        issuerKey,
        issuer: issuer.der,
        issuerCertificate: issuer,
        parsed,
        whenStale: draft.whenStale ?? before?.whenStale ?? 'accept',
        ...(parsed === undefined ? {} : { list: parsed.der }),
        ...(takenTime === undefined ? {} : { takenTime }),
        ...(url === undefined ? {} : { url }),
      }
      this.#checkRoom(next)
      const event = this.#event(isNewList ? 'revocation-list.taken' : 'revocation-list.changed', next, actor)
      if ((await this.#parts.store.writeRevocationList(stored(next), event)) !== 'written') {
        throw new IdentityError('missing', 'there is no authority of this name')
      }
      this.#lists.set(nameOf(next.authority, issuerKey), next)
      this.#cutsMade += 1
      this.#refresh()
      return { list: next, cuts: this.#cutsOf(next, now) }
    })
  }

  /** @throws IdentityError `missing`. */
  async remove(authority: string, issuerKey: string, actor: string): Promise<void> {
    await this.#inTurn(async () => {
      const current = this.#lists.get(nameOf(authority, issuerKey))
      if (current === undefined) throw new IdentityError('missing', 'there is no such revocation list')
      const removed = this.#event('revocation-list.removed', current, actor)
      await this.#parts.store.deleteRevocationList(authority, issuerKey, removed)
      this.#lists.delete(nameOf(authority, issuerKey))
      this.#refresh()
    })
  }

  /** The authority is gone, and its lists with it. */
  forget(authority: string): void {
    for (const [name, one] of this.#lists) if (one.authority === authority) this.#lists.delete(name)
    this.#refresh()
  }

  /** Lists that are out of date, or have not come yet. */
  staleAt(now: Timestamp): readonly StaleList[] {
    return this.list().flatMap((one) => staleListOf(one, now) ?? [])
  }

  /**
   * To be called from time to time: tells of lists that went out of date, and gives what takes away the sessions that
   * must not be any more. Sessions are looked at anew each time, so that nothing that slipped past stays for long.
   */
  sweep(now: Timestamp): readonly Cut[] {
    const stale = new Map(this.staleAt(now).map(({ list }) => [nameOf(list.authority, list.issuerKey), list]))
    for (const [name, one] of stale) {
      if (this.#stale.has(name)) continue
      this.#parts.events(this.#event('revocation-list.stale', one, 'hub'))
      // A decision under way was made when the list still held.
      if (one.whenStale === 'refuse') this.#cutsMade += 1
    }
    this.#stale = new Set(stale.keys())
    return this.list().flatMap((one) => this.#cutsOf(one, now))
  }

  #cutsOf(one: KnownRevocationList, now: Timestamp): readonly Cut[] {
    const { issuerKey, parsed } = one
    if (one.whenStale === 'refuse' && staleListOf(one, now) !== undefined) {
      return [{ kind: 'revocation', issuerKey, serials: { has: () => true } }]
    }
    if (parsed === undefined || parsed.size === 0) return []
    return [{ kind: 'revocation', issuerKey, serials: { has: (serial) => parsed.find(serial) !== undefined } }]
  }

  /** @throws IdentityError `bad-certificate`, `not-an-authority`. */
  #issuerBelow(authority: Authority, der: Uint8Array, now: Timestamp): Certificate {
    let issuer: Certificate
    try {
      issuer = parseCertificate(der)
      // Its issuer is the authority, or a CA that has a list here already and stands below the authority itself.
      const above = [authority.parsed, ...this.list(authority.name).map((one) => one.issuerCertificate)]
      if (issuerKeyOf(issuer) === issuerKeyOf(authority.parsed)) return authority.parsed
      if (!above.some((one) => issuer.isIssuableBy(one) && issuer.isSignedBy(one))) {
        throw new IdentityError(
          'not-an-authority',
          'the issuer of the list is not below this authority; add the list of the CA between them first',
        )
      }
    } catch (error) {
      if (!(error instanceof PkiError)) throw error
      throw new IdentityError('bad-certificate', 'the issuer is no certificate that is taken here', { cause: error })
    }
    const fault = checkAuthority(issuer, now)
    if (fault !== undefined) {
      throw new IdentityError('not-an-authority', `the issuer of the list is no CA that counts (${fault.reason})`)
    }
    return issuer
  }

  #checkRoom(next: KnownRevocationList): void {
    const others = this.list().filter((one) => one.authority !== next.authority || one.issuerKey !== next.issuerKey)
    const bytes = others.reduce((sum, one) => sum + (one.list?.length ?? 0), next.list?.length ?? 0)
    if (others.length >= REVOCATION_LISTS_MAX || bytes > REVOCATION_BYTES_MAX) {
      throw new IdentityError(
        'too-many-revocation-lists',
        `at most ${REVOCATION_LISTS_MAX} lists and ${REVOCATION_BYTES_MAX} bytes of them; remove one first`,
      )
    }
  }

  #refresh(): void {
    const byIssuer = new Map<string, KnownRevocationList[]>()
    for (const one of this.#lists.values()) {
      const same = byIssuer.get(one.issuerKey)
      if (same === undefined) byIssuer.set(one.issuerKey, [one])
      else same.push(one)
    }
    this.#byIssuer = byIssuer
    this.#issuers = [...byIssuer.values()].flatMap((lists) => lists.slice(0, 1).map((one) => one.issuerCertificate))
  }

  async #inTurn<T>(change: () => Promise<T>): Promise<T> {
    const turn = this.#lastChange.then(change)
    this.#lastChange = turn.catch(() => undefined)
    return turn
  }

  #event(
    type: 'revocation-list.taken' | 'revocation-list.changed' | 'revocation-list.removed' | 'revocation-list.stale',
    one: KnownRevocationList,
    actor: string,
  ): SecurityEvent {
    const { parsed, whenStale } = one
    const end = parsed?.nextUpdate
    return {
      type,
      at: this.#parts.clock.wall(),
      subject: `authority/${one.authority}`,
      actor,
      detail: {
        issuer: one.issuerCertificate.subjectName,
        whenStale,
        ...(parsed === undefined ? {} : { entries: parsed.size, sha256: parsed.sha256 }),
        ...(end === undefined ? {} : { nextUpdate: new Date(end).toISOString() }),
        ...(one.url === undefined ? {} : { isFetched: true }),
      },
    }
  }
}

function isIssuedBy(certificate: Certificate, issuer: Certificate): boolean {
  try {
    return certificate.isIssuableBy(issuer) && certificate.isSignedBy(issuer)
  } catch (error) {
    // A key or an algorithm that is not taken here proves nothing.
    if (error instanceof PkiError) return false
    throw error
  }
}

/** @throws IdentityError `bad-revocation-list`, `revocation-list-older`. */
function listOf(
  der: Uint8Array,
  issuer: Certificate,
  now: Timestamp,
  before: RevocationList | undefined,
): RevocationList {
  let list: RevocationList
  try {
    list = parseRevocationList(der)
  } catch (error) {
    if (!(error instanceof PkiError)) throw error
    throw new IdentityError('bad-revocation-list', 'this is no revocation list in DER or PEM', { cause: error })
  }
  const fault = list.faultOf(issuer)
  if (fault !== undefined) {
    throw new IdentityError('bad-revocation-list', `the list does not count for ${issuer.subjectName}: ${fault}`)
  }
  if (list.freshnessAt(now) === 'early') {
    throw new IdentityError('bad-revocation-list', 'the list is of a time that has not come; check the clocks')
  }
  if (before !== undefined && isOlder(list, before)) {
    throw new IdentityError('revocation-list-older', 'the list is older than the one that is here; fetch the newest')
  }
  return list
}

/** RFC 5280 §5.2.3: numbers rise; lists without them are told apart by their time. */
function isOlder(list: RevocationList, before: RevocationList): boolean {
  if (list.thisUpdate < before.thisUpdate) return true
  if (list.number === undefined || before.number === undefined) return false
  return BigInt(`0x${list.number}`) < BigInt(`0x${before.number}`)
}

function known(one: StoredRevocationList): KnownRevocationList {
  return {
    ...one,
    issuerCertificate: parseCertificate(one.issuer),
    parsed: one.list === undefined ? undefined : parseRevocationList(one.list),
  }
}

function stored({
  issuerCertificate: _certificate,
  parsed: _parsed,
  ...one
}: KnownRevocationList): StoredRevocationList {
  return one
}

function nameOf(authority: string, issuerKey: string): string {
  return `${authority} ${issuerKey}`
}
