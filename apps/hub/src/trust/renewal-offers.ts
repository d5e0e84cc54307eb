/**
 * Tells devices, in the member `holdfast.renew` of their desired properties, that their certificate is two thirds through
 * its life, and takes that back when its successor has been seen. Who is offline finds it there.
 */

import type { EventSink } from '@holdfast/audit'
import { type Clock, formatTimestamp, type Instant, later, LruMap } from '@holdfast/base'
import type { CertificateNews, IssuedCertificate, IssuedCertificateStore } from '@holdfast/credentials'
import { type IdentityKey, identitySubject, identityText } from '@holdfast/identity'
import { isTwinObject, parseTwinJson, propertyOf, type TwinValue } from '@holdfast/iothub'
import { TwinError, type Twins } from '@holdfast/twins'
import { HUB_MEMBER } from '../core/lane-rules.ts'

export interface RenewalOffersParts {
  readonly store: Pick<IssuedCertificateStore, 'listIssuedDue'>
  readonly twins: Pick<Twins, 'read' | 'write'>
  readonly clock: Clock
  readonly events: EventSink
  /** Where EST is served: `https://hub.example:443/.well-known/est`. */
  readonly estAddress: string
  /** Told of what failed and is tried again. MUST NOT throw. */
  readonly fault: (error: unknown) => void
}

const PAGE_ITEMS = 200
/** Certificates known to be offered, so that a fleet that is offline is not read from the disk at each run. */
const OFFERED_MAX = 100_000
/** How long that is believed, in milliseconds: a back end that replaces the twin takes the offer away unknowingly. */
const OFFERED_MS = 600_000
const ACTOR = 'hub'
const MEMBER = 'renew'

export class RenewalOffers {
  readonly #parts: RenewalOffersParts
  /** By certificate, until when. */
  readonly #offered = new LruMap<string, Instant>(OFFERED_MAX)
  #isRunning = false

  constructor(parts: RenewalOffersParts) {
    this.#parts = parts
  }

  /** Offers what has come due; resolves with how many offers were made. Never rejects; a run that is under way goes on. */
  async run(): Promise<number> {
    if (this.#isRunning) return 0
    this.#isRunning = true
    try {
      return await this.#offerAll()
    } catch (error) {
      this.#parts.fault(error)
      return 0
    } finally {
      this.#isRunning = false
    }
  }

  /** For `IssuedCertificates.subscribe`. */
  told(news: CertificateNews, record: IssuedCertificate): void {
    if (news !== 'activated' && news !== 'revoked') return
    this.#takeBack(record.key, news === 'revoked' ? record.sha256 : undefined).catch(this.#parts.fault)
  }

  async #offerAll(): Promise<number> {
    const { clock, store } = this.#parts
    const now = clock.wall()
    let offers = 0
    let last: IssuedCertificate | undefined
    for (;;) {
      const after = last === undefined ? {} : { after: { time: last.renewalTime, sha256: last.sha256 } }
      const records = await store.listIssuedDue({ now, limit: PAGE_ITEMS, ...after })
      for (const record of records) if (await this.#offer(record)) offers += 1
      last = records.at(-1)
      if (last === undefined || records.length < PAGE_ITEMS) return offers
    }
  }

  async #offer(record: IssuedCertificate): Promise<boolean> {
    const { key, sha256, notAfter } = record
    const now = this.#parts.clock.monotonic()
    const known = this.#offered.get(sha256)
    if (known !== undefined && now < known) return false
    try {
      const isThere = (await this.#offeredTo(key)) === sha256
      if (!isThere) {
        const { twins, clock, events, estAddress } = this.#parts
        const offer = { certificate: sha256, notAfter: formatTimestamp(notAfter), est: estAddress }
        const patch = JSON.stringify({ [HUB_MEMBER]: { [MEMBER]: offer } })
        await twins.write(key, { desired: { kind: 'merge', patch } }, ACTOR)
        events({
          type: 'certificate.renewal-offered',
          at: clock.wall(),
          subject: identitySubject(key),
          actor: ACTOR,
          detail: { sha256, notAfter: formatTimestamp(notAfter) },
        })
      }
      this.#offered.set(sha256, later(now, OFFERED_MS))
      return !isThere
    } catch (error) {
      // Its identity may be gone meanwhile, its twin may be full: others are offered theirs all the same.
      if (!(error instanceof TwinError)) throw error
      this.#offered.set(sha256, later(now, OFFERED_MS))
      this.#parts.fault(error)
      return false
    }
  }

  /** @param only takes back the offer for this certificate alone. */
  async #takeBack(key: IdentityKey, only?: string): Promise<void> {
    try {
      const offered = await this.#offeredTo(key)
      if (offered === undefined || (only !== undefined && offered !== only)) return
      const patch = JSON.stringify({ [HUB_MEMBER]: { [MEMBER]: null } })
      await this.#parts.twins.write(key, { desired: { kind: 'merge', patch } }, ACTOR)
    } catch (error) {
      if (error instanceof TwinError && error.code === 'missing') return
      throw new Error(`the offer of renewal to ${identityText(key)} was not taken back`, { cause: error })
    }
  }

  /** Which certificate the twin offers to renew; '' for an offer that is none of ours. */
  async #offeredTo(key: IdentityKey): Promise<string | undefined> {
    const { desired } = await this.#parts.twins.read(key)
    if (!desired.properties.includes(`"${MEMBER}"`)) return undefined
    const offer = memberOf(memberOf(parseTwinJson(Buffer.from(desired.properties)), HUB_MEMBER), MEMBER)
    if (offer === undefined) return undefined
    const certificate = memberOf(offer, 'certificate')
    return typeof certificate === 'string' ? certificate : ''
  }
}

function memberOf(value: TwinValue | undefined, name: string): TwinValue | undefined {
  return isTwinObject(value) ? propertyOf(value, name) : undefined
}
