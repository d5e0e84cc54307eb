import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import { Frontier, type Hash, isHash, leafHash, verifyConsistency, verifyInclusion } from './index.ts'
import { MemoryLog } from './testing/memory-log.ts'

interface TreeVectors {
  readonly leaves: readonly string[]
  readonly roots: readonly string[]
  readonly inclusions: readonly { readonly index: number; readonly size: number; readonly proof: readonly string[] }[]
  readonly consistencies: readonly {
    readonly oldSize: number
    readonly size: number
    readonly proof: readonly string[]
  }[]
}

const { tree } = JSON.parse(readFileSync(new URL('../../../testing/vectors/tlog.json', import.meta.url), 'utf8')) as {
  readonly tree: TreeVectors
}

const SIZE_MAX = 300
const log = new MemoryLog('log.example')
for (let at = 0; at < SIZE_MAX; at += 1) log.append(`entry ${at}`)

const hex = (hash: Uint8Array): string => Buffer.from(hash).toString('hex')
const unhex = (text: string | undefined): Uint8Array => Uint8Array.from(Buffer.from(text ?? '', 'hex'))

function flipped(hash: Hash, bit: number): Hash {
  const bytes = Uint8Array.from(hash)
  const at = bit >> 3
  bytes[at] = (bytes[at] ?? 0) ^ (1 << (bit & 7))
  return bytes
}

test('the tree of Certificate Transparency: roots and proofs as published', () => {
  const known = new MemoryLog('known.example')
  const frontier = Frontier.empty()
  assert.equal(hex(frontier.root()), tree.roots[0])
  tree.leaves.forEach((leaf, at) => {
    frontier.append(leafHash(unhex(leaf)))
    known.append(new TextDecoder().decode(unhex(leaf)))
    assert.equal(hex(frontier.root()), tree.roots[at + 1])
    assert.equal(hex(known.root()), tree.roots[at + 1])
  })
  for (const { index, size, proof } of tree.inclusions) {
    assert.deepEqual(known.inclusion(index, size).map(hex), proof)
    const claim = { leaf: leafHash(unhex(tree.leaves[index])), index, size, root: unhex(tree.roots[size]) }
    assert.ok(verifyInclusion({ ...claim, proof: proof.map(unhex) }))
  }
  for (const { oldSize, size, proof } of tree.consistencies) {
    assert.deepEqual(known.consistency(oldSize, size).map(hex), proof)
    const claim = { oldSize, oldRoot: unhex(tree.roots[oldSize]), size, root: unhex(tree.roots[size]) }
    assert.ok(verifyConsistency({ ...claim, proof: proof.map(unhex) }))
  }
})

test('every leaf of every tree up to 300 leaves is proven, and at no other index', () => {
  for (let size = 1; size <= SIZE_MAX; size += 1) {
    const root = log.root(size)
    for (let index = 0; index < size; index += 1) {
      const claim = { leaf: log.leaf(index), index, size, root, proof: log.inclusion(index, size) }
      assert.ok(verifyInclusion(claim), `${index} of ${size}`)
      assert.ok(!verifyInclusion({ ...claim, index: (index + 1) % (size + 1) }) || size === 1, `${index} of ${size}`)
    }
  }
})

test('every two sizes up to 300 are consistent by their proof', () => {
  for (let size = 0; size <= SIZE_MAX; size += 1) {
    const root = log.root(size)
    for (let oldSize = 0; oldSize <= size; oldSize += 1) {
      const claim = { oldSize, oldRoot: log.root(oldSize), size, root, proof: log.consistency(oldSize, size) }
      assert.ok(verifyConsistency(claim), `${oldSize} to ${size}`)
    }
  }
})

test('a proof of inclusion with any one bit changed proves nothing', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: SIZE_MAX }), fc.nat(), fc.nat(), fc.nat({ max: 255 }), (size, i, p, bit) => {
      const index = i % size
      const proof = log.inclusion(index, size)
      const claim = { leaf: log.leaf(index), index, size, root: log.root(size), proof }
      const at = p % (proof.length + 2)
      const changed =
        at === proof.length
          ? { ...claim, leaf: flipped(claim.leaf, bit) }
          : at > proof.length
            ? { ...claim, root: flipped(claim.root, bit) }
            : { ...claim, proof: proof.map((hash, place) => (place === at ? flipped(hash, bit) : hash)) }
      assert.ok(!verifyInclusion(changed))
      assert.ok(!verifyInclusion({ ...claim, proof: [...proof, log.leaf(0)] }))
      assert.ok(proof.length === 0 || !verifyInclusion({ ...claim, proof: proof.slice(1) }))
      assert.ok(proof.length === 0 || !verifyInclusion({ ...claim, proof: proof.slice(0, -1) }))
    }),
    { numRuns: 2_000 },
  )
})

test('a proof of consistency with any one bit changed proves nothing', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: SIZE_MAX }), fc.nat(), fc.nat(), fc.nat({ max: 255 }), (size, o, p, bit) => {
      const oldSize = 1 + (o % size)
      const proof = log.consistency(oldSize, size)
      const claim = { oldSize, oldRoot: log.root(oldSize), size, root: log.root(size), proof }
      const at = p % (proof.length + 2)
      const changed =
        at === proof.length
          ? { ...claim, oldRoot: flipped(claim.oldRoot, bit) }
          : at > proof.length
            ? { ...claim, root: flipped(claim.root, bit) }
            : { ...claim, proof: proof.map((hash, place) => (place === at ? flipped(hash, bit) : hash)) }
      assert.ok(!verifyConsistency(changed))
      assert.ok(!verifyConsistency({ ...claim, proof: [...proof, log.leaf(0)] }))
      assert.ok(proof.length === 0 || !verifyConsistency({ ...claim, proof: proof.slice(0, -1) }))
      assert.ok(oldSize === size || !verifyConsistency({ ...claim, oldSize: size, size: oldSize }))
    }),
    { numRuns: 2_000 },
  )
})

test('proofs of trees beyond 32 bits have their length, and sizes that are no numbers prove nothing', () => {
  const root = log.root(1)
  for (const size of [Number.NaN, -1, 1.5, 2 ** 53, Infinity]) {
    assert.ok(!verifyInclusion({ leaf: root, index: 0, size, root, proof: [] }))
    assert.ok(!verifyConsistency({ oldSize: size, oldRoot: root, size, root, proof: [] }))
    assert.throws(() => log.inclusion(0, size), RangeError)
    assert.throws(() => log.consistency(1, size), RangeError)
  }
  assert.ok(!verifyInclusion({ leaf: root, index: 0, size: 1, root, proof: Array.from({ length: 64 }, () => root) }))
  assert.ok(!verifyInclusion({ leaf: new Uint8Array(31), index: 0, size: 1, root, proof: [] }))
  assert.ok(isHash(root))
})
