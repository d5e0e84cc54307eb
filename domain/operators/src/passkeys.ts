/** Passkeys in use: signing in, proving to be there, and the counters that tell of copies. */

import type { EventSink, SecurityEvent } from '@holdfast/audit'
import { type Clock, type Timestamp, timestampOf } from '@holdfast/base'
import type { Ceremonies, Ceremony, Purpose } from './ceremonies.ts'
import { NOT_VERIFIED } from './enrolment.ts'
import { OperatorError } from './errors.ts'
import { CREDENTIAL_ID_CHARACTERS_MAX } from './limits.ts'
import { actorOf, isLabel, type Operator, type Passkey } from './operator.ts'
import type { AssertionAnswer, PasskeyVerifier, Proof, UsedCredential } from './proof.ts'
import type { Planned, Roll } from './roll.ts'

/** What a browser needs to use a passkey (WebAuthn §5.5); an empty list lets the person choose among those it has. */
export interface AssertionOffer {
  readonly ceremony: string
  readonly challenge: string
  readonly relyingPartyId: string
  readonly allow: readonly { readonly id: string; readonly transports: readonly string[] }[]
}

export interface PasskeysParts {
  readonly roll: Roll
  readonly ceremonies: Ceremonies
  readonly verifier: PasskeyVerifier
  readonly clock: Clock
  /** For what anybody can cause; bounds the rate. */
  readonly events: EventSink
  /** A key was taken away, or looks copied: what rests on it ends. */
  readonly keyTaken: (passkeyId: string, actor: string) => Promise<void>
}

/** How long a use of a key goes unwritten where its counter stands still, in milliseconds. */
const USE_WRITE_MS = 60_000

export class Passkeys {
  readonly #parts: PasskeysParts

  constructor(parts: PasskeysParts) {
    this.#parts = parts
  }

  /** @param operatorId whose keys they are to be; undefined where whoever comes is to say who it is. */
  offer(purpose: Purpose, address: string, operatorId?: string): AssertionOffer {
    const { roll, ceremonies, verifier, clock } = this.#parts
    const { id, challenge } = ceremonies.begin(purpose, address, clock.monotonic())
    const keys = operatorId === undefined ? [] : roll.passkeysOf(operatorId)
    return {
      ceremony: id,
      challenge,
      relyingPartyId: verifier.relyingParty.id,
      allow: keys.map(({ id: passkey, transports }) => ({ id: passkey, transports })),
    }
  }

  /**
   * Who has answered a challenge. A counter that went back ends the key: it exists twice (WebAuthn §6.1.1).
   * @param expected whose key it has to be.
   * @throws OperatorError `proof-refused`; to the peer all reasons look alike, but that nobody was verified.
   */
  async prove(ceremony: Ceremony, answer: AssertionAnswer, address: string, expected?: string): Promise<Proof> {
    const { roll, verifier } = this.#parts
    const known = answer.id.length <= CREDENTIAL_ID_CHARACTERS_MAX ? roll.get('passkey', answer.id) : undefined
    const operator = known && roll.get('operator', known.operatorId)
    const refuse = (reason: string, message = 'this passkey does not open anything here'): OperatorError => {
      this.#refused(ceremony, reason, operator === undefined ? `address/${address}` : actorOf(operator), address)
      return new OperatorError('proof-refused', message)
    }
    if (known === undefined || operator === undefined) throw refuse('unknown-passkey')
    if (expected !== undefined && operator.id !== expected) throw refuse('other-person')
    if (operator.state !== 'active') throw refuse('not-active')
    if (known.isSuspected === true) throw refuse('suspected-passkey')
    const { userHandle } = answer.response
    // WebAuthn §7.2 step 6: a handle that is given names the owner of the key.
    if (userHandle !== undefined && userHandle !== operator.id) throw refuse('wrong-user-handle')
    const verdict = await verifier.verify(answer, ceremony.challenge, known)
    if (verdict.kind === 'bad') {
      throw refuse(verdict.fault, verdict.fault === 'user-not-verified' ? NOT_VERIFIED : undefined)
    }
    const outcome = await roll.change(() => this.#used(known.id, verdict))
    if (outcome === 'copied') {
      await this.#parts.keyTaken(known.id, 'hub')
      throw refuse(
        'counter-went-back',
        'this passkey may have been copied, and opens nothing any more; ask another operator',
      )
    }
    if (outcome === 'gone') throw refuse('unknown-passkey')
    return { operatorId: operator.id, method: 'passkey', credentialId: known.id }
  }

  /**
   * @throws OperatorError `missing`, `invalid`.
   */
  async rename(operatorId: string, passkeyId: string, name: string, actor: string): Promise<Passkey> {
    const { roll, clock } = this.#parts
    if (!isLabel(name)) throw new OperatorError('invalid', 'a name of a passkey is one line of 1 to 64 characters')
    return roll.change(() => {
      const passkey = { ...this.#ofPerson(operatorId, passkeyId), name }
      const because = this.#event('passkey.renamed', operatorId, actor, { name }, clock.wall())
      return { put: [{ kind: 'passkey', value: passkey }], because, result: passkey }
    })
  }

  /**
   * Takes a passkey away; sessions that it opened end.
   * @throws OperatorError `missing`, `last-passkey`: nobody can be left without a way in.
   */
  async remove(operatorId: string, passkeyId: string, actor: string): Promise<void> {
    const { roll, clock } = this.#parts
    await roll.change(() => {
      const { name } = this.#ofPerson(operatorId, passkeyId)
      const others = roll
        .passkeysOf(operatorId)
        .filter(({ id, isSuspected }) => id !== passkeyId && isSuspected !== true)
      if (others.length === 0) {
        throw new OperatorError('last-passkey', 'this is the last passkey that opens anything; add another one first')
      }
      const because = this.#event('passkey.removed', operatorId, actor, { name }, clock.wall())
      return { remove: [{ kind: 'passkey', id: passkeyId }], because, result: undefined }
    })
    await this.#parts.keyTaken(passkeyId, actor)
  }

  #used(passkeyId: string, { counter }: UsedCredential): Planned<'good' | 'copied' | 'gone'> {
    const { roll, clock } = this.#parts
    const passkey = roll.get('passkey', passkeyId)
    if (passkey === undefined) return { result: 'gone' }
    const now = clock.wall()
    const counts = counter > 0 || passkey.counter > 0
    if (counts && counter <= passkey.counter) {
      const detail = { stored: passkey.counter, received: counter, name: passkey.name }
      return {
        put: [{ kind: 'passkey', value: { ...passkey, isSuspected: true } }],
        because: this.#event('passkey.counter-regressed', passkey.operatorId, 'hub', detail, now),
        result: 'copied',
      }
    }
    if (!counts && now - (passkey.lastUsedTime ?? 0) < USE_WRITE_MS) return { result: 'good' }
    const used: Passkey = { ...passkey, counter, lastUsedTime: timestampOf(now) }
    return { put: [{ kind: 'passkey', value: used }], result: 'good' }
  }

  #ofPerson(operatorId: string, passkeyId: string): Passkey {
    const passkey = this.#parts.roll.get('passkey', passkeyId)
    if (passkey?.operatorId === operatorId) return passkey
    throw new OperatorError('missing', 'there is no such passkey')
  }

  #refused({ purpose }: Ceremony, reason: string, actor: string, address: string): void {
    const { events, clock } = this.#parts
    const detail = { purpose: purpose.kind, reason, address }
    events({ type: 'operator.proof-refused', at: clock.wall(), subject: 'hub', actor, detail })
  }

  #event(
    type: SecurityEvent['type'],
    operatorId: string,
    actor: string,
    detail: SecurityEvent['detail'],
    at: Timestamp,
  ): SecurityEvent {
    const operator: Operator | undefined = this.#parts.roll.get('operator', operatorId)
    return { type, at, subject: `operator/${operator?.name ?? 'unknown'}`, actor, detail }
  }
}
