/** Asks every gate; the narrowest verdict holds. */

import { type IdentityKey, identityText, type Lane, narrower } from '@holdfast/identity'
import type { AdmissionGate, ConnectionFacts } from './gate.ts'

/** Why somebody is not in the lane that its credential is good for. */
export interface Admittance {
  readonly gate: string
  readonly code: string
  readonly detail: string
}

export interface Admitted {
  readonly kind: 'admitted'
  readonly lane: Lane
  /** Whether it may get a new certificate; whoever issues asks. */
  readonly mayRenew: boolean
  /** Of the gates that restricted; empty in the lane of the credential. */
  readonly reasons: readonly Admittance[]
}

export interface Refused extends Admittance {
  readonly kind: 'refused'
  /** Absent: it is not authorized. */
  readonly isTemporary?: true
}

export class AdmissionGates {
  readonly #gates: AdmissionGate[] = []
  readonly #listeners = new Set<(key: IdentityKey | undefined) => void>()

  /** To be called while the hub is put together, before the first connection. */
  add(gate: AdmissionGate): void {
    this.#gates.push(gate)
  }

  get gates(): readonly AdmissionGate[] {
    return this.#gates
  }

  /** Asks all gates at once. A gate that throws refuses: what cannot be judged is not let in. */
  async judge(facts: ConnectionFacts): Promise<Admitted | Refused> {
    const verdicts = await Promise.all(this.#gates.map(async (gate) => ({ gate, verdict: await gate.judge(facts) })))
    let { lane } = facts
    let mayRenew = true
    const reasons: Admittance[] = []
    for (const { gate, verdict } of verdicts) {
      if (verdict.kind === 'pass') continue
      const { code, detail } = verdict
      if (verdict.kind === 'refuse') {
        const { isTemporary } = verdict
        return { kind: 'refused', gate: gate.name, code, detail, ...(isTemporary === true ? { isTemporary } : {}) }
      }
      lane = narrower(lane, verdict.lane)
      if (verdict.stopsRenewal === true) mayRenew = false
      reasons.push({ gate: gate.name, code, detail })
    }
    return { kind: 'admitted', lane, mayRenew, reasons }
  }

  /**
   * Whether no gate stops the identity from getting a certificate, for who asks without a connection: a refusal of how
   * it comes says nothing of that.
   */
  async mayRenew(facts: ConnectionFacts): Promise<boolean> {
    const verdicts = await Promise.all(this.#gates.map(async (gate) => gate.judge(facts)))
    return !verdicts.some((verdict) => verdict.kind === 'restrict' && verdict.stopsRenewal === true)
  }

  /**
   * A gate's mind has changed about a device and its modules, or about everybody: live connections are judged again.
   * Of a module, about it alone.
   */
  reconsider(key?: IdentityKey): void {
    for (const listener of this.#listeners) listener(key)
  }

  /** @returns what ends it. */
  subscribe(listener: (key: IdentityKey | undefined) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}

/** Whether what is said of `about` is said of `key`: of a device, its modules too. */
export function concerns(about: IdentityKey | undefined, key: IdentityKey): boolean {
  if (about === undefined) return true
  return about.moduleId === undefined ? about.deviceId === key.deviceId : identityText(about) === identityText(key)
}
