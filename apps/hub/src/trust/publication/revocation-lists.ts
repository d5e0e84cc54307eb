/** The lists of revoked certificates of the hub's issuing authorities: issued on change, and long before they end. */

import type { EventSink } from '@holdfast/audit'
import { type Clock, type Timestamp, timestampOf } from '@holdfast/base'
import { issueCrl } from '@holdfast/pki'
import type { IssuingAuthority } from '../../core/hub-authority.ts'
import { authorityName } from './publication-address.ts'
import type { RevokedSerials } from './revoked-serials.ts'

/** For how long a list may be used, in milliseconds. */
const LIST_MS = 7 * 86_400_000
/** How old a list becomes while nothing changes. */
const LIST_AGE_MS_MAX = 86_400_000
/** Changes that come together are one list; a list is not made more often than this, in milliseconds. */
const GATHER_MS = 1_000
/** Of its own time that making lists may take: after a list that took a second, the next waits this many. */
const PAUSE_FACTOR = 10
const NUMBER_SETTING = 'crlNumber'

export interface RevocationListsParts {
  readonly authority: {
    readonly issuersAtWork: readonly IssuingAuthority[]
    onChange(listener: () => void): () => void
  }
  readonly serials: RevokedSerials
  readonly store: {
    readSetting(name: string): Promise<string | undefined>
    writeSetting(name: string, value: string): Promise<void>
  }
  readonly clock: Clock
  readonly events: EventSink
  /** A list could not be made; it is tried again. MUST NOT throw. */
  readonly fault: (error: unknown) => void
}

export interface PublishedList {
  readonly der: Uint8Array<ArrayBuffer>
  readonly number: bigint
  readonly thisUpdate: Timestamp
  readonly nextUpdate: Timestamp
}

export class RevocationLists {
  readonly #parts: RevocationListsParts
  #lists = new Map<string, PublishedList>()
  #number: bigint
  #isChanged = true
  #timer: NodeJS.Timeout | undefined
  #working: Promise<void> | undefined
  readonly #unsubscribe: readonly (() => void)[]
  #isEnded = false

  private constructor(parts: RevocationListsParts, number: bigint) {
    this.#parts = parts
    this.#number = number
    const changed = (): void => this.#changed()
    this.#unsubscribe = [
      parts.authority.onChange(changed),
      // A fleet that enrols is no reason for a list a second.
      parts.serials.onChange((change) => change === 'lists' && changed()),
    ]
  }

  /** Resolves when there are lists, or the first attempt at them has been told as failed. */
  static async open(parts: RevocationListsParts): Promise<RevocationLists> {
    const stored = (await parts.store.readSetting(NUMBER_SETTING)) ?? '0'
    const lists = new RevocationLists(parts, BigInt(stored))
    await lists.refresh()
    return lists
  }

  /** The list of an authority, by its name (`authorityName`). */
  list(name: string): PublishedList | undefined {
    return this.#lists.get(name)
  }

  /** Makes lists anew where something has changed or they grow old; to be called every minute or so. Never rejects. */
  async refresh(): Promise<void> {
    this.#working ??= this.#refresh().finally(() => {
      this.#working = undefined
    })
    await this.#working
  }

  end(): void {
    this.#isEnded = true
    clearTimeout(this.#timer)
    for (const unsubscribe of this.#unsubscribe) unsubscribe()
  }

  async #refresh(): Promise<void> {
    const { authority, clock } = this.#parts
    const now = clock.wall()
    const names = authority.issuersAtWork.map(({ certificate }) => authorityName(certificate))
    const isFresh = (name: string): boolean => {
      const list = this.#lists.get(name)
      return list !== undefined && now >= list.thisUpdate && now - list.thisUpdate < LIST_AGE_MS_MAX
    }
    if (!this.#isChanged && names.every(isFresh)) return
    // Before the look at what is revoked: what changes meanwhile is looked at again.
    this.#isChanged = false
    try {
      await this.#issueAll(now)
    } catch (error) {
      this.#isChanged = true
      this.#parts.fault(error)
    }
  }

  async #issueAll(now: Timestamp): Promise<void> {
    const { authority, serials } = this.#parts
    const revoked = await serials.revoked(now)
    const lists = new Map<string, PublishedList>()
    for (const { certificate, signer } of authority.issuersAtWork) {
      const nextUpdate = timestampOf(now + LIST_MS)
      const entries = revoked.get(certificate.sha256Thumbprint) ?? []
      const number = await this.#nextNumber()
      const der = await issueCrl({ issuer: certificate, signer, number, thisUpdate: now, nextUpdate, entries })
      lists.set(authorityName(certificate), { der, number, thisUpdate: now, nextUpdate })
      this.#parts.events({
        type: 'hub-authority.list-issued',
        at: now,
        subject: `certificate/${certificate.sha256Thumbprint}`,
        actor: 'hub',
        detail: { number: String(number), entries: entries.length, nextUpdate: new Date(nextUpdate).toISOString() },
      })
    }
    this.#lists = lists
  }

  /** Durable before it stands in a list: no number is given twice (RFC 5280 §5.2.3), whatever happens in between. */
  async #nextNumber(): Promise<bigint> {
    this.#number += 1n
    await this.#parts.store.writeSetting(NUMBER_SETTING, String(this.#number))
    return this.#number
  }

  #changed(): void {
    this.#isChanged = true
    this.#schedule(GATHER_MS)
  }

  #schedule(afterMs: number): void {
    if (this.#timer !== undefined || this.#isEnded) return
    this.#timer = setTimeout(() => void this.#gathered(), afterMs)
    this.#timer.unref()
  }

  async #gathered(): Promise<void> {
    const { clock } = this.#parts
    const begun = clock.monotonic()
    await this.refresh()
    const took = clock.monotonic() - begun
    this.#timer = undefined
    if (this.#isChanged) this.#schedule(GATHER_MS + PAUSE_FACTOR * took)
  }
}
