/**
 * Challenges to TPMs, and what came of them (azure-iot.md §6.1). The key of a challenge is derived, not kept: from a secret
 * of this process, who is challenged, its keys, the time, and how often it has been answered. So whoever asks again and
 * again, for whatever registration, fills no memory and pushes out nobody's challenge. Only answers are remembered, and an
 * answer takes a TPM.
 */

import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Instant } from '@holdfast/base'
import type { RegistrationId } from '@holdfast/dps'
import { ACTIVATION_KEY_BYTES, ACTIVATIONS_MAX, CHALLENGE_WINDOW_MS, OPERATION_LIFETIME_MS } from './limits.ts'
import type { RandomBytes } from './ports.ts'

/** Whom a challenge is for. */
export interface Challenged {
  readonly registrationId: RegistrationId
  /** TPM2B_PUBLIC. */
  readonly endorsementKey: Uint8Array
  readonly storageRootKey: Uint8Array
}

/** A challenge that was answered: its key signs the polls for what came of it. */
export interface Activated extends Challenged {
  readonly key: Uint8Array
  readonly until: Instant
}

interface Answered extends Activated {
  /** Answers of this registration that are remembered; part of the next key. */
  readonly count: number
}

export class Activations {
  readonly #secret: Uint8Array
  /** In the order in which they were answered. */
  readonly #answered = new Map<RegistrationId, Answered>()

  constructor(random: RandomBytes) {
    this.#secret = random(ACTIVATION_KEY_BYTES)
  }

  get size(): number {
    return this.#answered.size
  }

  /** The key of a challenge made now. It can be answered for at least one window, at most two, and once. */
  challenge(challenged: Challenged, now: Instant): Uint8Array {
    this.sweep(now)
    return this.#keyOf(challenged, windowOf(now))
  }

  /** The keys by which a challenge may be answered now, the newer first. */
  open(challenged: Challenged, now: Instant): readonly Uint8Array[] {
    this.sweep(now)
    const window = windowOf(now)
    return [this.#keyOf(challenged, window), this.#keyOf(challenged, window - 1)]
  }

  /**
   * Uses up a challenge. Every key that could have answered one for this registration is worth nothing from now on.
   * @param key one that `open` gave.
   * @returns false if it was used up meanwhile, or too many answers are remembered.
   */
  use(challenged: Challenged, key: Uint8Array, now: Instant): boolean {
    if (!this.open(challenged, now).some((one) => timingSafeEqual(one, key))) return false
    const { registrationId, endorsementKey, storageRootKey } = challenged
    const before = this.#answered.get(registrationId)
    if (before === undefined && this.#answered.size >= ACTIVATIONS_MAX) return false
    this.#answered.delete(registrationId)
    const count = (before?.count ?? 0) + 1
    const until = (now + OPERATION_LIFETIME_MS) as Instant
    this.#answered.set(registrationId, { registrationId, endorsementKey, storageRootKey, key, until, count })
    return true
  }

  /** The last answer of a registration, while what came of it may be asked for. */
  activated(registrationId: RegistrationId, now: Instant): Activated | undefined {
    this.sweep(now)
    return this.#answered.get(registrationId)
  }

  /** Forgets answers that are old. Their challenges are older still: their keys are derived no more. */
  sweep(now: Instant): void {
    for (const [id, { until }] of this.#answered) {
      if (now < until) return
      this.#answered.delete(id)
    }
  }

  #keyOf({ registrationId, endorsementKey, storageRootKey }: Challenged, window: number): Uint8Array {
    const hmac = createHmac('sha256', this.#secret)
    const count = this.#answered.get(registrationId)?.count ?? 0
    // An id has no line break, and a public area begins with its length: no two of these texts are one.
    hmac.update(`${registrationId}\n${window}\n${count}\n`).update(endorsementKey).update(storageRootKey)
    return hmac.digest()
  }
}

function windowOf(now: Instant): number {
  return Math.floor(now / CHALLENGE_WINDOW_MS)
}
