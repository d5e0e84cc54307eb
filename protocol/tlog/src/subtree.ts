/**
 * Complete subtrees: those whose leaves are a power of two and begin at a multiple of it. Their hashes never change as the
 * log grows, so they are what is kept; every other hash of RFC 6962 §2.1 is folded from them.
 */

import type { Hash } from './hash.ts'
import { nodeHash } from './hash.ts'
import { TREE_SIZE_MAX } from './limits.ts'

/** The subtree over leaves `[index * 2^level, (index + 1) * 2^level)`; level 0 is a leaf. */
export interface Subtree {
  readonly level: number
  readonly index: number
}

/** Gives the hash of a complete subtree. Throws if it has none: then the caller asked for more than the log holds. */
export type ReadHash = (subtree: Subtree) => Hash

/** A whole number from 0 to `TREE_SIZE_MAX`. */
export function isTreeSize(size: number): boolean {
  return Number.isSafeInteger(size) && size >= 0 && size <= TREE_SIZE_MAX
}

/**
 * The fewest complete subtrees that make up the leaves `[start, end)`, from left to right.
 * @param start a multiple of the largest power of two below `end - start`, as every start in RFC 6962 is.
 */
export function coverOf(start: number, end: number): readonly Subtree[] {
  const cover: Subtree[] = []
  let at = start
  for (let rest = end - start; rest > 0; ) {
    const level = floorLog2(rest)
    const leaves = 2 ** level
    cover.push({ level, index: at / leaves })
    at += leaves
    rest -= leaves
  }
  return cover
}

/** The hash over a cover, folded from the right as RFC 6962 §2.1 splits. @throws TypeError on an empty one. */
export function foldCover(cover: readonly Subtree[], read: ReadHash): Hash {
  const hash = foldHashes(cover.map(read))
  if (hash === undefined) throw new TypeError('a cover of nothing has no hash')
  return hash
}

/** As `foldCover`, of the hashes themselves; `undefined` for none. */
export function foldHashes(hashes: readonly Hash[]): Hash | undefined {
  let folded: Hash | undefined
  for (let at = hashes.length - 1; at >= 0; at -= 1) {
    const left = hashes[at]
    if (left !== undefined) folded = folded === undefined ? left : nodeHash(left, folded)
  }
  return folded
}

/** The largest `n` with `2 ** n <= value`, exact for every safe integer above 0. */
export function floorLog2(value: number): number {
  let level = 0
  let rest = value
  while (rest >= 2 ** 31) {
    rest = Math.floor(rest / 2 ** 31)
    level += 31
  }
  return level + 31 - Math.clz32(rest)
}
