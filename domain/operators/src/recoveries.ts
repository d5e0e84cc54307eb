/**
 * A person who has lost their keys comes back by the word of two others. The first to approve is given a code, the
 * second a link; the link asks for the code, so that neither of the two could come in as the third alone.
 */

import type { SecurityEvent } from '@holdfast/audit'
import { type Clock, timestampOf } from '@holdfast/base'
import { OperatorError } from './errors.ts'
import { RECOVERIES_MAX, RECOVERY_APPROVALS, RECOVERY_LIFE_MS, REASON_CHARACTERS_MAX } from './limits.ts'
import type { Links, MadeLink } from './links.ts'
import { actorOf, isOneLine, type Operator } from './operator.ts'
import type { Recovery } from './records.ts'
import type { Planned, Roll } from './roll.ts'
import { makeId, digestOf, makeCode, type RandomBytes } from './secret.ts'

export type Approval = { readonly kind: 'code'; readonly code: string } | ({ readonly kind: 'link' } & MadeLink)

export interface RecoveriesParts {
  readonly roll: Roll
  readonly links: Links
  readonly clock: Clock
  readonly random: RandomBytes
}

export class Recoveries {
  readonly #parts: RecoveriesParts

  constructor(parts: RecoveriesParts) {
    this.#parts = parts
  }

  list(): readonly Recovery[] {
    const now = this.#parts.clock.wall()
    return [...this.#parts.roll.all('recovery')].filter(({ expires }) => expires > now)
  }

  /** @throws OperatorError `missing`, `invalid`, `not-enough-operators`, `exists`, `too-many`. */
  async ask(name: string, reason: string, actor: string): Promise<Recovery> {
    const { roll, clock, random } = this.#parts
    if (reason.trim() === '' || reason.length > REASON_CHARACTERS_MAX || !isOneLine(reason)) {
      throw new OperatorError('invalid', `a reason is one line of 1 to ${REASON_CHARACTERS_MAX} characters`)
    }
    return roll.change(() => {
      const operator = this.#person(name)
      const now = clock.wall()
      const over = [...roll.all('recovery')].filter(({ expires }) => expires <= now)
      if (this.#others(operator) < RECOVERY_APPROVALS) {
        throw new OperatorError(
          'not-enough-operators',
          `a recovery needs ${RECOVERY_APPROVALS} other operators; while there are fewer, the hub's own machine makes a link`,
        )
      }
      if (this.list().some(({ operatorId }) => operatorId === operator.id)) {
        throw new OperatorError('exists', `a recovery of ${name} waits to be approved`)
      }
      if (this.list().length >= RECOVERIES_MAX) throw new OperatorError('too-many', `${RECOVERIES_MAX} recoveries wait`)
      const recovery: Recovery = {
        id: makeId(random),
        operatorId: operator.id,
        reason,
        askedBy: actor,
        askedTime: now,
        expires: timestampOf(now + RECOVERY_LIFE_MS),
        approvedBy: [],
      }
      return {
        put: [{ kind: 'recovery', value: recovery }],
        remove: over.map(({ id }) => ({ kind: 'recovery', id })),
        because: this.#event('recovery.asked', operator, actor, { recovery: recovery.id, reason }),
        result: recovery,
      }
    })
  }

  /**
   * The word of one more person, who has just proved to be there (which the caller has seen to).
   * @throws OperatorError `missing`, `self-approval`, `already-approved`, `not-allowed`, `not-vouched`.
   */
  async approve(id: string, approver: Operator): Promise<Approval> {
    const { roll, clock, random } = this.#parts
    return roll.change((): Planned<Approval> => {
      const recovery = roll.get('recovery', id)
      const operator = recovery && roll.get('operator', recovery.operatorId)
      if (recovery === undefined || operator === undefined || recovery.expires <= clock.wall()) {
        throw new OperatorError('missing', 'there is no such recovery, or its time is over')
      }
      if (approver.id === operator.id) throw new OperatorError('self-approval', 'nobody approves their own recovery')
      if (roll.get('operator', approver.id)?.state !== 'active')
        throw new OperatorError('not-allowed', 'you are no operator any more')
      roll.demandVouched(actorOf(approver))
      if (recovery.approvedBy.includes(approver.id)) {
        throw new OperatorError('already-approved', 'you have approved this already; another operator has to')
      }
      const actor = actorOf(approver)
      const approvedBy = [...recovery.approvedBy, approver.id]
      const because = this.#event('recovery.approved', operator, actor, { recovery: id, approvals: approvedBy.length })
      if (approvedBy.length < RECOVERY_APPROVALS) {
        const code = makeCode(random)
        const value: Recovery = { ...recovery, approvedBy, codeDigest: digestOf(code) }
        return { put: [{ kind: 'recovery', value }], because, result: { kind: 'code', code } }
      }
      // Those who approved before must still be there: a person who was removed vouches for nobody.
      if (!recovery.approvedBy.every((one) => roll.get('operator', one)?.state === 'active')) {
        throw new OperatorError(
          'approvals-needed',
          'somebody who had approved is no operator any more; ask for it anew',
        )
      }
      const { codeDigest } = recovery
      if (codeDigest === undefined) throw new TypeError('the first approval has made a code')
      const made = this.#link(operator, actor, codeDigest)
      return {
        ...made,
        remove: [...(made.remove ?? []), { kind: 'recovery', id }],
        because: [because, ...eventsOf(made)],
        result: { kind: 'link', ...made.result },
      }
    })

    function eventsOf({ because = [] }: Planned<unknown>): readonly SecurityEvent[] {
      return [because].flat()
    }
  }

  /** @throws OperatorError `missing`. */
  async withdraw(id: string, actor: string): Promise<void> {
    const { roll } = this.#parts
    await roll.change(() => {
      const recovery = roll.get('recovery', id)
      const operator = recovery && roll.get('operator', recovery.operatorId)
      if (operator === undefined) throw new OperatorError('missing', 'there is no such recovery')
      return {
        remove: [{ kind: 'recovery', id }],
        because: this.#event('recovery.withdrawn', operator, actor, { recovery: id }),
        result: undefined,
      }
    })
  }

  /**
   * A link without anybody's approval: for the hub's own machine, while there are fewer others than it takes.
   * @throws OperatorError `missing`, `approvals-needed`.
   */
  async byMachine(name: string, actor: string): Promise<MadeLink> {
    const { roll } = this.#parts
    return roll.change(() => {
      const operator = this.#person(name)
      const others = this.#others(operator)
      if (others >= RECOVERY_APPROVALS) {
        throw new OperatorError('approvals-needed', `${others} other operators can approve: ask two of them`)
      }
      const made = this.#link(operator, actor)
      const because = [this.#event('recovery.by-machine', operator, actor, { others }), ...[made.because ?? []].flat()]
      return { ...made, because }
    })
  }

  #link(
    { id: operatorId, name, organisation, roles }: Operator,
    actor: string,
    codeDigest?: string,
  ): Planned<MadeLink> {
    const { roll, links } = this.#parts
    const older = [...roll.all('link')].filter((link) => link.operatorId === operatorId)
    const code = codeDigest === undefined ? {} : { codeDigest }
    const wanted = { purpose: 'recovery', operatorId, name, organisation, roles, ...code } as const
    return links.plan(wanted, actor, older)
  }

  #person(name: string): Operator {
    const operator = this.#parts.roll.operatorNamed(name)
    if (operator?.state === 'active') return operator
    throw new OperatorError('missing', `there is no active operator ${name}`)
  }

  #others({ id }: Operator): number {
    return this.#parts.roll.activeOperators().filter((one) => one.id !== id).length
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
