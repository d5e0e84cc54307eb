/** Short codes that a person carries from one screen to another: what they stand for, for some minutes, once. */

import { type Instant, later, LruMap, TokenBucket } from '@holdfast/base'
import { OperatorError } from './errors.ts'
import { CODE_GUESSES, CODE_LIFE_MS, CODES_MAX, CODES_PER_ADDRESS_MAX, GUESSERS_MAX } from './limits.ts'
import { makeCode, parseCode, type RandomBytes } from './secret.ts'

interface Entry<T> {
  readonly code: string
  readonly value: T
  readonly owner: string
  readonly until: Instant
}

export class CodeBook<T> {
  readonly #random: RandomBytes
  readonly #entries = new Map<string, Entry<T>>()
  readonly #guessers = new LruMap<string, TokenBucket>(GUESSERS_MAX)

  constructor(random: RandomBytes) {
    this.#random = random
  }

  /**
   * @param owner who asked for it: an address or a session; nobody fills the book alone.
   * @throws OperatorError `throttled`.
   */
  issue(value: T, owner: string, now: Instant): string {
    for (const [code, { until }] of this.#entries) if (until <= now) this.#entries.delete(code)
    let own = 0
    for (const entry of this.#entries.values()) if (entry.owner === owner) own += 1
    if (own >= CODES_PER_ADDRESS_MAX || this.#entries.size >= CODES_MAX) {
      throw new OperatorError('throttled', 'too many codes wait to be typed; try again in some minutes')
    }
    let code = makeCode(this.#random)
    while (this.#entries.has(code)) code = makeCode(this.#random)
    this.#entries.set(code, { code, value, owner, until: later(now, CODE_LIFE_MS) })
    return code
  }

  /**
   * What a code stands for; it stays.
   * @param asker who types it: wrong codes are bounded for each.
   * @throws OperatorError `code-unknown`, `throttled`.
   */
  find(typed: string, asker: string, now: Instant): T {
    const bucket = this.#guessers.get(asker) ?? new TokenBucket(now, CODE_GUESSES)
    this.#guessers.set(asker, bucket)
    if (!bucket.take(now)) throw new OperatorError('throttled', 'too many codes were tried; wait a minute')
    const code = parseCode(typed)
    const entry = code === undefined ? undefined : this.#entries.get(code)
    if (entry === undefined || entry.until <= now) {
      throw new OperatorError('code-unknown', 'there is no such code, or its ten minutes are over')
    }
    bucket.giveBack()
    return entry.value
  }

  /** Once it has served. */
  remove(which: (value: T) => boolean): void {
    for (const [code, { value }] of this.#entries) if (which(value)) this.#entries.delete(code)
  }
}
