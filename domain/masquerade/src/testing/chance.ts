/** Numbers that a seed gives again: SplitMix32, good enough to choose by and nothing else. */
export class Chance {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** From 0 to `below`, not included. */
  whole(below: number): number {
    this.#state = (this.#state + 0x9e3779b9) >>> 0
    let mixed = this.#state ^ (this.#state >>> 16)
    mixed = Math.imul(mixed, 0x21f0aaad)
    mixed ^= mixed >>> 15
    mixed = Math.imul(mixed, 0x735a2d97)
    mixed ^= mixed >>> 15
    return (mixed >>> 0) % below
  }

  /** True `percent` times in a hundred. */
  happens(percent: number): boolean {
    return this.whole(100) < percent
  }
}
