/** Connection policies and the pace of identities, asked of whoever has proved itself. */

import {
  type AdmissionGate,
  breachOf,
  ConnectionPace,
  type ConnectionFacts,
  type ConnectionPolicies,
  type GateVerdict,
  type Incumbents,
} from '@holdfast/admission'
import type { Clock } from '@holdfast/base'
import type { IdentityKey } from '@holdfast/identity'

export interface ConnectionGateParts {
  readonly policies: Pick<ConnectionPolicies, 'effective'>
  readonly incumbents: Incumbents
  readonly clock: Clock
  /** Reads what the policies need of the identity's model, where it is not in memory; then they know it. */
  readonly loadModel: (key: IdentityKey) => Promise<unknown> | undefined
}

const PASS: GateVerdict = { kind: 'pass' }

export class ConnectionGate implements AdmissionGate {
  readonly name = 'connection-policy'
  readonly #parts: ConnectionGateParts
  readonly #pace = new ConnectionPace()
  /** Those whose coming was counted: the same facts are judged again whenever a gate changes its mind. */
  readonly #counted = new WeakSet<ConnectionFacts>()

  constructor(parts: ConnectionGateParts) {
    this.#parts = parts
  }

  judge(facts: ConnectionFacts): GateVerdict | Promise<GateVerdict> {
    const loading = this.#parts.loadModel(facts.key)
    return loading === undefined ? this.#judge(facts) : loading.then(() => this.#judge(facts))
  }

  admitted(facts: ConnectionFacts): void {
    this.#parts.incumbents.admitted(facts)
  }

  ended(facts: ConnectionFacts): void {
    this.#parts.incumbents.ended(facts)
  }

  #judge(facts: ConnectionFacts): GateVerdict {
    const { policies, incumbents, clock } = this.#parts
    const policy = policies.effective(facts.key)
    const breach = breachOf(policy, facts)
    if (breach !== undefined) return { kind: 'refuse', ...breach }
    const isTakeover = incumbents.isNewcomer(facts)
    if (isTakeover && policy.duplicates === 'refuse-newcomer') {
      const detail = 'the identity is connected, and its policy does not let another connection take over'
      return { kind: 'refuse', code: 'already-connected', detail, isTemporary: true }
    }
    if (facts.transport === 'https' || this.#counted.has(facts)) return PASS
    this.#counted.add(facts)
    const pace = this.#pace.come(facts.key, { isTakeover }, clock.monotonic())
    if (pace.kind === 'go') return PASS
    const seconds = Math.ceil(pace.milliseconds / 1000)
    const often = isTakeover ? 'takes over from itself' : 'connects'
    const detail = `the identity ${often} too often; it may come again in ${seconds} s`
    return { kind: 'refuse', code: 'too-many-connections', detail, isTemporary: true }
  }
}
