/** People on a store in memory, with an authenticator that says what a test wants it to. */

import type { SecurityEvent } from '@holdfast/audit'
import { type Clock, instantOf, timestampOf } from '@holdfast/base'
import { Ceremonies } from '../ceremonies.ts'
import { Enrolment } from '../enrolment.ts'
import { Links } from '../links.ts'
import type { Operator } from '../operator.ts'
import { Passkeys } from '../passkeys.ts'
import { People } from '../people.ts'
import type { AssertionAnswer, PasskeyVerifier, RegistrationAnswer } from '../proof.ts'
import { Recoveries } from '../recoveries.ts'
import { Roll } from '../roll.ts'
import { Sessions } from '../sessions.ts'
import { Workstations } from '../workstations.ts'
import { MemoryPeopleStore } from './memory-people-store.ts'

const START = Date.UTC(2026, 10, 25)

export class PeopleClock implements Clock {
  #passedMs = 0

  monotonic() {
    return instantOf(this.#passedMs)
  }

  wall() {
    return timestampOf(START + this.#passedMs)
  }

  advance(milliseconds: number): void {
    this.#passedMs += milliseconds
  }
}

export async function peopleWorld(store = new MemoryPeopleStore(), clock = new PeopleClock()) {
  const events: SecurityEvent[] = []
  const tell = (event: SecurityEvent): void => void events.push(event)
  let calls = store.events.length + 1
  const random = (bytes: number): Uint8Array => {
    calls += 1
    let state = Math.imul(calls, 2_654_435_761) >>> 0
    return Uint8Array.from({ length: bytes }, () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
      return state >>> 24
    })
  }
  const roll = await Roll.open(store)
  /** What the next use of a key says its counter is. */
  const authenticator = { counter: 0, isGood: true, isBackupEligible: false }
  const verifier: PasskeyVerifier = {
    relyingParty: { id: 'hub.example', name: 'Holdfast' },
    faultOfRoot: () => undefined,
    register: async ({ id }) =>
      authenticator.isGood
        ? {
            kind: 'good',
            id,
            publicKey: 'key',
            counter: authenticator.counter,
            isBackupEligible: authenticator.isBackupEligible,
            aaguid: '00000000-0000-0000-0000-000000000000',
            transports: [],
            isAttested: false,
          }
        : { kind: 'bad', fault: 'user-not-verified' },
    verify: async () =>
      authenticator.isGood
        ? { kind: 'good', counter: authenticator.counter, isBackupEligible: false }
        : { kind: 'bad', fault: 'wrong-signature' },
  }
  const ended: string[] = []
  const limits = { idleMs: 900_000, lifeMs: 28_800_000 }
  const sessions: Sessions = new Sessions({ roll, clock, random, limits, ended: ({ id }) => void ended.push(id) })
  /** What whoever invited somebody may do by now. */
  const inviters = { mayGive: true }
  const links = new Links({ roll, clock, random, mayGive: () => inviters.mayGive })
  const ceremonies = new Ceremonies(random)
  const shared = { roll, ceremonies, verifier, clock, events: tell }
  const endOf = async (operatorId: string, actor: string): Promise<void> => {
    await sessions.end((session) => session.operatorId === operatorId, 'operator-gone', actor)
  }
  const enrolment = new Enrolment({ ...shared, links, random, keysTaken: endOf })
  const passkeys = new Passkeys({
    ...shared,
    keyTaken: async (id, actor) =>
      void (await sessions.end(({ passkeyId }) => passkeyId === id, 'passkey-gone', actor)),
  })
  const recoveries = new Recoveries({ roll, links, clock, random })
  const people = new People({ roll, clock, verifier, gone: endOf })
  const workstations = new Workstations({ roll, clock, random, hubName: 'hub.example', events: tell })
  let keys = 0

  const answer = (id: string): RegistrationAnswer => ({
    id,
    rawId: id,
    type: 'public-key',
    response: { clientDataJSON: '', attestationObject: '' },
  })
  const assertion = (id: string): AssertionAnswer => ({
    id,
    rawId: id,
    type: 'public-key',
    response: { clientDataJSON: '', authenticatorData: '', signature: '' },
  })
  /** Somebody with a passkey, by an invitation; another vouches for them where that is asked for. */
  const join = async (name: string): Promise<{ readonly operator: Operator; readonly key: string }> => {
    const { secret } = await links.invite(name, { organisation: 'home', roles: [] }, 'operator/local')
    keys += 1
    const key = `key-${keys}`
    const { ceremony } = enrolment.begin({ secret }, 'a')
    const { operator } = await enrolment.finish(ceremony, answer(key), 'laptop', 'a')
    if (operator.awaitsWord !== true) return { operator, key }
    const [other] = roll.activeOperators()
    return { operator: await people.change(name, { state: 'active' }, `operator/${other?.name}`), key }
  }
  const proofBy = async (key: string) => {
    const { ceremony } = passkeys.offer({ kind: 'sign-in' }, 'a')
    return passkeys.prove(ceremonies.take(ceremony, 'sign-in', clock.monotonic()), assertion(key), 'a')
  }
  const signIn = async (key: string) =>
    sessions.open(await proofBy(key), { kind: 'browser', agent: 'Test/1', address: '10.0.0.7' })
  return {
    store,
    clock,
    random,
    roll,
    authenticator,
    sessions,
    links,
    inviters,
    ceremonies,
    enrolment,
    passkeys,
    recoveries,
    people,
    workstations,
    events,
    ended,
    answer,
    assertion,
    join,
    proofBy,
    signIn,
  }
}
