import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { partitionOf } from './partition.ts'

// Computed by an implementation in another language from the description in `partition.ts`.
const VECTORS: readonly (readonly [id: string, of4: number, of32: number])[] = [
  ['', 3, 11],
  ['d', 2, 14],
  ['device-1', 2, 30],
  ['device-2', 3, 3],
  ['Pump.7', 3, 3],
  ['mxchip-az3166', 1, 9],
  ['a'.repeat(128), 3, 11],
  ['ü', 2, 6],
]

describe('partitionOf', () => {
  it('gives every id the same partition for ever', () => {
    for (const [id, four, thirtyTwo] of VECTORS) {
      assert.equal(partitionOf(id, 4), four, id)
      assert.equal(partitionOf(id, 32), thirtyTwo, id)
    }
  })

  it('spreads ids that count up', () => {
    const counts = [0, 0, 0, 0]
    for (let i = 0; i < 4_000; i++) {
      const partition = partitionOf(`device-${i}`, 4)
      counts[partition] = (counts[partition] ?? 0) + 1
    }
    for (const count of counts) assert.ok(count > 850 && count < 1_150, counts.join())
  })

  it('refuses numbers of partitions that no hub has', () => {
    for (const count of [0, -1, 1.5, Number.NaN, 1_025]) assert.throws(() => partitionOf('d', count), TypeError)
  })
})
