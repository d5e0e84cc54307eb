/**
 * How an act came in, beside the calls that it leads to and not through them: every request is run in a context, and
 * what is told or written meanwhile bears its source.
 */

import { AsyncLocalStorage } from 'node:async_hooks'
import type { PeerFacts } from '@holdfast/messaging'

interface ActContext {
  source: string
  /** How many events had been told when the last of this act's own was; undefined while it told none. */
  told?: number
}

/** Stands before the session's id in a source. */
const SESSION = ' session/'

const acts = new AsyncLocalStorage<ActContext | undefined>()

/** Runs `act`; what it tells, and what it goes on to do later, came in by `source`. */
export function actFrom<T>(source: string, act: () => T): T {
  return acts.run({ source }, act)
}

/** Runs what the hub does of its own accord, whoever's act happens to be under way. */
export function byItself<T>(work: () => T): T {
  return acts.run(undefined, work)
}

/** The act that is under way; undefined for what the hub does by itself. */
export function currentAct(): ActContext | undefined {
  return acts.getStore()
}

/** What the act under way tells from now on bears the session of the person who is behind it, too. */
export function nameSession(id: string): void {
  const act = acts.getStore()
  if (act !== undefined && !act.source.includes(SESSION)) act.source += `${SESSION}${id}`
}

/** E.g. `https/10.0.0.7`, or `local` for the socket in the data folder. */
export function sourceOf({ transport, address }: Pick<PeerFacts, 'transport' | 'address'>): string {
  return transport === 'local' ? 'local' : `${transport}/${address}`
}
