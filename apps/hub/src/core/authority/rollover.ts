/** The steps of a roll-over, as changes of the authority's state. Each says no where it does not fit. */

import type { Timestamp } from '@holdfast/base'
import { type AuthorityState, type Generation, GENERATIONS_MAX, ISSUERS_MAX, type Serving } from './authority-state.ts'
import { AuthorityError } from './errors.ts'

/** A new generation beside the one in use, with one issuing authority, whose number follows its own. */
export function begun(state: AuthorityState, it: Generation, now: Timestamp): AuthorityState {
  if (state.rollover !== undefined) throw new AuthorityError('rollover-under-way', 'a roll-over is under way already')
  if (state.generations.length >= GENERATIONS_MAX || state.issuers.length >= ISSUERS_MAX) {
    throw new AuthorityError('too-many-authorities', `at most ${GENERATIONS_MAX} roots count at once`)
  }
  const issuer = it.number + 1
  return {
    ...state,
    rollover: { generation: it.number, begunAt: now, serving: 'old', servingSince: now },
    generations: [...state.generations, it],
    issuers: [...state.issuers, { number: issuer, generation: it.number }],
    next: issuer + 1,
  }
}

export function servingWith(state: AuthorityState, serving: Exclude<Serving, 'old'>, now: Timestamp): AuthorityState {
  const { rollover } = state
  if (rollover === undefined) throw new AuthorityError('no-rollover', 'no roll-over is under way')
  const isCrossed = state.generations.some((it) => it.number === rollover.generation && it.cross !== undefined)
  if (serving === 'crossed' && !isCrossed) {
    throw new AuthorityError('root-key-away', 'the old root does not vouch for the new one: its key was not at hand')
  }
  return { ...state, rollover: { ...rollover, serving, servingSince: now } }
}

/** The new generation stays, untrusted, for the devices that have certificates of it. */
export function returned(state: AuthorityState): AuthorityState {
  const { rollover, ...rest } = state
  if (rollover === undefined) throw new AuthorityError('no-rollover', 'no roll-over is under way')
  return rest
}

/** The new generation takes the place of the old, which goes. */
export function finished(state: AuthorityState): AuthorityState {
  const { rollover, ...rest } = state
  if (rollover === undefined) throw new AuthorityError('no-rollover', 'no roll-over is under way')
  if (rollover.serving === 'old') {
    throw new AuthorityError('not-switched', 'the listeners still show the old chain: switch first')
  }
  // Nobody needs the old root's word for it any more.
  const generations = state.generations.map(({ number, root }) => ({ number, root }))
  return without({ ...rest, generations, current: rollover.generation }, [state.current])
}

/** Without these generations and what stands below them; their numbers are not used again. */
export function without(state: AuthorityState, numbers: readonly number[]): AuthorityState {
  const stays = (number: number): boolean => !numbers.includes(number)
  return {
    ...state,
    generations: state.generations.filter(({ number }) => stays(number)),
    issuers: state.issuers.filter((it) => stays(it.generation)),
    revoked: state.revoked.filter((it) => stays(it.generation)),
  }
}
