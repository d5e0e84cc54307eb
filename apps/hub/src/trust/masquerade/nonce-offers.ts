/** Nonces on their way to devices: on disk, then in the desired properties, then waited for. */

import type { ConnectionFacts } from '@holdfast/admission'
import type { Clock, Instant } from '@holdfast/base'
import { later } from '@holdfast/base'
import type { IdentityKey } from '@holdfast/identity'
import type { Twin } from '@holdfast/iothub'
import { type Dossier, type Dossiers, NONCE_BYTES, SILENCE_MS } from '@holdfast/masquerade'
import type { Twins } from '@holdfast/twins'
import { HUB_MEMBER } from '../../core/lane-rules.ts'

export interface NonceOffersParts {
  readonly dossiers: Dossiers
  readonly twins: Pick<Twins, 'read' | 'write'>
  readonly clock: Clock
  readonly random: (bytes: number) => Uint8Array
  readonly fault: (error: unknown) => void
}

interface Waiting {
  readonly dossier: Dossier
  readonly until: Instant
}

export class NonceOffers {
  readonly #parts: NonceOffersParts
  /** Connections whose answer is not due yet; all have the same time, so the first is due first. */
  readonly #waiting = new Map<ConnectionFacts, Waiting>()
  /** Live connections with an offer; what ends them takes them out. */
  readonly #open = new Set<ConnectionFacts>()

  constructor(parts: NonceOffersParts) {
    this.#parts = parts
  }

  /** Offers a nonce to a live connection. What the disk refuses is not offered, and nobody is blamed for not answering. */
  offer(facts: ConnectionFacts, dossier: Dossier): void {
    this.#open.add(facts)
    this.#offer(facts, dossier).catch(this.#parts.fault)
  }

  /** Takes an answered offer out of the desired properties, before anything that is offered after this. */
  withdraw(key: IdentityKey): void {
    const patch = JSON.stringify({ [HUB_MEMBER]: { nonce: null } })
    this.#parts.twins.write(key, { desired: { kind: 'merge', patch } }, 'hub').catch(this.#parts.fault)
  }

  /**
   * Offers again what a back end has taken out of the desired properties, by replacing them.
   * @returns whether it had. Rejects with what the store throws.
   */
  async renew(facts: ConnectionFacts, dossier: Dossier): Promise<boolean> {
    const offer = dossier.nonce?.offer
    if (offer === undefined || nonceIn(await this.#parts.twins.read(facts.key)) === offer) return false
    if (this.#open.has(facts)) this.offer(facts, dossier)
    return true
  }

  ended(facts: ConnectionFacts): void {
    this.#open.delete(facts)
    this.#waiting.delete(facts)
  }

  /** Those whose time is over, once each. */
  due(now: Instant): readonly (readonly [ConnectionFacts, Dossier])[] {
    const due: (readonly [ConnectionFacts, Dossier])[] = []
    for (const [facts, { dossier, until }] of this.#waiting) {
      if (now < until) break
      this.#waiting.delete(facts)
      due.push([facts, dossier])
    }
    return due
  }

  async #offer(facts: ConnectionFacts, dossier: Dossier): Promise<void> {
    const { dossiers, twins, clock, random } = this.#parts
    const key: IdentityKey = facts.key
    const offer = dossier.offer(Buffer.from(random(NONCE_BYTES)).toString('base64url'))
    await dossiers.write(key, dossier)
    // A back end may have replaced the desired properties since, so it is not enough to have written it once.
    if (nonceIn(await twins.read(key)) !== offer) {
      const patch = JSON.stringify({ [HUB_MEMBER]: { nonce: offer } })
      await twins.write(key, { desired: { kind: 'merge', patch } }, 'hub')
    }
    if (!this.#open.has(facts)) return
    this.#waiting.set(facts, { dossier, until: later(clock.monotonic(), SILENCE_MS) })
  }
}

function nonceIn({ desired }: Twin): unknown {
  const members: ReadonlyMap<string, unknown> = new Map(Object.entries(JSON.parse(desired.properties)))
  const member = members.get(HUB_MEMBER)
  return typeof member === 'object' && member !== null && 'nonce' in member ? member.nonce : undefined
}
