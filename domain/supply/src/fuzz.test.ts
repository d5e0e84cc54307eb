import { test } from 'node:test'
import fc from 'fast-check'
import { checkLines, fuzzTargets } from './testing/index.ts'

for (const target of fuzzTargets) {
  test(`any bytes are taken or refused, never anything else: ${target.name}`, () => {
    const wounded = fc
      .tuple(fc.constantFrom(...target.seeds), fc.nat(400), fc.nat(255))
      .map(([seed, at, byte]) => Uint8Array.from(seed, (one, index) => (index === at % seed.length ? byte : one)))
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 128 }), wounded), (bytes) => target.run(bytes)),
      { numRuns: 1_000 },
    )
  })
}

test('a file has the same lines however it is cut, and a line without an end is no more memory than a line may be', async () => {
  const byte = fc.oneof(fc.constantFrom(10, 13, 0x7b), fc.nat(255))
  await fc.assert(
    fc.asyncProperty(fc.array(byte, { maxLength: 300 }), fc.array(fc.nat(300), { maxLength: 6 }), async (bytes, cuts) =>
      checkLines(Uint8Array.from(bytes), cuts),
    ),
    { numRuns: 300 },
  )
  await checkLines(Buffer.from(`${'x'.repeat(40_000)}\n{}\n`), [1, 16_384, 16_385, 39_999])
})
