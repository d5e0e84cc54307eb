import { test } from 'node:test'
import { fuzzTargets } from './testing/index.ts'

/** Runs of each seed; the fuzzer proper runs for as long as it is told. */
const RUNS = 300

for (const target of fuzzTargets) {
  test(`${target.name}: changed and cut input is read or refused, nothing else`, () => {
    let state = 1
    const random = (below: number): number => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff
      return state % below
    }
    for (const seed of target.seeds) {
      target.run(seed)
      for (let run = 0; run < RUNS; run += 1) {
        const bytes = Uint8Array.from(seed)
        for (let change = 0; change <= random(4); change += 1) bytes[random(bytes.length)] = random(256)
        target.run(random(3) === 0 ? bytes.subarray(0, random(bytes.length)) : bytes)
      }
    }
  })
}
