/** What wrong codes cost whoever tries them. A right one costs nothing. */

import { type Instant, LruMap, TokenBucket } from '@holdfast/base'
import { ACTOR_GUESSES, ALL_GUESSES, GUESSERS_MAX } from './limits.ts'

export class Guesses {
  readonly #actors = new LruMap<string, TokenBucket>(GUESSERS_MAX)
  readonly #all: TokenBucket

  constructor(now: Instant) {
    this.#all = new TokenBucket(now, ALL_GUESSES)
  }

  /** Takes a guess before it is looked at; false when the actor, or all together, have none left. */
  take(actor: string, now: Instant): boolean {
    let bucket = this.#actors.get(actor)
    if (bucket === undefined) {
      bucket = new TokenBucket(now, ACTOR_GUESSES)
      this.#actors.set(actor, bucket)
    }
    return bucket.take(now) && this.#all.take(now)
  }

  /** It was right, and counts for nobody. What was wrong before counts on: a code of one's own buys no guesses. */
  succeeded(actor: string): void {
    this.#actors.get(actor)?.giveBack()
    this.#all.giveBack()
  }
}
