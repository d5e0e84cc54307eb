import { test } from 'node:test'
import { fuzzTargets } from './testing/index.ts'

for (const { name, seeds, run } of fuzzTargets) {
  test(`${name}: whatever is changed, cut or doubled in what is good breaks nothing`, () => {
    for (const seed of seeds) {
      for (let at = 0; at <= seed.length; at += 1) {
        run(seed.subarray(0, at))
        run(Buffer.concat([seed.subarray(0, at), seed]))
        for (const byte of [0, 0x22, 0x2d, 0x3b, 0x5c, 0x7f, 0xff]) {
          const changed = Buffer.from(seed)
          changed[at] = byte
          run(changed)
        }
      }
    }
  })
}
