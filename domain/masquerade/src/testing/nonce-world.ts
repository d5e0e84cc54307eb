/** Devices that keep a rolling nonce as rolling-nonce.ts says, on a network that loses and repeats, and copies of them. */

import { timestampOf } from '@holdfast/base'
import { Dossier } from '../dossier.ts'
import type { NonceAnswer } from '../rolling-nonce.ts'
import type { Chance } from './chance.ts'

/** What can go wrong in one connection, in percent a step. */
export interface Losses {
  /** The connection breaks, or the device loses power, at a step. */
  readonly breaks: number
  /** Reports that were not acknowledged are sent again first, as a persistent session does. */
  readonly repeats: number
}

export const NO_LOSSES: Losses = { breaks: 0, repeats: 0 }

export class NonceHub {
  readonly dossier: Dossier
  #clock = 1_000_000
  #fresh = 0

  constructor(dossier = new Dossier()) {
    this.dossier = dossier
  }

  get exposures(): number {
    return this.dossier.findings.filter(({ kind }) => kind === 'nonce-outdated').length
  }

  /** @returns the offer. */
  open(address: string): string {
    this.#clock += 60_000
    const at = timestampOf(this.#clock)
    this.dossier.ended(at, false)
    const connection = { transport: 'mqtt', tlsVersion: 'TLSv1.3', tlsFingerprint: 'f' } as const
    this.dossier.opened({ key: { deviceId: 'd' }, address, ...connection, at })
    this.#fresh += 1
    return this.dossier.offer(`n${this.#fresh}`)
  }

  report(answer: NonceAnswer): void {
    this.#clock += 10
    this.dossier.answered(answer, timestampOf(this.#clock))
  }
}

export class NonceDevice {
  readonly address: string
  #stored: string
  #unacknowledged: readonly NonceAnswer[] = []

  constructor(address: string, stored = '') {
    this.address = address
    this.#stored = stored
  }

  /** Another with the same storage, elsewhere. */
  copy(address: string): NonceDevice {
    return new NonceDevice(address, this.#stored)
  }

  /** One connection. @returns whether it came to its end. */
  contact(hub: NonceHub, chance: Chance, losses: Losses): boolean {
    const offer = hub.open(this.address)
    const breaks = (): boolean => chance.happens(losses.breaks)
    if (this.#unacknowledged.length > 0 && chance.happens(losses.repeats)) {
      for (const answer of this.#unacknowledged) hub.report(answer)
    }
    this.#unacknowledged = []
    if (breaks()) return false
    if (offer === this.#stored) return true
    if (!this.#send(hub, { shown: this.#stored, next: offer }, breaks)) return false
    if (breaks()) return false
    this.#stored = offer
    if (breaks()) return false
    return this.#send(hub, { shown: offer, next: offer }, breaks)
  }

  /** Lost on the way, or done and its answer lost, or done. */
  #send(hub: NonceHub, answer: NonceAnswer, breaks: () => boolean): boolean {
    this.#unacknowledged = [...this.#unacknowledged, answer]
    if (breaks()) return false
    hub.report(answer)
    if (breaks()) return false
    this.#unacknowledged = []
    return true
  }
}
