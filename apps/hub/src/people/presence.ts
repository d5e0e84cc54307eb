/** What has to be a person, and a person who is there: asked for by whatever is dangerous. */

import type { Clock } from '@holdfast/base'
import { PRESENCE_LIFE_MS } from '@holdfast/operators'
import type { Actor, PersonCaller } from './actor.ts'
import { Problem } from '../core/problem.ts'

/** Whether somebody proved to be there in the last five minutes. */
export function isPresent(person: Pick<PersonCaller, 'presenceAt'>, clock: Clock): boolean {
  return clock.wall() - person.presenceAt <= PRESENCE_LIFE_MS
}

/**
 * A person who proved to be there in the last five minutes; the machine of the hub, which has nobody to ask, passes.
 * @throws Problem 403 `presence-required`, or `person-required` for machines.
 */
export function requirePresence(actor: Actor, clock: Clock): void {
  if (actor.kind === 'local') return
  if (isPresent(requirePerson(actor), clock)) return
  throw new Problem({
    status: 403,
    code: 'presence-required',
    title: 'this asks for a fresh proof that you are there',
    detail: 'use your passkey on the session page, or holdfast session step-up, and do it again within five minutes',
  })
}

/** @throws Problem 403 `person-required`. */
export function requirePerson(actor: Actor): PersonCaller {
  if (actor.kind === 'person') return actor
  throw new Problem({
    status: 403,
    code: 'person-required',
    title: 'only a person who is signed in does this',
    detail: 'sign in with a passkey in a browser, or with holdfast login',
  })
}

/**
 * What people do among themselves: with a proof of presence, and not by machines. The machine of the hub does it for
 * them only while there are too few of them.
 */
export function requirePeople(actor: Actor, clock: Clock, isBootstrap: boolean): void {
  if (actor.kind !== 'local') {
    requirePresence(actor, clock)
    return
  }
  if (isBootstrap) return
  throw new Problem({
    status: 403,
    code: 'person-required',
    title: 'there are operators enough to do this themselves',
    detail: 'sign in as one of them: holdfast login --url, or in a browser',
  })
}
