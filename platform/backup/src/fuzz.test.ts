import { test } from 'node:test'
import { fuzzTargets } from './testing/index.ts'

test('any single bit of what fuzzing begins with may be another', () => {
  for (const { seeds, run } of fuzzTargets) {
    for (const seed of seeds) {
      run(seed)
      for (let bit = 0; bit < seed.length * 8; bit += 1) {
        const changed = seed.slice()
        changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
        run(changed)
      }
    }
  }
})
