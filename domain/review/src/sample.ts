/**
 * Samples that anybody can draw again: entries are ranked by SHA-256 of `SEED:INDEX` (both as text, the index in decimal),
 * and the lowest are taken. Half of the places belong to what is dangerous, where there is so much of it.
 */

import { createHash } from 'node:crypto'
import type { LogEntry } from './entry.ts'

/** What changes who may do what, what is trusted, or what can be known afterwards. */
const DANGEROUS =
  /^(?:operator|recovery|role|access|organisation|policy|token|key|key-home|hub-authority|rollover|authority|endorsement-root|reference-signer|certificate-profile|connection-policy|attestation|audit|sink|backup|hub)\.|\.(?:deleted|removed|shredded|secret-disclosed|quarantined|released|cleared|retired|transferred|revoked)$/

export function isDangerous(type: string): boolean {
  return DANGEROUS.test(type)
}

interface Ranked {
  readonly index: number
  readonly rank: string
}

/** The lowest so many of what is offered. */
class Lowest {
  readonly #size: number
  #kept: Ranked[] = []

  constructor(size: number) {
    this.#size = size
  }

  offer(one: Ranked): void {
    this.#kept.push(one)
    // Sorted rarely: what is kept is at most twice what is wanted.
    if (this.#kept.length >= 2 * this.#size) this.#kept = this.lowest(this.#size)
  }

  lowest(count: number): Ranked[] {
    return this.#kept.toSorted((a, b) => (a.rank < b.rank ? -1 : 1)).slice(0, count)
  }
}

export class Sampling {
  readonly #seed: string
  readonly #size: number
  readonly #dangerous: Lowest
  readonly #others: Lowest
  #matching = 0

  /** @param size 1 to SAMPLE_ENTRIES_MAX. */
  constructor(seed: string, size: number) {
    this.#seed = seed
    this.#size = size
    this.#dangerous = new Lowest(size)
    this.#others = new Lowest(size)
  }

  /** Entries that the filter lets through, in any order, each once. */
  offer({ index, type }: Pick<LogEntry, 'index' | 'type'>): void {
    this.#matching += 1
    const rank = createHash('sha256').update(`${this.#seed}:${index}`).digest('hex')
    ;(isDangerous(type) ? this.#dangerous : this.#others).offer({ index, rank })
  }

  get matching(): number {
    return this.#matching
  }

  /** Their indexes, ascending. */
  drawn(): readonly number[] {
    const others = this.#others.lowest(this.#size)
    const places = Math.max(Math.ceil(this.#size / 2), this.#size - others.length)
    const dangerous = this.#dangerous.lowest(places)
    return [...dangerous, ...others.slice(0, this.#size - dangerous.length)]
      .map(({ index }) => index)
      .toSorted((a, b) => a - b)
  }
}

/** SHA-256 of indexes in order, a line each: what a signature is for. */
export function digestOf(indexes: readonly number[]): string {
  return createHash('sha256')
    .update(indexes.map((index) => `${index}\n`).join(''))
    .digest('hex')
}
