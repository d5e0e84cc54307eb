/** Verifying proofs: RFC 9162 §2.1.3.2 and §2.1.4.2, step by step. Nothing here trusts a length or a number it is given. */

import type { Hash } from './hash.ts'
import { emptyRoot, isHash, isSameHash, nodeHash } from './hash.ts'
import { PROOF_HASHES_MAX } from './limits.ts'
import { isTreeSize } from './subtree.ts'

export interface InclusionClaim {
  /** Hash of the leaf. */
  readonly leaf: Hash
  readonly index: number
  /** Leaves of the tree. */
  readonly size: number
  readonly root: Hash
  readonly proof: readonly Hash[]
}

export interface ConsistencyClaim {
  readonly oldSize: number
  readonly oldRoot: Hash
  readonly size: number
  readonly root: Hash
  readonly proof: readonly Hash[]
}

/** Whether the leaf is in the tree, at its index and no other. */
export function verifyInclusion({ leaf, index, size, root, proof }: InclusionClaim): boolean {
  if (!isHash(leaf) || !isHash(root) || !isProof(proof)) return false
  if (!isTreeSize(index) || !isTreeSize(size) || index >= size) return false
  let at = index
  let last = size - 1
  let hash = leaf
  for (const beside of proof) {
    if (last === 0) return false
    if (at % 2 === 1 || at === last) {
      hash = nodeHash(beside, hash)
      while (at % 2 === 0 && at !== 0) {
        at = half(at)
        last = half(last)
      }
    } else {
      hash = nodeHash(hash, beside)
    }
    at = half(at)
    last = half(last)
  }
  return last === 0 && isSameHash(hash, root)
}

/** Whether the larger tree begins with all leaves of the smaller, in their order. */
export function verifyConsistency({ oldSize, oldRoot, size, root, proof }: ConsistencyClaim): boolean {
  if (!isHash(oldRoot) || !isHash(root) || !isProof(proof)) return false
  if (!isTreeSize(oldSize) || !isTreeSize(size) || oldSize > size) return false
  if (oldSize === 0) return proof.length === 0 && isSameHash(oldRoot, emptyRoot()) && isRootOf(size, root)
  if (oldSize === size) return proof.length === 0 && isSameHash(oldRoot, root)
  let at = oldSize - 1
  let last = size - 1
  while (at % 2 === 1) {
    at = half(at)
    last = half(last)
  }
  // An old tree that is one complete subtree is not told again.
  const [first, ...rest] = at === 0 ? [oldRoot, ...proof] : proof
  if (first === undefined) return false
  let oldHash = first
  let hash = first
  for (const beside of rest) {
    if (last === 0) return false
    if (at % 2 === 1 || at === last) {
      oldHash = nodeHash(beside, oldHash)
      hash = nodeHash(beside, hash)
      while (at % 2 === 0 && at !== 0) {
        at = half(at)
        last = half(last)
      }
    } else {
      hash = nodeHash(hash, beside)
    }
    at = half(at)
    last = half(last)
  }
  return last === 0 && isSameHash(oldHash, oldRoot) && isSameHash(hash, root)
}

/** A tree without leaves has one root; of any other, nothing can be said without its leaves. */
export function isRootOf(size: number, root: Hash): boolean {
  return size > 0 || isSameHash(root, emptyRoot())
}

function isProof(proof: readonly Hash[]): boolean {
  return proof.length <= PROOF_HASHES_MAX && proof.every(isHash)
}

function half(value: number): number {
  return Math.floor(value / 2)
}
