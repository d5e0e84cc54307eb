import { test } from 'node:test'
import fc from 'fast-check'
import { bootTargets, identityTargets } from './testing/index.ts'

/** A seed with a few bytes set, cut or repeated. */
function wounded(seeds: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> {
  const wound = fc.record({ at: fc.nat(400), byte: fc.nat(255), kind: fc.constantFrom('set', 'insert', 'cut') })
  return fc.tuple(fc.constantFrom(...seeds), fc.array(wound, { maxLength: 4 })).map(([seed, wounds]) => {
    let bytes = [...seed]
    for (const { at, byte, kind } of wounds) {
      const place = at % (bytes.length + 1)
      if (kind === 'set') bytes[place] = byte
      else if (kind === 'insert') bytes.splice(place, 0, byte)
      else bytes = bytes.slice(0, place)
    }
    return Uint8Array.from(bytes)
  })
}

for (const target of [...identityTargets, ...bootTargets]) {
  test(`any bytes are taken or refused, never anything else: ${target.name}`, () => {
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 128 }), wounded(target.seeds)), (bytes) => target.run(bytes)),
      { numRuns: 500 },
    )
  })
}
