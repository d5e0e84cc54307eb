/** What is seen of connections, held against what was seen before, and what follows by policy. */

import type {
  AdmissionGate,
  Attempt,
  ConnectionFacts,
  ConnectionPolicies,
  EffectivePolicy,
  GateVerdict,
  Incumbents,
  Quarantine,
  Response,
} from '@holdfast/admission'
import type { EventSink } from '@holdfast/audit'
import type { Clock, Timestamp } from '@holdfast/base'
import { type IdentityKey, identitySubject } from '@holdfast/identity'
import {
  type Dossier,
  type Dossiers,
  explain,
  type Finding,
  isCounter,
  type Judgement,
  judge,
  readNonceAnswer,
  type Scale,
} from '@holdfast/masquerade'
import type { TwinRefusal } from '../../core/twin-refusals.ts'
import type { NonceOffers } from './nonce-offers.ts'
import { hubMemberOf } from './reported-member.ts'

export interface MasqueradeParts {
  readonly dossiers: Dossiers
  readonly policies: Pick<ConnectionPolicies, 'effective'>
  readonly quarantine: Quarantine
  /** Reads what the policies need of the identity's model, where it is not in memory; then they know it. */
  readonly loadModel: (key: IdentityKey) => Promise<unknown> | undefined
  readonly incumbents: Incumbents
  readonly offers: NonceOffers
  readonly scale: Scale
  readonly clock: Clock
  /** Bounded in their rate: strangers cause some. */
  readonly events: EventSink
  /** Live connections of the identity are to be judged again. */
  readonly reconsider: (key: IdentityKey) => void
  readonly fault: (error: unknown) => void
}

/**
 * A device stores a nonce when its answer is taken, so what is no answer must not look like one: else a copy that is too
 * late could store the nonce of the other, and pass for it.
 */
const NO_ANSWER: TwinRefusal = {
  code: 'PreconditionFailed',
  message: 'holdfast.nonce answers no nonce that is open; read the desired properties again',
}

/** Characters of an explanation in an event. */
const BECAUSE_CHARACTERS_MAX = 1_024

/** Its gate stands behind the connection gate, which keeps the incumbents. */
export class MasqueradeWatch implements AdmissionGate {
  readonly name = 'masquerade'
  readonly #parts: MasqueradeParts

  constructor(parts: MasqueradeParts) {
    this.#parts = parts
  }

  judge(facts: ConnectionFacts): GateVerdict | Promise<GateVerdict> {
    const loading = this.#parts.loadModel(facts.key)
    const dossier = this.#parts.dossiers.load(facts.key)
    if (loading === undefined && !(dossier instanceof Promise)) return this.#judge(dossier, facts)
    return Promise.all([dossier, loading]).then(([it]) => this.#judge(it, facts))
  }

  denied(attempt: Attempt, code: string): void {
    // Of who is not in memory nothing is read: strangers would choose what the disk does.
    const dossier = this.#parts.dossiers.find(attempt.key)
    if (dossier !== undefined) this.#report(attempt, dossier, dossier.denied(attempt, code))
  }

  admitted(facts: ConnectionFacts): void {
    const { dossiers, policies, offers } = this.#parts
    const { key } = facts
    const dossier = dossiers.find(key)
    if (dossier === undefined) return
    dossiers.opened(key, dossier)
    this.#report(facts, dossier, dossier.opened(facts))
    const { nonce } = policies.effective(key)
    if (nonce === 'required' || (nonce === 'offered' && dossier.nonce !== undefined)) offers.offer(facts, dossier)
  }

  ended(facts: ConnectionFacts, reason: string): void {
    const { dossiers, clock, offers } = this.#parts
    dossiers.find(facts.key)?.ended(clock.wall(), reason === 'taken-over')
    dossiers.ended(facts.key)
    offers.ended(facts)
  }

  /**
   * A patch that the device reports, before its twin is written. What is remembered of it is on its way to the disk when
   * this returns, so that nothing is confirmed to the device that a crash could forget.
   * @param patch as `readReportedPatch` gives it. @returns why it is not to be written.
   */
  vet(key: IdentityKey, patch: string): TwinRefusal | undefined {
    const member = hubMemberOf(patch)
    const facts = this.#parts.incumbents.find(key)
    const dossier = this.#parts.dossiers.find(key)
    if (facts === undefined || dossier === undefined || member === undefined) return undefined
    const at = this.#parts.clock.wall()
    const counter = member.get('counter')
    if (isCounter(counter)) {
      this.#report(facts, dossier, dossier.counted(counter, at))
      this.#parts.dossiers.changed(key, dossier)
    }
    return member.has('nonce') ? this.#answered(facts, dossier, member.get('nonce'), at) : undefined
  }

  deleted(key: IdentityKey): void {
    this.#parts.dossiers.deleted(key)
  }

  /** The time for an answer to a nonce is over. Rejects with what the store throws. */
  async silent(facts: ConnectionFacts, dossier: Dossier): Promise<void> {
    // Who could not read it is not blamed.
    if (!dossier.hasAnswered && (await this.#parts.offers.renew(facts, dossier))) return
    this.#report(facts, dossier, dossier.silent(this.#parts.clock.wall()))
  }

  judgementOf(dossier: Dossier): Judgement {
    return judge(dossier.findings, this.#parts.scale, this.#parts.clock.wall())
  }

  #judge(dossier: Dossier, facts: ConnectionFacts): GateVerdict {
    const { policies, incumbents } = this.#parts
    if (facts.transport === 'https') this.#report(facts, dossier, dossier.requested(facts))
    const policy = policies.effective(facts.key)
    const judgement = this.judgementOf(dossier)
    if (responseTo(judgement, policy) === 'refuse-newcomer' && incumbents.isNewcomer(facts)) {
      const detail = `the identity is connected and seems to be used by two: ${explain(judgement)}`
      return { kind: 'refuse', code: 'identity-suspected', detail, isTemporary: true }
    }
    if (policy.nonce === 'required' && !this.#hasAnswered(dossier, facts)) {
      const detail = 'it has not answered the nonce in its desired properties yet'
      return { kind: 'restrict', lane: 'remediation', code: 'nonce-awaited', detail }
    }
    return { kind: 'pass' }
  }

  /** Over HTTPS nobody can answer: there the identity's connection speaks for it. */
  #hasAnswered(dossier: Dossier, facts: ConnectionFacts): boolean {
    const live = this.#parts.incumbents.find(facts.key)
    return dossier.hasAnswered && (facts.transport === 'https' ? live !== undefined : live === facts)
  }

  #answered(facts: ConnectionFacts, dossier: Dossier, value: unknown, at: Timestamp): TwinRefusal | undefined {
    const { dossiers, policies, offers, fault, reconsider } = this.#parts
    const { key } = facts
    const { nonce } = policies.effective(key)
    const answer = readNonceAnswer(value)
    if (dossier.nonce === undefined) {
      if (nonce !== 'off') offers.offer(facts, dossier)
      return answer === undefined ? undefined : NO_ANSWER
    }
    // Also where nonces are off now: what a device has begun it must be able to end.
    if (answer === undefined) return undefined
    const { outcome, found } = dossier.answered(answer, at)
    if (outcome === 'ignored') return NO_ANSWER
    if (outcome === 'repeated') return undefined
    dossiers.write(key, dossier).catch(fault)
    // It is a secret of the device's now.
    if (outcome === 'accepted' || outcome === 'outdated') offers.withdraw(key)
    this.#report(facts, dossier, found)
    if (nonce === 'required' && outcome === 'accepted') reconsider(key)
    return undefined
  }

  #report({ key, address }: Attempt, dossier: Dossier, found: readonly Finding[]): void {
    if (found.length === 0) return
    const { dossiers, policies, events } = this.#parts
    dossiers.changed(key, dossier)
    const judgement = this.judgementOf(dossier)
    const response = responseTo(judgement, policies.effective(key))
    const because = explain(judgement).slice(0, BECAUSE_CHARACTERS_MAX)
    for (const { kind, at, detail } of found) {
      events({
        type: 'identity.suspected',
        at,
        subject: identitySubject(key),
        actor: `address/${address}`,
        detail: {
          finding: kind,
          what: detail,
          verdict: judgement.verdict,
          score: judgement.score,
          response: response ?? 'none',
          because,
        },
      })
    }
    if (response === 'quarantine') this.#quarantine(key, `${judgement.verdict}: ${because}`)
  }

  #quarantine(key: IdentityKey, reason: string): void {
    const { quarantine, fault } = this.#parts
    quarantine.add(key, reason, 'hub').then((outcome) => {
      if (outcome === 'full') fault(new Error('the quarantine is full; nobody else can be put into it'))
    }, fault)
  }
}

function responseTo({ verdict }: Judgement, { whenSuspected, whenProven }: EffectivePolicy): Response | undefined {
  if (verdict === 'clear') return undefined
  return verdict === 'proven' ? whenProven : whenSuspected
}
