import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatNote } from '@holdfast/tlog'
import { TestBundle } from './testing/test-bundle.ts'
import { BundleVerifier } from './verify.ts'
import { type BundleSource, writeBundle } from './write-bundle.ts'

for (const size of [0, 1, 256, 257, 700]) {
  test(`what is written of a log of ${size} entries verifies, and is what the format says`, async () => {
    const sizes = [0, 100, 256, 300, size].filter((one) => one <= size)
    const bundle = new TestBundle(size, { checkpoints: sizes })
    const parts = bundle.parts()
    const source: BundleSource = {
      key: bundle.log.key.toString(),
      size,
      hasBodies: true,
      entries: (first, count) => Promise.resolve(parts.entries.slice(first, first + count)),
      tile: ({ level, index, width }) => Promise.resolve(parts.tiles.get(`${level}/${index}`)?.subarray(0, width * 32)),
      checkpoints: (first, last) =>
        Promise.resolve(
          [...new Set(sizes)]
            .filter((one) => one >= first && one <= last)
            .sort((a, b) => a - b)
            .map((one) => ({ size: one, note: formatNote(bundle.log.checkpoint(one)) })),
        ),
    }
    const lines: string[] = []
    for await (const line of writeBundle(source)) lines.push(line)
    assert.deepEqual(lines, bundle.lines())
    const verifier = new BundleVerifier()
    for (const line of lines) verifier.push(line.trimEnd())
    assert.deepEqual(verifier.end().findings, [])
  })
}
