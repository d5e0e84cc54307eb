/**
 * The fuzzing of one target: replays what is stored, then makes inputs of inputs and keeps those that reach new code.
 * The order of inputs follows from the seed and the stored inputs alone; the time says only when to stop.
 */

import { Random } from '@holdfast/testing-simulation/random'
import { plainBytes } from './corpus.ts'
import { Coverage } from './coverage.ts'
import { BATCH_INPUTS, CORPUS_INPUTS_MAX, POOL_INPUTS_MAX, PREFIX_BYTES_MAX } from './limits.ts'
import { Mutator } from './mutator.ts'
import { shrink } from './shrink.ts'
import type { Subject } from './target.ts'

export interface CampaignOptions {
  readonly subject: Subject
  readonly seed: number
  /** Inputs stored before. */
  readonly stored: readonly Uint8Array[]
  /** Asked before every batch. */
  readonly isOver: () => boolean
  /** Told of every input before it runs, and (undefined) when it has. */
  readonly watch: (bytes: Uint8Array | undefined) => void
}

export interface Failure {
  /** Made as small as could be. */
  readonly input: Uint8Array
  readonly reason: string
}

export interface CampaignReport {
  readonly runs: number
  /** Places of our code that were reached. */
  readonly blocks: number
  /** The smallest inputs that together reach all of them. */
  readonly corpus: readonly Uint8Array[]
  readonly failure?: Failure
}

export class Campaign {
  readonly #options: CampaignOptions
  readonly #coverage = new Coverage()
  readonly #pool: Uint8Array[] = []
  #runs = 0

  constructor(options: CampaignOptions) {
    this.#options = options
  }

  run(): CampaignReport {
    let failure: Failure | undefined
    try {
      this.#replay()
      this.#explore()
    } catch (error) {
      if (!(error instanceof BrokenRule)) throw error
      failure = this.#examine(error.input)
    }
    const { blocks } = this.#coverage
    this.#coverage.stop()
    const corpus = failure === undefined ? smallest(this.#pool, (bytes) => this.#run(bytes)) : []
    return { runs: this.#runs, blocks, corpus, ...(failure === undefined ? {} : { failure }) }
  }

  /** Seeds and stored inputs whole, and cut at every byte: what comes from a network comes in parts. */
  #replay(): void {
    const { subject, stored } = this.#options
    const inputs = [...subject.seeds.map(plainBytes), ...stored]
    for (const bytes of inputs) {
      this.#run(bytes)
      if (this.#coverage.look(true) || this.#pool.length === 0) this.#pool.push(bytes)
    }
    if (subject.isStream === true) return
    for (const bytes of inputs) {
      const count = Math.min(bytes.length, PREFIX_BYTES_MAX)
      this.#attribute(Array.from({ length: count }, (_, end) => bytes.slice(0, end)))
    }
  }

  #explore(): void {
    const { subject, seed, isOver } = this.#options
    const random = new Random(seed)
    const mutator = new Mutator({ random, dictionary: subject.dictionary, bytesMax: subject.bytesMax })
    while (!isOver()) {
      const batch = Array.from({ length: BATCH_INPUTS }, () =>
        mutator.mutate(this.#pick(random), random.pick(this.#pool)),
      )
      this.#attribute(batch)
    }
  }

  /** What was found last is what leads on. */
  #pick(random: Random): Uint8Array {
    const newest = Math.min(this.#pool.length, 32)
    return random.pick(random.chance(0.4) ? this.#pool.slice(-newest) : this.#pool)
  }

  /** Runs inputs together and, if they reached new code, halves of them until it is known which. */
  #attribute(inputs: readonly Uint8Array[]): void {
    for (const bytes of inputs) this.#run(bytes)
    const [only] = inputs
    if (only === undefined || !this.#coverage.look(inputs.length === 1)) return
    if (inputs.length > 1) {
      const half = Math.ceil(inputs.length / 2)
      this.#attribute(inputs.slice(0, half))
      this.#attribute(inputs.slice(half))
      return
    }
    this.#pool.push(only)
    if (this.#pool.length > POOL_INPUTS_MAX) this.#pool.shift()
  }

  #run(bytes: Uint8Array): void {
    const { subject, watch } = this.#options
    this.#runs += 1
    watch(bytes)
    try {
      subject.run(bytes.slice())
    } catch (cause) {
      throw new BrokenRule(bytes, { cause })
    } finally {
      watch(undefined)
    }
  }

  #examine(bytes: Uint8Array): Failure {
    const input = shrink(bytes, (candidate) => this.#faultOf(candidate) !== undefined)
    return { input, reason: this.#faultOf(input) ?? 'it failed once, and not when it was tried again' }
  }

  #faultOf(bytes: Uint8Array): string | undefined {
    try {
      this.#run(bytes)
      return undefined
    } catch (error) {
      const cause = error instanceof Error ? error.cause : error
      return cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)
    }
  }
}

class BrokenRule extends Error {
  override readonly name = 'BrokenRule'
  readonly input: Uint8Array

  constructor(input: Uint8Array, options: ErrorOptions) {
    super('a rule is broken', options)
    this.input = input
  }
}

/** The smallest inputs that together reach what all of them reach. */
function smallest(inputs: readonly Uint8Array[], run: (bytes: Uint8Array) => void): readonly Uint8Array[] {
  const coverage = new Coverage()
  coverage.reset()
  const kept: Uint8Array[] = []
  for (const bytes of inputs.toSorted((a, b) => a.length - b.length || Buffer.compare(a, b))) {
    run(bytes)
    if (coverage.look(true)) kept.push(bytes)
  }
  coverage.stop()
  return kept.slice(0, CORPUS_INPUTS_MAX)
}
