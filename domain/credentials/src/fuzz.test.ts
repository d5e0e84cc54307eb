import { test } from 'node:test'
import { fuzzTargets } from './testing/index.ts'

/** The same bytes for the same seed. */
function* mutated(seed: Uint8Array, count: number): Generator<Uint8Array> {
  let state = 0x2545_f491
  const next = (below: number): number => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % below
  }
  for (let n = 0; n < count; n += 1) {
    const bytes = Uint8Array.from(seed)
    for (let changes = next(4) + 1; changes > 0; changes -= 1) bytes[next(Math.max(bytes.length, 1))] = next(256)
    yield n % 5 === 0 ? bytes.subarray(0, next(bytes.length + 1)) : bytes
  }
}

for (const target of fuzzTargets) {
  test(`${target.name}: any bytes are read or refused`, () => {
    for (const seed of target.seeds) {
      target.run(seed)
      for (const bytes of mutated(seed, 400)) target.run(bytes)
    }
  })
}
