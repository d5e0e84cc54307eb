/**
 * What a log must remember to go on: the hashes of the complete subtrees that its leaves make up, from left to right (a
 * compact range that begins at 0). At most 53 hashes, whatever the log's size.
 */

import type { Hash } from './hash.ts'
import { emptyRoot, isHash, nodeHash } from './hash.ts'
import { TREE_SIZE_MAX } from './limits.ts'
import type { ReadHash } from './subtree.ts'
import { coverOf, foldHashes, isTreeSize } from './subtree.ts'

export class Frontier {
  #size: number
  readonly #hashes: Hash[]

  private constructor(size: number, hashes: readonly Hash[]) {
    this.#size = size
    this.#hashes = [...hashes]
  }

  /** Of the tree without leaves. */
  static empty(): Frontier {
    return new Frontier(0, [])
  }

  /**
   * As it was when `hashes` was read.
   * @throws TypeError if there are not as many as the size asks for, or one is no hash.
   */
  static of(size: number, hashes: readonly Hash[]): Frontier {
    if (!isTreeSize(size)) throw new TypeError('a tree has a whole number of leaves')
    if (hashes.length !== coverOf(0, size).length) throw new TypeError('a frontier has a hash for each bit of its size')
    if (!hashes.every(isHash)) throw new TypeError('a frontier is of hashes')
    return new Frontier(size, hashes)
  }

  /** Of the first `size` leaves, from what a log keeps. */
  static read(size: number, read: ReadHash): Frontier {
    return Frontier.of(size, coverOf(0, size).map(read))
  }

  get size(): number {
    return this.#size
  }

  /** From left to right; a copy. */
  get hashes(): readonly Hash[] {
    return [...this.#hashes]
  }

  /** Takes the hash of the next leaf; keeps the array. @throws TypeError if it is no hash, RangeError when full. */
  append(leaf: Hash): void {
    if (!isHash(leaf)) throw new TypeError('a leaf is appended by its hash')
    if (this.#size >= TREE_SIZE_MAX) throw new RangeError('the log is full')
    let hash = leaf
    // Each set bit at the end of the size is a complete subtree on the left, of the same height as what is in hand.
    for (let rest = this.#size; rest % 2 === 1; rest = Math.floor(rest / 2)) {
      const left = this.#hashes.pop()
      if (left === undefined) throw new TypeError('a frontier lost a hash')
      hash = nodeHash(left, hash)
    }
    this.#hashes.push(hash)
    this.#size += 1
  }

  /** The tree's root. */
  root(): Hash {
    return foldHashes(this.#hashes) ?? emptyRoot()
  }

  /** One that goes on by itself: for appends that may yet be undone. */
  clone(): Frontier {
    return new Frontier(this.#size, this.#hashes)
  }
}
