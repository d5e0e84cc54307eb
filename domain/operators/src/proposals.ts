/**
 * Acts that take the word of two people: proposed by one, approved by another who is there, done once. That it is begun is
 * on disk before it is done, so that a stop in between leaves an act of which nobody knows how it ended, and never one that is
 * done twice.
 */

import type { Because, SecurityEvent } from '@holdfast/audit'
import { type Clock, timestampOf } from '@holdfast/base'
import { OperatorError } from './errors.ts'
import { DECIDED_PROPOSALS_MAX, PROPOSALS_MAX, PROPOSALS_OF_ONE_MAX, REASON_CHARACTERS_MAX } from './limits.ts'
import { actorOf, isOneLine, type Operator } from './operator.ts'
import type { Proposal, ProposalOutcome } from './records.ts'
import type { Planned, Roll } from './roll.ts'
import { makeId, type RandomBytes } from './secret.ts'
import { DEFAULT_TWO_PERSON_POLICY, type TwoPersonPolicy } from './two-person-policy.ts'

const HOUR_MS = 3_600_000

export interface ProposalsParts {
  readonly roll: Roll
  readonly clock: Clock
  readonly random: RandomBytes
}

/** What is to be done, by whom it is asked. */
export type ProposalDraft = Pick<Proposal, 'operation' | 'request' | 'digest' | 'proposedBy' | 'organisation'>

/** Nobody knows how far it came. */
export const INTERRUPTED: ProposalOutcome = { status: 500, code: 'interrupted' }

export class Proposals {
  readonly #parts: ProposalsParts

  constructor(parts: ProposalsParts) {
    this.#parts = parts
  }

  get policy(): TwoPersonPolicy {
    const record = this.#parts.roll.get('policy', 'two-person')
    return record?.id === 'two-person' ? record.policy : DEFAULT_TWO_PERSON_POLICY
  }

  /**
   * Whether there are two people of an organisation who could give their word. Those who are suspended, and those whose
   * passkeys may have been copied, count: what one word does to another person must not take the rule away.
   */
  isInForce(organisation: string): boolean {
    return this.#parts.roll.enrolledOf(organisation).length >= 2
  }

  /** Those of an organisation, the newest first. */
  list(organisation: string): readonly Proposal[] {
    return [...this.#parts.roll.all('proposal')]
      .filter((proposal) => proposal.organisation === organisation)
      .map((proposal) => this.#now(proposal))
      .toSorted((a, b) => b.proposedTime - a.proposedTime)
  }

  /** @throws OperatorError `missing`, also for those of others. */
  named(id: string, organisation: string): Proposal {
    const proposal = this.#parts.roll.get('proposal', id)
    if (proposal?.organisation === organisation) return this.#now(proposal)
    throw new OperatorError('missing', 'there is no such proposal')
  }

  /** @throws OperatorError `not-vouched`, `too-many`, `exists` for one that asks for the same. */
  propose(draft: ProposalDraft): Promise<Proposal> {
    const { roll, clock, random } = this.#parts
    return roll.change((): Planned<Proposal> => {
      roll.demandVouched(draft.proposedBy)
      const now = clock.wall()
      const waiting = [...roll.all('proposal')].filter((one) => this.#now(one).state === 'waiting')
      const own = waiting.filter(({ proposedBy }) => proposedBy === draft.proposedBy)
      const same = own.find(({ digest }) => digest === draft.digest)
      if (same !== undefined) throw new OperatorError('exists', `the proposal ${same.id} asks for just that, and waits`)
      if (waiting.length >= PROPOSALS_MAX || own.length >= PROPOSALS_OF_ONE_MAX) {
        throw new OperatorError('too-many', 'as many proposals wait as may; have some decided or withdraw them')
      }
      const proposal: Proposal = {
        ...draft,
        id: makeId(random),
        proposedTime: now,
        expires: timestampOf(now + this.policy.hours * HOUR_MS),
        state: 'waiting',
      }
      return {
        put: [{ kind: 'proposal', value: proposal }],
        because: this.#event('proposal.made', proposal, draft.proposedBy, { hours: this.policy.hours }),
        result: proposal,
      }
    })
  }

  /**
   * The word of another, who has just proved to be there (which the caller has seen to), for what they were shown. From
   * here on it counts as begun: whoever calls does it, and says how it ended.
   * @throws OperatorError `missing`, `not-open`, `self-approval`, `not-allowed`, `not-vouched`, `outdated` for another digest.
   */
  begin(id: string, approver: Operator, digest: string): Promise<Proposal> {
    const { roll, clock } = this.#parts
    return roll.change((): Planned<Proposal> => {
      const proposal = this.#open(id, approver.organisation)
      const actor = actorOf(approver)
      if (proposal.proposedBy === actor) {
        throw new OperatorError(
          'self-approval',
          'nobody approves what they proposed themselves; another operator has to',
        )
      }
      if (!roll.activeOperators().some((one) => one.id === approver.id)) {
        throw new OperatorError('not-allowed', 'you are no operator any more')
      }
      roll.demandVouched(actor)
      if (proposal.digest !== digest) {
        throw new OperatorError('outdated', 'this is not what the proposal asks for; look at it again')
      }
      const value: Proposal = { ...proposal, state: 'begun', decidedBy: actor, decidedTime: clock.wall() }
      const because = this.#event('proposal.approved', value, actor, { proposedBy: proposal.proposedBy })
      return { put: [{ kind: 'proposal', value }], because, result: value }
    })
  }

  /** How what was begun has ended. What it asked for is kept no longer. @throws OperatorError `missing`, `not-open`. */
  finish(id: string, outcome: ProposalOutcome): Promise<Proposal> {
    const { roll } = this.#parts
    return roll.change((): Planned<Proposal> => {
      const proposal = roll.get('proposal', id)
      if (proposal === undefined) throw new OperatorError('missing', 'there is no such proposal')
      if (proposal.state !== 'begun') throw new OperatorError('not-open', 'the proposal was not begun')
      return this.#decided(proposal, { state: outcome.status < 400 ? 'done' : 'failed', outcome })
    })
  }

  /** @throws OperatorError `missing`, `not-open`, `invalid`. */
  reject(id: string, by: { readonly actor: string; readonly organisation: string; readonly reason: string }) {
    const { roll, clock } = this.#parts
    const { actor, reason } = by
    if (reason.length > REASON_CHARACTERS_MAX || !isOneLine(reason)) {
      throw new OperatorError('invalid', `a reason is one line of at most ${REASON_CHARACTERS_MAX} characters`)
    }
    return roll.change((): Planned<Proposal> => {
      const proposal = this.#open(id, by.organisation)
      const value: Proposal = { ...proposal, decidedBy: actor, decidedTime: clock.wall() }
      const state = proposal.proposedBy === actor ? 'withdrawn' : 'rejected'
      return this.#decided(value, { state }, this.#event('proposal.rejected', value, actor, { reason }))
    })
  }

  /** Ends those whose time is over; to be called now and then. */
  async sweep(): Promise<void> {
    for (const proposal of this.#parts.roll.all('proposal').toArray()) {
      if (proposal.state !== 'waiting' || this.#now(proposal).state === 'waiting') continue
      await this.#parts.roll.change((): Planned<Proposal> => {
        const current = this.#parts.roll.get('proposal', proposal.id)
        if (current?.state !== 'waiting') return { result: proposal }
        return this.#decided(current, { state: 'expired' }, this.#event('proposal.expired', current, 'hub', {}))
      })
    }
  }

  /** At the start: of what was begun before a stop nobody knows how it ended; it is not done again. */
  async recover(): Promise<void> {
    for (const { id, state } of this.#parts.roll.all('proposal').toArray()) {
      if (state === 'begun') await this.finish(id, INTERRUPTED)
    }
  }

  async setPolicy(policy: TwoPersonPolicy, actor: string): Promise<void> {
    const { roll, clock } = this.#parts
    const sorted = { ...policy, acts: policy.acts.toSorted() }
    await roll.change(() => ({
      put: [{ kind: 'policy', value: { id: 'two-person', policy: sorted } }],
      because: {
        type: 'proposal.policy-changed',
        at: clock.wall(),
        subject: 'policy/two-person',
        actor,
        detail: { acts: sorted.acts.join(' ').slice(0, 1_000), hours: sorted.hours },
      },
      result: undefined,
    }))
  }

  #open(id: string, organisation: string): Proposal {
    const proposal = this.named(id, organisation)
    if (proposal.state === 'waiting') return proposal
    throw new OperatorError('not-open', `the proposal is ${proposal.state}`)
  }

  /** One whose time is over is so from that moment, whenever it is swept. */
  #now(proposal: Proposal): Proposal {
    const isOver = proposal.state === 'waiting' && proposal.expires <= this.#parts.clock.wall()
    return isOver ? { ...proposal, state: 'expired' } : proposal
  }

  #decided(
    proposal: Proposal,
    how: Pick<Proposal, 'state'> & { readonly outcome?: ProposalOutcome },
    because: Because = this.#event('proposal.executed', proposal, proposal.decidedBy ?? 'hub', {
      status: how.outcome?.status ?? 0,
      code: how.outcome?.code ?? '',
      proposedBy: proposal.proposedBy,
    }),
  ): Planned<Proposal> {
    const { roll } = this.#parts
    // What was asked for may hold secrets, and is of no use any more.
    const value: Proposal = { ...proposal, ...how, request: {} }
    const old = [...roll.all('proposal')]
      .filter(({ id, state }) => id !== proposal.id && state !== 'waiting' && state !== 'begun')
      .toSorted((a, b) => a.proposedTime - b.proposedTime)
    const over = old.slice(0, Math.max(0, old.length + 1 - DECIDED_PROPOSALS_MAX))
    return {
      put: [{ kind: 'proposal', value }],
      remove: over.map(({ id }) => ({ kind: 'proposal', id })),
      because,
      result: value,
    }
  }

  #event(
    type: SecurityEvent['type'],
    { id, operation, digest }: Proposal,
    actor: string,
    detail: SecurityEvent['detail'],
  ): SecurityEvent {
    const at = this.#parts.clock.wall()
    return { type, at, subject: `proposal/${id}`, actor, detail: { operation, digest, ...detail } }
  }
}
