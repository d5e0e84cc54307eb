import { test } from 'node:test'
import { fuzzTargets } from './testing/index.ts'

for (const { name, seeds, run } of fuzzTargets) {
  test(`${name}: seeds, their beginnings, and each with one byte changed`, () => {
    for (const seed of seeds) {
      run(seed)
      for (let length = 0; length < seed.length; length += 1) run(seed.subarray(0, length))
      for (let at = 0; at < seed.length; at += 1) {
        for (const value of [0, 1, 0x40, 0x45, 0x7f, 0x80, 0xc0, 0xd0, 0xe0, 0xf0, 0xff]) {
          const changed = Uint8Array.from(seed)
          changed[at] = value
          run(changed)
        }
      }
    }
  })
}
