/** The roll of operators as those who manage it have it. */

import type { SecurityEvent } from '@holdfast/audit'
import type { Clock } from '@holdfast/base'
import { OperatorError } from './errors.ts'
import { actorOf, type Operator } from './operator.ts'
import { DEFAULT_PASSKEY_POLICY, faultOfPasskeyPolicy, type PasskeyPolicy } from './passkey-policy.ts'
import type { PasskeyVerifier } from './proof.ts'
import type { Roll } from './roll.ts'

export interface PeopleParts {
  readonly roll: Roll
  readonly clock: Clock
  readonly verifier: Pick<PasskeyVerifier, 'faultOfRoot'>
  /** A person may not come any more: their sessions end. */
  readonly gone: (operatorId: string, actor: string) => Promise<void>
}

/** What may be changed of a person. */
export interface OperatorChange {
  readonly state: 'active' | 'suspended'
}

/** How many operators there must be before the hub's own machine may no longer bring in people alone. */
export const BOOTSTRAP_OPERATORS = 2

export class People {
  readonly #parts: PeopleParts

  constructor(parts: PeopleParts) {
    this.#parts = parts
  }

  /** By name; those who were removed too. */
  list(): readonly Operator[] {
    return [...this.#parts.roll.all('operator')].sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  /** @throws OperatorError `missing`. */
  named(name: string): Operator {
    const operator = this.#parts.roll.operatorNamed(name)
    if (operator === undefined) throw new OperatorError('missing', `there is no operator ${name}`)
    return operator
  }

  /** While so few can sign in, the hub's own machine acts for them. */
  get isBootstrap(): boolean {
    return this.#parts.roll.activeOperators().length < BOOTSTRAP_OPERATORS
  }

  /** Whether the machine of the hub may vouch: those who come in by the door have nobody who could. */
  get isShort(): boolean {
    return (
      this.#parts.roll.activeOperators().filter(({ awaitsWord }) => awaitsWord !== true).length < BOOTSTRAP_OPERATORS
    )
  }

  get isEmpty(): boolean {
    return this.#parts.roll.activeOperators().length === 0
  }

  /**
   * To say of somebody that they may come is also to vouch for them, where whoever says it may.
   * @throws OperatorError `missing`, `last-operator`.
   */
  async change(name: string, change: OperatorChange, actor: string): Promise<Operator> {
    const { roll, gone } = this.#parts
    const changed = await roll.change(() => {
      const operator = this.named(name)
      if (operator.state === 'removed') throw new OperatorError('missing', `${name} was removed`)
      const { state } = change
      if (state !== 'active') this.#refuseLast(operator)
      const { awaitsWord, ...known } = operator
      const isVouched = awaitsWord !== true || (state === 'active' && this.#mayVouch(operator, actor))
      const value: Operator = { ...known, state, ...(!isVouched && { awaitsWord }) }
      const detail = { state }
      return {
        put: [{ kind: 'operator', value }],
        because: this.#event('operator.changed', value, actor, detail),
        result: value,
      }
    })
    if (changed.state !== 'active') await gone(changed.id, actor)
    return changed
  }

  /**
   * Takes a person off the roll, with their passkeys and workstations. The name stays taken.
   * @throws OperatorError `missing`, `last-operator`.
   */
  async remove(name: string, actor: string): Promise<void> {
    const { roll, gone } = this.#parts
    const id = await roll.change(() => {
      const operator = this.named(name)
      if (operator.state === 'removed') throw new OperatorError('missing', `${name} was removed already`)
      this.#refuseLast(operator)
      const value: Operator = { ...operator, state: 'removed', roles: [] }
      const workstations = [...roll.all('workstation')].filter(({ operatorId }) => operatorId === operator.id)
      const recoveries = [...roll.all('recovery')].filter(({ operatorId }) => operatorId === operator.id)
      const links = [...roll.all('link')].filter(({ operatorId }) => operatorId === operator.id)
      return {
        put: [{ kind: 'operator', value }],
        remove: [
          ...roll.passkeysOf(operator.id).map((one) => ({ kind: 'passkey' as const, id: one.id })),
          ...workstations.map((one) => ({ kind: 'workstation' as const, id: one.id })),
          ...recoveries.map((one) => ({ kind: 'recovery' as const, id: one.id })),
          ...links.map((one) => ({ kind: 'link' as const, id: one.id })),
        ],
        because: this.#event('operator.removed', operator, actor, {}),
        result: operator.id,
      }
    })
    await gone(id, actor)
  }

  get passkeyPolicy(): PasskeyPolicy {
    const record = this.#parts.roll.get('policy', 'passkeys')
    return record?.id === 'passkeys' ? record.policy : DEFAULT_PASSKEY_POLICY
  }

  /** Holds for passkeys that are enrolled from now on. @throws OperatorError `invalid`. */
  async setPasskeyPolicy(policy: PasskeyPolicy, actor: string): Promise<PasskeyPolicy> {
    const roots = policy.attestationRoots.map((root) => this.#parts.verifier.faultOfRoot(root))
    const fault = faultOfPasskeyPolicy(policy) ?? roots.find((one) => one !== undefined)
    if (fault !== undefined) throw new OperatorError('invalid', fault)
    const { backupEligible, aaguids, attestationRoots } = policy
    const detail = { backupEligible, aaguids: aaguids.length, attestationRoots: attestationRoots.length }
    const because: SecurityEvent = {
      type: 'passkey.policy-changed',
      at: this.#parts.clock.wall(),
      subject: 'hub',
      actor,
      detail,
    }
    return this.#parts.roll.change(() => ({
      put: [{ kind: 'policy', value: { id: 'passkeys', policy } }],
      because,
      result: policy,
    }))
  }

  /** Another than themselves and whoever let them in; the machine of the hub, while there are not two who could. */
  #mayVouch({ name, invitedBy }: Operator, actor: string): boolean {
    if (actor === 'operator/local') return this.isShort
    const { roll } = this.#parts
    const voucher = roll.activeOperators().find((one) => actorOf(one) === actor)
    return actor !== invitedBy && actor !== actorOf({ name }) && voucher !== undefined && voucher.awaitsWord !== true
  }

  #refuseLast(operator: Operator): void {
    const others = this.#parts.roll.activeOperators().filter(({ id }) => id !== operator.id)
    if (others.length === 0) {
      throw new OperatorError(
        'last-operator',
        `${operator.name} is the last who can sign in; bring in somebody else first`,
      )
    }
  }

  #event(
    type: SecurityEvent['type'],
    operator: Operator,
    actor: string,
    detail: SecurityEvent['detail'],
  ): SecurityEvent {
    return { type, at: this.#parts.clock.wall(), subject: actorOf(operator), actor, detail }
  }
}
