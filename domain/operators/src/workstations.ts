/** Workstations of operators: enrolled with a key, approved by another, vouching for sessions by what they report. */

import type { EventSink, SecurityEvent } from '@holdfast/audit'
import { type Clock, formatTimestamp } from '@holdfast/base'
import { OperatorError } from './errors.ts'
import { STATEMENT_SKEW_MS, WORKSTATIONS_MAX, WORKSTATIONS_PER_OPERATOR_MAX } from './limits.ts'
import { isLabel, type Operator } from './operator.ts'
import type { PostureFact } from './posture.ts'
import type { SessionRecord, Workstation } from './records.ts'
import type { Roll } from './roll.ts'
import { makeId, type RandomBytes } from './secret.ts'
import { isSigned, readStatement, readWorkstationKey, type Statement, type StatementPurpose } from './statement.ts'
import {
  DEFAULT_WORKSTATION_POLICY,
  faultOfWorkstationPolicy,
  lackingIn,
  type WorkstationPolicy,
} from './workstation-policy.ts'

export interface WorkstationsParts {
  readonly roll: Roll
  readonly clock: Clock
  readonly random: RandomBytes
  /** The hub's own name. */
  readonly hubName: string
  /** For what anybody can cause; bounds the rate. */
  readonly events: EventSink
}

/** A statement as it came. */
export interface SignedStatement {
  readonly text: string
  /** Base64url. */
  readonly signature: string
}

export type StandingOfSession =
  /** The policy does not ask, or a workstation vouches for it. */
  | { readonly kind: 'green' }
  | {
      readonly kind: 'red'
      readonly reason: 'no-workstation' | 'not-approved' | 'no-report' | 'stale-report' | 'posture'
      readonly lacking: readonly PostureFact[]
    }

export class Workstations {
  readonly #parts: WorkstationsParts

  constructor(parts: WorkstationsParts) {
    this.#parts = parts
  }

  get policy(): WorkstationPolicy {
    const record = this.#parts.roll.get('policy', 'workstations')
    return record?.id === 'workstations' ? record.policy : DEFAULT_WORKSTATION_POLICY
  }

  list(): readonly Workstation[] {
    return [...this.#parts.roll.all('workstation')].sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  /** @throws OperatorError `invalid`, `exists`, `too-many`. */
  async enrol(owner: Operator, name: string, publicKey: string, actor: string): Promise<Workstation> {
    const { roll, clock, random } = this.#parts
    if (!isLabel(name)) throw new OperatorError('invalid', 'a name of a workstation is one line of 1 to 64 characters')
    if (readWorkstationKey(publicKey) === undefined)
      throw new OperatorError('invalid', 'the key is no Ed25519 public key')
    return roll.change(() => {
      const all = this.list()
      if (all.some((one) => one.publicKey === publicKey))
        throw new OperatorError('exists', 'this key is enrolled already')
      const own = all.filter(({ operatorId }) => operatorId === owner.id)
      if (own.some((one) => one.name === name)) throw new OperatorError('exists', `you have a workstation ${name}`)
      if (own.length >= WORKSTATIONS_PER_OPERATOR_MAX || all.length >= WORKSTATIONS_MAX) {
        throw new OperatorError('too-many', 'there are too many workstations; remove one that is not used any more')
      }
      const id = makeId(random)
      const workstation: Workstation = { id, name, operatorId: owner.id, publicKey, createdTime: clock.wall() }
      const because = this.#event('workstation.enrolled', workstation, actor, { owner: owner.name })
      return { put: [{ kind: 'workstation', value: workstation }], because, result: workstation }
    })
  }

  /**
   * @param approver undefined: the hub's own machine, which the caller has found to be allowed.
   * @throws OperatorError `missing`, `self-approval`, `already-approved`.
   */
  async approve(id: string, approver: Operator | undefined, actor: string): Promise<Workstation> {
    const { roll, clock } = this.#parts
    return roll.change(() => {
      const workstation = this.#known(id)
      if (workstation.operatorId === approver?.id) {
        throw new OperatorError('self-approval', 'nobody approves their own workstation; another operator has to')
      }
      roll.demandVouched(actor)
      if (workstation.approved !== undefined)
        throw new OperatorError('already-approved', 'this workstation is approved')
      const approved: Workstation = { ...workstation, approved: { by: actor, time: clock.wall() } }
      const because = this.#event('workstation.approved', workstation, actor, { owner: this.#ownerOf(workstation) })
      return { put: [{ kind: 'workstation', value: approved }], because, result: approved }
    })
  }

  /** What it vouches for is vouched for no more. @throws OperatorError `missing`. */
  async remove(id: string, actor: string): Promise<void> {
    await this.#parts.roll.change(() => {
      const workstation = this.#known(id)
      const because = this.#event('workstation.removed', workstation, actor, { owner: this.#ownerOf(workstation) })
      return { remove: [{ kind: 'workstation', id }], because, result: undefined }
    })
  }

  /** @throws OperatorError `invalid`. */
  async setPolicy(policy: WorkstationPolicy, actor: string): Promise<WorkstationPolicy> {
    const fault = faultOfWorkstationPolicy(policy)
    if (fault !== undefined) throw new OperatorError('invalid', fault)
    const { mode, required, reportMinutesMax, patchDaysMax } = policy
    const because: SecurityEvent = {
      type: 'workstation.policy-changed',
      at: this.#parts.clock.wall(),
      subject: 'hub',
      actor,
      detail: { mode, required: required.join(' '), reportMinutesMax, patchDaysMax },
    }
    const put = [{ kind: 'policy', value: { id: 'workstations', policy } }] as const
    return this.#parts.roll.change(() => ({ put, because, result: policy }))
  }

  /**
   * Takes a statement: verifies it, keeps its report. A statement counts once: each is later than the one before.
   * @param expected what it has to vouch for; undefined for a mere report.
   * @throws OperatorError `statement-refused`.
   */
  async take(
    given: SignedStatement,
    purpose: StatementPurpose,
    address: string,
    expected: { readonly subject: string; readonly nonce: string } = { subject: '', nonce: '' },
  ): Promise<Workstation> {
    const { roll, clock } = this.#parts
    const statement = readStatement(given.text)
    const known = statement && roll.get('workstation', statement.workstation)
    const key = known && readWorkstationKey(known.publicKey)
    const refuse = (reason: string, message: string): OperatorError => {
      // Only a good signature makes the workstation the actor.
      this.#refused(reason, address)
      return new OperatorError('statement-refused', message)
    }
    if (
      statement === undefined ||
      known === undefined ||
      key === undefined ||
      !isSigned(given.text, given.signature, key)
    ) {
      throw refuse('not-signed', 'this is no statement signed by a workstation that is enrolled here')
    }
    const fault = this.#faultOf(statement, purpose, expected)
    if (fault !== undefined) throw refuse(fault.reason, fault.message)
    return roll.change(() => {
      const workstation = roll.get('workstation', known.id)
      if (workstation === undefined) throw refuse('removed', 'this workstation was removed')
      if ((workstation.latest?.statedTime ?? 0) >= statement.time) {
        throw refuse('replayed', 'this statement is no newer than the one before it')
      }
      const latest = { report: statement.report, time: clock.wall(), statedTime: statement.time }
      const value: Workstation = { ...workstation, latest }
      return { put: [{ kind: 'workstation', value }], because: this.#reported(value, statement), result: value }
    })
  }

  /** What a session is worth by the policy, now. */
  standingOf({ workstationId, operatorId }: SessionRecord): StandingOfSession {
    const { roll, clock } = this.#parts
    const { policy } = this
    if (policy.mode === 'off') return { kind: 'green' }
    const workstation = workstationId === undefined ? undefined : roll.get('workstation', workstationId)
    const red = (reason: Extract<StandingOfSession, { kind: 'red' }>['reason'], lacking: readonly PostureFact[] = []) =>
      ({ kind: 'red', reason, lacking }) as const
    if (workstation === undefined || workstation.operatorId !== operatorId) return red('no-workstation')
    if (workstation.approved === undefined) return red('not-approved')
    const { latest } = workstation
    if (latest === undefined) return red('no-report')
    if (clock.wall() - latest.time > policy.reportMinutesMax * 60_000) return red('stale-report')
    const lacking = lackingIn(latest.report, policy)
    return lacking.length === 0 ? { kind: 'green' } : red('posture', lacking)
  }

  /** What the policy asks for and its latest report does not give; undefined where there is none, or it is too old. */
  lackingOf({ latest }: Workstation): readonly PostureFact[] | undefined {
    if (latest === undefined) return undefined
    if (this.#parts.clock.wall() - latest.time > this.policy.reportMinutesMax * 60_000) return undefined
    return lackingIn(latest.report, this.policy)
  }

  /** The event of a workstation that vouches for a session. */
  vouched(workstation: Workstation, session: SessionRecord): SecurityEvent {
    const actor = `workstation/${workstation.id}`
    return this.#event('workstation.vouched', workstation, actor, {
      session: session.id,
      owner: this.#ownerOf(workstation),
    })
  }

  #faultOf(
    { purpose: is, hub, time, subject, nonce }: Statement,
    purpose: StatementPurpose,
    expected: { readonly subject: string; readonly nonce: string },
  ): { readonly reason: string; readonly message: string } | undefined {
    const { hubName, clock } = this.#parts
    if (is !== purpose || subject !== expected.subject || nonce !== expected.nonce) {
      return { reason: 'other-purpose', message: 'this statement was made for something else' }
    }
    if (hub !== hubName) return { reason: 'other-hub', message: `this statement is for another hub than ${hubName}` }
    if (Math.abs(clock.wall() - time) > STATEMENT_SKEW_MS) {
      const now = formatTimestamp(clock.wall())
      return { reason: 'wrong-time', message: `the clock of the workstation is off: here it is ${now}` }
    }
    return undefined
  }

  #reported(workstation: Workstation, { report }: Statement): SecurityEvent {
    const { os, patchAgeDays, diskEncryption, screenLock, firewall, secureBoot, antiMalware } = report
    const lacking = lackingIn(report, this.policy)
    return this.#event('workstation.reported', workstation, `workstation/${workstation.id}`, {
      owner: this.#ownerOf(workstation),
      green: lacking.length === 0,
      lacking: lacking.join(' '),
      os,
      diskEncryption,
      screenLock,
      firewall,
      secureBoot,
      antiMalware,
      ...(patchAgeDays !== undefined && { patchAgeDays }),
    })
  }

  #refused(reason: string, address: string): void {
    const { events, clock } = this.#parts
    const actor = `address/${address}`
    events({ type: 'workstation.report-refused', at: clock.wall(), subject: 'hub', actor, detail: { reason, address } })
  }

  #known(id: string): Workstation {
    const workstation = this.#parts.roll.get('workstation', id)
    if (workstation === undefined) throw new OperatorError('missing', 'there is no such workstation')
    return workstation
  }

  #ownerOf({ operatorId }: Workstation): string {
    return this.#parts.roll.get('operator', operatorId)?.name ?? 'unknown'
  }

  #event(
    type: SecurityEvent['type'],
    { id, name }: Workstation,
    actor: string,
    detail: SecurityEvent['detail'],
  ): SecurityEvent {
    return { type, at: this.#parts.clock.wall(), subject: `workstation/${id}`, actor, detail: { name, ...detail } }
  }
}
