/**
 * A nonce that rolls, for devices whose keys can be copied: each connection offers a new one, the device answers with
 * the last one it stored, and of two copies the second to answer cannot.
 *
 * A device takes part from when it reports a `holdfast.nonce` that is no answer, such as ''. Then, for an offer `D`
 * (desired `holdfast.nonce`) that it has not stored, with `S` stored ('' before the first), it
 * 1. reports `holdfast.nonce` `{ shown: S, next: D }` and waits until that report is answered; if it is refused (412),
 *    D is not open any more, and another offer comes;
 * 2. stores D in place of S, so that it survives a loss of power;
 * 3. reports `{ shown: D, next: D }`.
 *
 * The hub keeps two: `current`, that was last shown, and `accepted`, that it took an answer for and has not seen shown.
 * A device may stop at any point: before 2 it shows `current` next time, after 2 `accepted`. It can show nothing else,
 * whatever is lost or comes twice, so that who shows something else is another one. What answers any other offer (a report
 * of an earlier connection that comes again) proves nothing and MUST be refused, or a copy that is late could store what
 * the other one was given.
 *
 * A nonce is a secret from when it is taken. So nobody but who answered on the connection of the offer may have seen it:
 * an offer ends with its connection, is taken out of the desired properties when it is answered, and what is shown is not
 * kept in the reported ones. Else a copy of the key alone could read there what it has to show.
 */

import { NONCE_CHARACTERS_MAX } from './limits.ts'

export interface NonceState {
  /** Last shown by the device; '' for one that had none. Absent until the first answer. */
  readonly current?: string
  /** Taken and not yet shown. */
  readonly accepted?: string
  /** In the desired properties, not answered. */
  readonly offer?: string
}

/** What the device reports as `holdfast.nonce`. */
export interface NonceAnswer {
  readonly shown: string
  readonly next: string
}

export type NonceOutcome =
  /** An answer to the offer, by who held what had to be held. */
  | 'accepted'
  /** It has stored what it was given. */
  | 'stored'
  /** It says so once more. */
  | 'repeated'
  /** No answer to anything that is open. */
  | 'ignored'
  /** An answer to the offer, by who does not hold what the device must hold. */
  | 'outdated'

/** Whoever has no state takes part from now on. */
export const NO_NONCE: NonceState = {}

/** The state with an offer. @param fresh never offered before; used where none is open. */
export function offerNonce(state: NonceState, fresh: string): NonceState {
  return state.offer === undefined ? { ...state, offer: fresh } : state
}

/** The state without an offer: the connection that could read it is over. */
export function withdrawNonce(state: NonceState): NonceState {
  const { offer: _, ...rest } = state
  return rest
}

export function answerNonce(
  state: NonceState,
  { shown, next }: NonceAnswer,
): { readonly state: NonceState; readonly outcome: NonceOutcome } {
  const { current, accepted, offer } = state
  if (accepted !== undefined && shown === accepted && next === accepted) {
    return { state: { current: accepted, ...(offer === undefined ? {} : { offer }) }, outcome: 'stored' }
  }
  // Proves nothing new: who answers with this alone goes on without a step that a copy could not follow.
  if (shown === current && next === current && next !== '') return { state, outcome: 'repeated' }
  if (offer === undefined || next !== offer) return { state, outcome: 'ignored' }
  // The first to answer is believed: who had a copy by then is found out by the second.
  const isHeld = current === undefined || shown === current || shown === accepted
  if (!isHeld) {
    // It may store what it was offered, so that must not be given to the other one.
    const { offer: _, ...rest } = state
    return { state: rest, outcome: 'outdated' }
  }
  return { state: { current: shown, accepted: offer }, outcome: 'accepted' }
}

/** @param value as it stands in a reported patch. Undefined for what is no answer. */
export function readNonceAnswer(value: unknown): NonceAnswer | undefined {
  if (typeof value !== 'object' || value === null || !('shown' in value) || !('next' in value)) return undefined
  const { shown, next } = value
  return isNonce(shown) && isNonce(next) && next !== '' ? { shown, next } : undefined
}

/** Base64url, or nothing. */
export function isNonce(value: unknown): value is string {
  return typeof value === 'string' && value.length <= NONCE_CHARACTERS_MAX && /^[A-Za-z0-9_-]*$/.test(value)
}
