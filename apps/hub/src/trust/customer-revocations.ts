/** Customers' revocation lists in the running hub: fetched on a timer, held before the live sessions, told of when late. */

import type { EventSink } from '@holdfast/audit'
import type { Clock, Timestamp } from '@holdfast/base'
import {
  type Authorities,
  type Cut,
  IdentityError,
  type KnownRevocationList,
  type RevocationListDraft,
  type RevocationLists,
} from '@holdfast/identity'
import { decodeRevocationListInput, PkiError } from '@holdfast/pki'
import type { Notices } from '../core/notices.ts'
import { FetchFault, fetchRevocationList, isFetchable } from './fetch-revocation-list.ts'

export interface CustomerRevocationParts {
  readonly lists: RevocationLists
  readonly authorities: Pick<Authorities, 'read'>
  readonly clock: Clock
  readonly events: EventSink
  readonly notices: Notices
  /** Closes the sessions that rest on what was taken; resolves when the last one is closed. */
  readonly cutOff: (cuts: readonly Cut[]) => Promise<Closed>
  /** Told of errors that are nobody's fault but ours. */
  readonly fault: (error: unknown) => void
}

export interface Closed {
  readonly sessionsClosed: number
  readonly milliseconds: number
}

/** How often everything is looked at, in milliseconds: the longest that a list is out of date before it is told. */
const SWEEP_MS = 60_000
/** How often a list is fetched while all is well, and after a failure, in milliseconds. */
const FETCH_MS = 3_600_000
const FETCH_AGAIN_MS = 300_000

/** When the next list is due, and what was wrong the last time. */
interface Attempt {
  readonly due: Timestamp | number
  readonly fault?: string
}

export class CustomerRevocations {
  readonly #parts: CustomerRevocationParts
  /** By authority and issuer; as many as there are lists. */
  readonly #attempts = new Map<string, Attempt>()
  readonly #ending = new AbortController()
  readonly #timer: NodeJS.Timeout
  #noticed: ReadonlySet<string> = new Set()
  #isSweeping = false

  constructor(parts: CustomerRevocationParts) {
    this.#parts = parts
    this.#timer = setInterval(() => void this.sweep().catch(parts.fault), SWEEP_MS)
    this.#timer.unref()
    this.#notice()
  }

  list(authority: string): readonly KnownRevocationList[] {
    return this.#parts.lists.list(authority)
  }

  /** Why the last fetch of this list failed. */
  faultOf(list: KnownRevocationList): string | undefined {
    return this.#attempts.get(nameOf(list))?.fault
  }

  /**
   * Takes a list, or where it comes from; then it is fetched at once, and what fails is told by `faultOf`.
   * @throws IdentityError as `RevocationLists.put`, and `missing` without such an authority.
   */
  async put(
    name: string,
    draft: RevocationListDraft,
    actor: string,
  ): Promise<{ readonly list: KnownRevocationList; readonly closed: Closed }> {
    const authority = this.#parts.authorities.read(name)
    if (authority === undefined) throw new IdentityError('missing', 'there is no authority of this name')
    if (draft.url !== undefined && !isFetchable(draft.url)) {
      throw new IdentityError('invalid', 'the URL is one of http or https, without a user name or password')
    }
    const { list, cuts } = await this.#parts.lists.put(authority, draft, actor)
    const closed = await this.#cut(cuts)
    this.#notice()
    if (draft.url === undefined) return { list, closed }
    const fetched = await this.#fetch(list)
    return { list: this.#current(list) ?? list, closed: sum([closed, fetched]) }
  }

  /** @throws IdentityError `missing`. */
  async remove(name: string, issuerKey: string, actor: string): Promise<void> {
    await this.#parts.lists.remove(name, issuerKey, actor)
    this.#attempts.delete(`${name} ${issuerKey}`)
    this.#notice()
  }

  /** Fetches every list of the authority that has a URL. @throws IdentityError `missing` without such an authority. */
  async fetchAll(name: string): Promise<Closed> {
    if (this.#parts.authorities.read(name) === undefined) {
      throw new IdentityError('missing', 'there is no authority of this name')
    }
    const closed: Closed[] = []
    for (const list of this.list(name)) if (list.url !== undefined) closed.push(await this.#fetch(list))
    return sum(closed)
  }

  /** What the timer does: fetches what is due, one after the other, and looks at every live session again. */
  async sweep(): Promise<void> {
    if (this.#isSweeping || this.#ending.signal.aborted) return
    this.#isSweeping = true
    try {
      const { lists, clock } = this.#parts
      for (const list of lists.list()) {
        if (list.url !== undefined && clock.wall() >= (this.#attempts.get(nameOf(list))?.due ?? 0))
          await this.#fetch(list)
      }
      await this.#cut(lists.sweep(clock.wall()))
      this.#notice()
    } finally {
      this.#isSweeping = false
    }
  }

  end(): void {
    clearInterval(this.#timer)
    this.#ending.abort()
  }

  /** A failure leaves the list that is there. */
  async #fetch(list: KnownRevocationList): Promise<Closed> {
    const { lists, authorities, clock, events } = this.#parts
    const authority = authorities.read(list.authority)
    if (list.url === undefined || authority === undefined) return NOTHING_CLOSED
    const name = nameOf(list)
    try {
      const der = decodeRevocationListInput(await fetchRevocationList(list.url, this.#ending.signal))
      const isKnown = list.list !== undefined && Buffer.compare(list.list, der) === 0
      const changed = isKnown ? undefined : await lists.put(authority, { list: der, issuer: list.issuer }, 'hub')
      const end = (changed?.list ?? list).parsed?.nextUpdate ?? Number.POSITIVE_INFINITY
      // The next list is there at its nextUpdate, and not asked for more than once a minute.
      this.#attempts.set(name, { due: Math.min(clock.wall() + FETCH_MS, Math.max(end, clock.wall() + SWEEP_MS)) })
      return await this.#cut(changed?.cuts ?? [])
    } catch (error) {
      const fault = sentenceOf(error)
      if (fault === undefined) throw error
      if (this.#ending.signal.aborted) return NOTHING_CLOSED
      if (this.#attempts.get(name)?.fault !== fault) {
        events({
          type: 'revocation-list.fetch-failed',
          at: clock.wall(),
          subject: `authority/${list.authority}`,
          actor: 'hub',
          detail: { issuer: list.issuerCertificate.subjectName, fault },
        })
      }
      this.#attempts.set(name, { due: clock.wall() + FETCH_AGAIN_MS, fault })
      return NOTHING_CLOSED
    } finally {
      this.#notice()
    }
  }

  async #cut(cuts: readonly Cut[]): Promise<Closed> {
    return cuts.length === 0 ? NOTHING_CLOSED : this.#parts.cutOff(cuts)
  }

  #current(list: KnownRevocationList): KnownRevocationList | undefined {
    return this.list(list.authority).find((one) => one.issuerKey === list.issuerKey)
  }

  #notice(): void {
    const { lists, notices, clock } = this.#parts
    const standing = new Set<string>()
    const set = (code: string, detail: string, advice: string): void => {
      standing.add(code)
      notices.set(code, { detail, advice })
    }
    for (const { list, since } of lists.staleAt(clock.wall())) {
      const { authority, whenStale } = list
      const what = `the revocation list of ${list.issuerCertificate.subjectName}`
      const late = since === undefined ? `${what} has not come yet` : `${what} ended ${new Date(since).toISOString()}`
      const meaning =
        whenStale === 'refuse' ? 'its certificates are refused' : 'its certificates are accepted all the same'
      const advice = `get the newest from the CA: holdfast ca crl add ${authority} FILE`
      set(`revocation-list-stale/${nameOf(list)}`, `${late}, and ${meaning}`, advice)
    }
    for (const list of lists.list()) {
      const fault = this.faultOf(list)
      if (fault === undefined) continue
      const detail = `the revocation list of ${list.issuerCertificate.subjectName} cannot be fetched: ${fault}`
      set(`revocation-list-fetch/${nameOf(list)}`, detail, 'see that its URL is reached from here; it is tried again')
    }
    for (const code of this.#noticed) if (!standing.has(code)) notices.set(code, undefined)
    this.#noticed = standing
  }
}

const NOTHING_CLOSED: Closed = { sessionsClosed: 0, milliseconds: 0 }

function sum(all: readonly Closed[]): Closed {
  return {
    sessionsClosed: all.reduce((total, { sessionsClosed }) => total + sessionsClosed, 0),
    milliseconds: all.reduce((total, { milliseconds }) => total + milliseconds, 0),
  }
}

/** Undefined for what is no fault of the list or of its server. */
function sentenceOf(error: unknown): string | undefined {
  if (error instanceof FetchFault || error instanceof PkiError) return error.message
  return error instanceof IdentityError ? error.message : undefined
}

function nameOf({ authority, issuerKey }: KnownRevocationList): string {
  return `${authority} ${issuerKey}`
}
