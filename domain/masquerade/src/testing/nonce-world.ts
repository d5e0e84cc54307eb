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
  /** The device reads its desired properties before the new offer is in them. */
  readonly stale: number
}

export const NO_LOSSES: Losses = { breaks: 0, repeats: 0, stale: 0 }

export class NonceHub {
  readonly dossier: Dossier
  #clock = 1_000_000
  #fresh = 0
  /** In the desired properties. */
  desired = ''

  constructor(dossier = new Dossier()) {
    this.dossier = dossier
  }

  get exposures(): number {
    return this.dossier.findings.filter(({ kind }) => kind === 'nonce-outdated').length
  }

  open(address: string): void {
    this.#clock += 60_000
    const at = timestampOf(this.#clock)
    this.dossier.ended(at, false)
    const connection = { transport: 'mqtt', tlsVersion: 'TLSv1.3', tlsFingerprint: 'f' } as const
    this.dossier.opened({ key: { deviceId: 'd' }, address, ...connection, at })
  }

  offer(): void {
    this.#fresh += 1
    this.desired = this.dossier.offer(`n${this.#fresh}`)
  }

  /** Whether the report is taken; who is exposed is told nothing. */
  report(answer: NonceAnswer): boolean {
    this.#clock += 10
    const { outcome } = this.dossier.answered(answer, timestampOf(this.#clock))
    if (outcome === 'accepted' || outcome === 'outdated') this.desired = ''
    return outcome !== 'ignored'
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
    hub.open(this.address)
    const breaks = (): boolean => chance.happens(losses.breaks)
    if (this.#unacknowledged.length > 0 && chance.happens(losses.repeats)) {
      for (const answer of this.#unacknowledged) hub.report(answer)
    }
    this.#unacknowledged = []
    if (chance.happens(losses.stale) && !this.#answer(hub, breaks)) return false
    hub.offer()
    return this.#answer(hub, breaks)
  }

  /** To what it reads in its desired properties. @returns whether it came to its end. */
  #answer(hub: NonceHub, breaks: () => boolean): boolean {
    if (breaks()) return false
    const offer = hub.desired
    if (offer === this.#stored || offer === '') return true
    const taken = this.#send(hub, { shown: this.#stored, next: offer }, breaks)
    // Refused: it is not open, and another one comes.
    if (taken !== true) return taken === false
    if (breaks()) return false
    this.#stored = offer
    if (breaks()) return false
    return this.#send(hub, { shown: offer, next: offer }, breaks) !== undefined
  }

  /** Whether the hub took it; undefined where it was lost on the way, or its answer was. */
  #send(hub: NonceHub, answer: NonceAnswer, breaks: () => boolean): boolean | undefined {
    this.#unacknowledged = [...this.#unacknowledged, answer]
    if (breaks()) return undefined
    const isTaken = hub.report(answer)
    if (breaks()) return undefined
    this.#unacknowledged = []
    return isTaken
  }
}
