/** Chance from a seed: the same seed, the same run. xoshiro128** (Blackman and Vigna), seeded by splitmix32. */
export class Random {
  readonly #state = new Uint32Array(4)

  constructor(seed: number) {
    let x = seed >>> 0
    for (let i = 0; i < 4; i++) {
      x = (x + 0x9e3779b9) >>> 0
      let z = x
      z = Math.imul(z ^ (z >>> 16), 0x85ebca6b)
      z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35)
      this.#state[i] = z ^ (z >>> 16)
    }
  }

  /** A whole number, 0 to 2^32 - 1. */
  bits(): number {
    const s = this.#state
    const [a = 0, b = 0, c = 0, d = 0] = s
    const product = Math.imul(b, 5)
    const result = Math.imul((product << 7) | (product >>> 25), 9) >>> 0
    s[0] = a ^ d ^ b
    s[1] = b ^ c ^ a
    s[2] = c ^ a ^ (b << 9)
    const mixed = d ^ b
    s[3] = (mixed << 11) | (mixed >>> 21)
    return result
  }

  /** 0 to below 1. */
  unit(): number {
    return this.bits() / 0x1_0000_0000
  }

  /** A whole number from `least` to `most`, both included. */
  between(least: number, most: number): number {
    return least + Math.floor(this.unit() * (most - least + 1))
  }

  chance(probability: number): boolean {
    return this.unit() < probability
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.between(0, items.length - 1)]
    if (item === undefined) throw new TypeError('nothing to pick from')
    return item
  }

  bytes(count: number): Uint8Array {
    return Uint8Array.from({ length: count }, () => this.bits() & 0xff)
  }

  /** Mostly short, sometimes long: `least` plus an exponential of that mean, at most `most`. */
  delay(range: { readonly least: number; readonly mean: number; readonly most: number }): number {
    return Math.min(range.most, range.least - Math.log(1 - this.unit()) * range.mean)
  }
}
