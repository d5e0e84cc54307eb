/** A thing to fuzz. Packages export theirs from `./testing`. */
export interface FuzzTarget {
  readonly name: string
  /** Inputs to start from. */
  readonly seeds: readonly Uint8Array[]
  /** @throws anything at all when a rule is broken; refusals of the input are not thrown. */
  run(bytes: Uint8Array): void
}

/** A target with what the fuzzer wants to know besides. */
export interface Subject extends FuzzTarget {
  /** Words of its language: what chance would take too long to spell. */
  readonly dictionary: readonly string[]
  /** Longest input that is tried, in bytes: what reaches every bound worth reaching, no more, for time is what costs. */
  readonly bytesMax: number
  /** It takes every input in pieces itself, so that trying its prefixes would add nothing. */
  readonly isStream?: boolean
}
