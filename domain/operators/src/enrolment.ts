/** From a link, or from a session, to a passkey. */

import type { EventSink, SecurityEvent } from '@holdfast/audit'
import { type Clock, timestampOf } from '@holdfast/base'
import type { Ceremonies, Ceremony } from './ceremonies.ts'
import { OperatorError } from './errors.ts'
import { OPERATORS_MAX, PASSKEYS_MAX } from './limits.ts'
import type { Links } from './links.ts'
import { actorOf, isLabel, isOperatorName, type Operator, type Passkey } from './operator.ts'
import { DEFAULT_PASSKEY_POLICY, objectionTo, type PasskeyPolicy } from './passkey-policy.ts'
import type { NewCredential, PasskeyVerifier, Proof, RegistrationAnswer } from './proof.ts'
import type { PeopleEntry } from './records.ts'
import type { Roll } from './roll.ts'
import { base64url, type RandomBytes } from './secret.ts'

/** What a browser needs to make a passkey (WebAuthn §5.4). */
export interface RegistrationOffer {
  readonly ceremony: string
  readonly challenge: string
  readonly relyingParty: { readonly id: string; readonly name: string }
  readonly user: { readonly id: string; readonly name: string }
  /** Credentials that the person has: the same authenticator is not enrolled twice. */
  readonly exclude: readonly { readonly id: string; readonly transports: readonly string[] }[]
  /** Whether the authenticator is to prove what it is. */
  readonly attestation: 'none' | 'direct'
}

export interface EnrolmentParts {
  readonly roll: Roll
  readonly links: Links
  readonly ceremonies: Ceremonies
  readonly verifier: PasskeyVerifier
  readonly clock: Clock
  readonly random: RandomBytes
  /** For what anybody can cause; bounds the rate. */
  readonly events: EventSink
  /** Keys of this person were taken away: their sessions end. */
  readonly keysTaken: (operatorId: string, actor: string) => Promise<void>
}

export interface EnrolmentRequest {
  readonly secret: string
  /** Who wants to be known so; of links that name nobody. */
  readonly name?: string
  /** Of a recovery: what the first to approve was given. */
  readonly code?: string
}

export class Enrolment {
  readonly #parts: EnrolmentParts

  constructor(parts: EnrolmentParts) {
    this.#parts = parts
  }

  get policy(): PasskeyPolicy {
    const record = this.#parts.roll.get('policy', 'passkeys')
    return record?.id === 'passkeys' ? record.policy : DEFAULT_PASSKEY_POLICY
  }

  /** Whether the link still counts, and whether a name or a code has to be given with it. */
  look(secret: string): { readonly name?: string; readonly needs: 'name' | 'code' | 'nothing' } {
    const { roll, links } = this.#parts
    const link = roll.get('link', links.digest(secret))
    if (link === undefined || !links.counts(link)) throw links.invalid()
    const name = link.name ?? (link.operatorId === undefined ? undefined : roll.get('operator', link.operatorId)?.name)
    const needs = link.codeDigest !== undefined ? 'code' : name === undefined ? 'name' : 'nothing'
    return { needs, ...(name !== undefined && { name }) }
  }

  /** @throws OperatorError `link-invalid`, `invalid`, `exists`, `throttled`. */
  begin({ secret, name, code }: EnrolmentRequest, address: string): RegistrationOffer {
    const { roll, links, ceremonies, clock, random } = this.#parts
    const link = this.#told(address, () => links.find(secret, code))
    const known = link.operatorId === undefined ? undefined : roll.get('operator', link.operatorId)
    const chosen = known?.name ?? link.name ?? name
    if (chosen === undefined || !isOperatorName(chosen)) {
      throw new OperatorError('invalid', 'choose a name of 1 to 64 of a-z, 0-9, dot, dash and underscore')
    }
    if (known === undefined && roll.operatorNamed(chosen) !== undefined) {
      throw new OperatorError('exists', `the name ${chosen} is taken`)
    }
    const operatorId = known?.id ?? base64url(random(16))
    const purpose = { kind: 'enrol', link: link.id, operatorId, name: chosen } as const
    return this.#offer(ceremonies.begin(purpose, address, clock.monotonic()), { id: operatorId, name: chosen }, [])
  }

  /** @throws OperatorError `ceremony-over`, `link-invalid`, `proof-refused`, `exists`, `invalid`, `too-many`. */
  async finish(
    ceremonyId: string,
    answer: RegistrationAnswer,
    keyName: string,
    address: string,
  ): Promise<{ readonly operator: Operator; readonly proof: Proof; readonly isNew: boolean }> {
    const { roll, links, ceremonies, clock } = this.#parts
    const ceremony = ceremonies.take(ceremonyId, 'enrol', clock.monotonic())
    const { link: linkId, operatorId, name } = ceremony.purpose
    const credential = await this.#verified(ceremony, answer, keyName, `address/${address}`)
    const recovered = await roll.change(() => {
      const link = this.#told(address, () => links.again(linkId))
      const now = clock.wall()
      const known = roll.get('operator', operatorId)
      if (known === undefined && roll.operatorNamed(name) !== undefined)
        throw new OperatorError('exists', `the name ${name} is taken`)
      if (known === undefined && roll.count('operator') >= OPERATORS_MAX)
        throw new OperatorError('too-many', 'no more operators')
      if (known !== undefined && known.state !== 'active') throw links.invalid()
      const operator: Operator = known ?? {
        id: operatorId,
        name,
        organisation: link.organisation,
        roles: link.roles,
        state: 'active',
        createdTime: now,
        invitedBy: link.madeBy,
        ...(roll.enrolledOf(link.organisation).length >= 2 && { awaitsWord: true }),
      }
      const former = roll.passkeysOf(operatorId)
      const actor = actorOf(operator)
      const events: SecurityEvent[] = [
        {
          type: link.purpose === 'recovery' ? 'recovery.completed' : 'operator.enrolled',
          at: now,
          subject: actor,
          actor,
          detail: { invitedBy: link.madeBy, purpose: link.purpose, roles: operator.roles.join(' '), address },
        },
        this.#added(operator, credential, keyName),
      ]
      const put: PeopleEntry[] = [
        { kind: 'operator', value: operator },
        { kind: 'passkey', value: passkeyOf(credential, { operatorId, name: keyName, at: now }) },
      ]
      const remove = [
        { kind: 'link' as const, id: link.id },
        // Whoever lost their keys has lost all of them.
        ...former.map(({ id }) => ({ kind: 'passkey' as const, id })),
      ]
      return {
        put,
        remove,
        because: events,
        result: { operator, hadKeys: former.length > 0, isNew: known === undefined },
      }
    })
    const { operator, hadKeys, isNew } = recovered
    if (hadKeys) await this.#parts.keysTaken(operator.id, actorOf(operator))
    return { operator, isNew, proof: { operatorId, method: 'passkey', credentialId: credential.id } }
  }

  /** One more passkey of somebody who is signed in, and has proved to be there. */
  beginOwn(session: string, operator: Operator, address: string): RegistrationOffer {
    const { roll, ceremonies, clock } = this.#parts
    const keys = roll.passkeysOf(operator.id)
    if (keys.length >= PASSKEYS_MAX)
      throw new OperatorError('too-many', `you have ${PASSKEYS_MAX} passkeys; remove one first`)
    const purpose = { kind: 'add-passkey', session, operatorId: operator.id } as const
    return this.#offer(ceremonies.begin(purpose, address, clock.monotonic()), operator, keys)
  }

  async finishOwn(
    session: string,
    operator: Operator,
    given: { readonly ceremony: string; readonly answer: RegistrationAnswer; readonly name: string },
  ): Promise<Passkey> {
    const { roll, ceremonies, clock } = this.#parts
    const ceremony = ceremonies.take(given.ceremony, 'add-passkey', clock.monotonic())
    if (ceremony.purpose.session !== session)
      throw new OperatorError('ceremony-over', 'this was begun by another session')
    const credential = await this.#verified(ceremony, given.answer, given.name, actorOf(operator))
    return roll.change(() => {
      if (roll.get('operator', operator.id)?.state !== 'active')
        throw new OperatorError('missing', 'this operator is gone')
      if (roll.passkeysOf(operator.id).length >= PASSKEYS_MAX) throw new OperatorError('too-many', 'too many passkeys')
      const passkey = passkeyOf(credential, { operatorId: operator.id, name: given.name, at: clock.wall() })
      return {
        put: [{ kind: 'passkey', value: passkey }],
        because: this.#added(operator, credential, given.name),
        result: passkey,
      }
    })
  }

  #offer({ id, challenge }: Ceremony, user: Pick<Operator, 'id' | 'name'>, has: readonly Passkey[]): RegistrationOffer {
    const { aaguids, attestationRoots } = this.policy
    return {
      ceremony: id,
      challenge,
      relyingParty: this.#parts.verifier.relyingParty,
      user: { id: user.id, name: user.name },
      exclude: has.map(({ id: passkey, transports }) => ({ id: passkey, transports })),
      attestation: aaguids.length + attestationRoots.length > 0 ? 'direct' : 'none',
    }
  }

  async #verified(
    ceremony: Ceremony,
    answer: RegistrationAnswer,
    keyName: string,
    actor: string,
  ): Promise<NewCredential> {
    const { roll, verifier, events, clock } = this.#parts
    if (!isLabel(keyName)) throw new OperatorError('invalid', 'a name of a passkey is one line of 1 to 64 characters')
    const { policy } = this
    const verdict = await verifier.register(answer, ceremony.challenge, policy.attestationRoots)
    const refuse = (reason: string, why: string): OperatorError => {
      events({ type: 'passkey.refused', at: clock.wall(), subject: 'hub', actor, detail: { reason } })
      return new OperatorError('proof-refused', why)
    }
    if (verdict.kind === 'bad') {
      throw refuse(
        verdict.fault,
        verdict.fault === 'user-not-verified' ? NOT_VERIFIED : 'the passkey was not made as it has to be',
      )
    }
    const objection = objectionTo(verdict, policy)
    if (objection !== undefined) throw refuse('policy', objection)
    // An id that exists is another person's passkey, or the same one again; authenticators make them at random.
    if (roll.get('passkey', verdict.id) !== undefined)
      throw refuse('known-credential', 'this passkey is enrolled already')
    return verdict
  }

  #added(operator: Operator, credential: NewCredential, name: string): SecurityEvent {
    const { aaguid, isBackupEligible, isAttested } = credential
    const detail = { name, aaguid, backupEligible: isBackupEligible, attested: isAttested }
    return {
      type: 'passkey.added',
      at: this.#parts.clock.wall(),
      subject: actorOf(operator),
      actor: actorOf(operator),
      detail,
    }
  }

  /** Tells of links that do not count: somebody tries, or somebody was faster. */
  #told<T>(address: string, work: () => T): T {
    try {
      return work()
    } catch (error) {
      if (error instanceof OperatorError && error.code === 'link-invalid') {
        const { events, clock } = this.#parts
        const actor = `address/${address}`
        events({ type: 'operator.link-refused', at: clock.wall(), subject: 'hub', actor, detail: { address } })
      }
      throw error
    }
  }
}

export const NOT_VERIFIED =
  'your authenticator did not check that it is you; set a PIN or a fingerprint on it, or use another one'

function passkeyOf(
  { id, publicKey, counter, isBackupEligible, aaguid, transports }: NewCredential,
  { operatorId, name, at }: { readonly operatorId: string; readonly name: string; readonly at: number },
): Passkey {
  const createdTime = timestampOf(at)
  return { id, operatorId, name, publicKey, counter, isBackupEligible, aaguid, transports, createdTime }
}
