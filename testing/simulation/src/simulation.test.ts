import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { simulate } from './simulation.ts'

/** Wall-clock milliseconds for the short form; `npm run simulate` is the long one. */
const BUDGET_MS = 8_000
const SEEDS_MAX = 60

describe('a hub among losses, delays, crashes and cut-offs', () => {
  it('keeps its promises, whatever the seed', () => {
    const until = Date.now() + BUDGET_MS
    let crashes = 0
    let cutOffs = 0
    let durable = 0
    for (let seed = 1; seed <= SEEDS_MAX && Date.now() < until; seed++) {
      try {
        const report = simulate(seed)
        crashes += report.crashes
        cutOffs += report.cutOffs
        durable += report.durable
      } catch (error) {
        throw new Error(`seed ${seed} failed; npm run simulate -- --seeds 1 --from ${seed}`, { cause: error })
      }
    }
    // A simulation in which nothing happens shows nothing.
    assert.ok(crashes > 0 && cutOffs > 0 && durable > 1_000, JSON.stringify({ crashes, cutOffs, durable }))
  })

  it('is the same run for the same seed', () => {
    assert.deepEqual(simulate(7), simulate(7))
  })
})
