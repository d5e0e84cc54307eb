/** Ours and the verifier in Python, which share no line of code, find the same first entry in every log that was altered. */

import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { BundleVerifier, type FindingKind } from '@holdfast/audit'
import { TestBundle } from '@holdfast/audit/testing'
import { formatNote, formatTlogProof } from '@holdfast/tlog'
import { requirePython, verifyIndependently } from './independent-verifier.ts'

const skip = requirePython()
const folder = await mkdtemp(join(tmpdir(), 'verifiers-'))
after(() => rm(folder, { recursive: true }))

const flip = (bytes: Uint8Array, at: number): Uint8Array => {
  const copy = Uint8Array.from(bytes)
  copy[at] = (copy[at] ?? 0) ^ 1
  return copy
}

test('the verifier in Python agrees with the vectors of the standards', { skip }, async () => {
  const { good } = await verifyIndependently('vectors', join(import.meta.dirname, '../../vectors/tlog.json'))
  assert.equal(good, true)
})

const CASES: readonly {
  readonly name: string
  readonly make: () => TestBundle
  /** What both must find first. */
  readonly first?: readonly [entry: number, kind: FindingKind]
  readonly checkpoint?: TestBundle
}[] = [
  { name: 'nothing', make: () => new TestBundle(700, { checkpoints: [1, 256, 600, 700] }) },
  {
    name: 'a byte of a body',
    make: () => {
      const bundle = new TestBundle(300)
      bundle.changeEntry(111, (entry) => ({ ...entry, body: entry.body.replace('pump', 'pimp') }))
      return bundle
    },
    first: [111, 'body'],
  },
  {
    name: 'a byte of a leaf',
    make: () => {
      const bundle = new TestBundle(300, { checkpoints: [200, 300] })
      bundle.changeEntry(222, (entry) => ({ ...entry, leaf: entry.leaf.replace('created', 'creates') }))
      return bundle
    },
    first: [222, 'altered'],
  },
  {
    name: 'a byte of a hash in a tile',
    make: () => {
      const bundle = new TestBundle(600)
      bundle.changeTile(0, 1, (hashes) => flip(hashes, 3 * 32))
      return bundle
    },
    first: [259, 'tile'],
  },
  {
    name: 'a byte of a hash in an upper tile',
    make: () => {
      const bundle = new TestBundle(600)
      bundle.changeTile(1, 0, (hashes) => flip(hashes, 33))
      return bundle
    },
    first: [256, 'tile'],
  },
  {
    name: 'an entry is gone',
    make: () => {
      const bundle = new TestBundle(300)
      bundle.removeEntries(7, 9)
      return bundle
    },
    first: [7, 'missing'],
  },
  {
    name: 'two entries are swapped',
    make: () => {
      const bundle = new TestBundle(300)
      bundle.swapEntries(30, 31)
      return bundle
    },
    first: [30, 'reordered'],
  },
  {
    name: 'the end is gone, its checkpoint is not',
    make: () => {
      const bundle = new TestBundle(300)
      bundle.truncate(290)
      return bundle
    },
    first: [290, 'truncated'],
  },
  {
    name: 'the end and its checkpoint are gone, but somebody kept one',
    make: () => new TestBundle(290),
    checkpoint: new TestBundle(300),
    first: [290, 'truncated'],
  },
  {
    name: 'all was rewritten, the checkpoints were not',
    make: () => new TestBundle(600, { checkpoints: [100, 200, 300, 600], rewriteFrom: 222, keepsCheckpoints: true }),
    first: [200, 'rewritten'],
  },
  {
    name: 'all was rewritten and signed anew, but somebody kept a checkpoint',
    make: () => new TestBundle(300, { checkpoints: [], rewriteFrom: 222 }),
    checkpoint: new TestBundle(300),
    first: [0, 'forked'],
  },
]

for (const [at, { name, make, first, checkpoint }] of CASES.entries()) {
  test(`both verifiers find the same: ${name}`, { skip }, async () => {
    const bundle = make()
    const file = join(folder, `${at}.bundle`)
    await writeFile(file, bundle.lines().join(''))
    const args = ['bundle', file, '--key', bundle.log.key.toString()]
    const foreign = []
    if (checkpoint !== undefined) {
      const note = formatNote(checkpoint.log.checkpoint())
      await writeFile(join(folder, `${at}.note`), note)
      args.push('--checkpoint', join(folder, `${at}.note`))
      foreign.push({ source: 'a file', note: Buffer.from(note) })
    }
    const ours = new BundleVerifier({ key: bundle.log.key, foreign })
    for (const line of bundle.lines()) ours.push(line.trimEnd())
    const [found] = ours.end().findings
    const theirs = await verifyIndependently(...args)
    assert.deepEqual(found && [found.first, found.kind], first)
    const [seen] = theirs.findings ?? []
    assert.deepEqual(seen && [seen.first, seen.kind], first)
  })
}

test('a proof that stands by itself holds for both, and not with another entry', { skip }, async () => {
  const bundle = new TestBundle(300)
  const leaf = bundle.parts().entries[42]?.leaf ?? ''
  const file = join(folder, 'entry.tlog-proof')
  const proof = { index: 42, proof: bundle.log.inclusion(42), note: bundle.log.checkpoint(), extra: Buffer.from(leaf) }
  await writeFile(file, formatTlogProof(proof))
  assert.equal((await verifyIndependently('proof', file, '--key', bundle.log.key.toString())).good, true)
  await writeFile(file, formatTlogProof({ ...proof, extra: Buffer.from(leaf.replace('created', 'deleted')) }))
  assert.equal((await verifyIndependently('proof', file, '--key', bundle.log.key.toString())).good, false)
})
