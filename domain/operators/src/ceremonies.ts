/** Challenges that were given and not yet answered: each counts once, for one purpose, for five minutes. */

import type { Instant } from '@holdfast/base'
import { later } from '@holdfast/base'
import { OperatorError } from './errors.ts'
import { CEREMONIES_MAX, CEREMONIES_PER_ADDRESS_MAX, CEREMONY_LIFE_MS, CHALLENGE_BYTES } from './limits.ts'
import { base64url, type RandomBytes } from './secret.ts'

export type Purpose =
  | { readonly kind: 'enrol'; readonly link: string; readonly operatorId: string; readonly name: string }
  | { readonly kind: 'sign-in' }
  | { readonly kind: 'step-up'; readonly session: string }
  | { readonly kind: 'confirm'; readonly session: string; readonly login: string }
  | { readonly kind: 'add-passkey'; readonly session: string; readonly operatorId: string }

export interface Ceremony<P extends Purpose = Purpose> {
  readonly id: string
  /** Base64url. */
  readonly challenge: string
  readonly purpose: P
}

type PurposeOf<K extends Purpose['kind']> = Extract<Purpose, { readonly kind: K }>

interface Open extends Ceremony {
  readonly address: string
  readonly until: Instant
}

export class Ceremonies {
  readonly #random: RandomBytes
  /** In the order of their beginning. */
  readonly #open = new Map<string, Open>()
  readonly #byAddress = new Map<string, number>()

  constructor(random: RandomBytes) {
    this.#random = random
  }

  /** @param address whoever begins it, as far as is known: nobody fills the pool alone. */
  begin(purpose: Purpose, address: string, now: Instant): Ceremony {
    this.#forget(now)
    if ((this.#byAddress.get(address) ?? 0) >= CEREMONIES_PER_ADDRESS_MAX) {
      throw new OperatorError('throttled', 'too many ceremonies were begun from this address and not finished')
    }
    const ceremony = {
      id: base64url(this.#random(16)),
      challenge: base64url(this.#random(CHALLENGE_BYTES)),
      purpose,
      address,
      until: later(now, CEREMONY_LIFE_MS),
    }
    this.#open.set(ceremony.id, ceremony)
    this.#byAddress.set(address, (this.#byAddress.get(address) ?? 0) + 1)
    return ceremony
  }

  /**
   * Takes a ceremony out, whatever becomes of its answer.
   * @throws OperatorError `ceremony-over`: it was answered, is too old, or was for something else.
   */
  take<K extends Purpose['kind']>(id: string, kind: K, now: Instant): Ceremony<PurposeOf<K>> {
    const ceremony = this.#open.get(id)
    if (ceremony !== undefined) this.#remove(ceremony)
    if (ceremony === undefined || ceremony.until <= now || !isFor(ceremony, kind)) {
      throw new OperatorError('ceremony-over', 'this took too long, or was finished before')
    }
    return ceremony
  }

  #forget(now: Instant): void {
    for (const ceremony of this.#open.values()) {
      if (ceremony.until > now && this.#open.size < CEREMONIES_MAX) break
      this.#remove(ceremony)
    }
  }

  #remove(ceremony: Open): void {
    this.#open.delete(ceremony.id)
    const left = (this.#byAddress.get(ceremony.address) ?? 1) - 1
    if (left > 0) this.#byAddress.set(ceremony.address, left)
    else this.#byAddress.delete(ceremony.address)
  }
}

function isFor<K extends Purpose['kind']>(ceremony: Ceremony, kind: K): ceremony is Open & Ceremony<PurposeOf<K>> {
  return ceremony.purpose.kind === kind
}
