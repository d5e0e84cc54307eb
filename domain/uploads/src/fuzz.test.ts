import { test } from 'node:test'
import fc from 'fast-check'
import { fuzzTargets } from './testing/index.ts'

for (const target of fuzzTargets) {
  test(`any bytes are taken or refused, never anything else: ${target.name}`, () => {
    const wounded = fc
      .tuple(fc.constantFrom(...target.seeds), fc.nat(400), fc.uint8Array({ maxLength: 4 }), fc.nat(4))
      .map(([seed, at, bytes, cut]) => {
        const place = at % (seed.length + 1)
        return new Uint8Array(Buffer.concat([seed.subarray(0, place), bytes, seed.subarray(place + cut)]))
      })
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 128 }), wounded), (bytes) => target.run(bytes)),
      { numRuns: 500 },
    )
  })
}
