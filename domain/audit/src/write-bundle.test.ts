import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatNote } from '@holdfast/tlog'
import { TestBundle } from './testing/test-bundle.ts'
import { BundleVerifier } from './verify.ts'
import { type BundleSource, writeBundle } from './write-bundle.ts'

/** @param size of the bundle; the log is as long as `bundle`, and may have grown since. */
function sourceOf(bundle: TestBundle, sizes: readonly number[], size: number): BundleSource {
  const parts = bundle.parts()
  return {
    key: bundle.log.key.toString(),
    size,
    lastCheckpoint: Math.max(-1, ...sizes.filter((one) => one <= size)),
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
}

async function linesOf(source: BundleSource): Promise<string[]> {
  const lines: string[] = []
  for await (const line of writeBundle(source)) lines.push(line)
  return lines
}

function verdictOf(lines: readonly string[]) {
  const verifier = new BundleVerifier()
  for (const line of lines) verifier.push(line.trimEnd())
  return verifier.end()
}

for (const size of [0, 1, 256, 257, 700]) {
  test(`what is written of a log of ${size} entries verifies, and is what the format says`, async () => {
    const sizes = [0, 100, 256, 300, size].filter((one) => one <= size)
    const bundle = new TestBundle(size, { checkpoints: sizes })
    const lines = await linesOf(sourceOf(bundle, sizes, size))
    assert.deepEqual(lines, bundle.lines())
    assert.deepEqual(verdictOf(lines).findings, [])
  })
}

test('a log that goes on while it is written is none that was cut short', async () => {
  const sizes = [100, 200, 201, 300]
  const verdict = verdictOf(await linesOf(sourceOf(new TestBundle(300, { checkpoints: sizes }), sizes, 200)))
  assert.deepEqual([verdict.findings, verdict.entries, verdict.checkpoints], [[], 200, 2])
})
