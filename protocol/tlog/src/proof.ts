/**
 * Proofs of inclusion and consistency: RFC 6962 §2.1.1 and §2.1.2. A plan says which subtrees a proof is made of, so that a
 * log with slow storage can fetch their tiles first; `assembleProof` then reads them.
 */

import type { Hash } from './hash.ts'
import type { ReadHash, Subtree } from './subtree.ts'
import { coverOf, floorLog2, foldCover, isTreeSize } from './subtree.ts'

/** For each hash of a proof, in its order, the complete subtrees that it is folded from. */
export type ProofPlan = readonly (readonly Subtree[])[]

/** PATH(index, D[size]). @throws RangeError if the tree has no such leaf. */
export function planInclusion(index: number, size: number): ProofPlan {
  if (!isTreeSize(size) || !isTreeSize(index) || index >= size) throw new RangeError('the tree has no such leaf')
  const plan: (readonly Subtree[])[] = []
  let start = 0
  let end = size
  while (end - start > 1) {
    const middle = start + splitOf(end - start)
    if (index < middle) {
      plan.push(coverOf(middle, end))
      end = middle
    } else {
      plan.push(coverOf(start, middle))
      start = middle
    }
  }
  return plan.reverse()
}

/** PROOF(oldSize, D[size]); empty for an old size of 0 or of `size`. @throws RangeError if the old one is larger. */
export function planConsistency(oldSize: number, size: number): ProofPlan {
  if (!isTreeSize(size) || !isTreeSize(oldSize) || oldSize > size) throw new RangeError('a tree does not shrink')
  if (oldSize === 0 || oldSize === size) return []
  const plan: (readonly Subtree[])[] = []
  let start = 0
  let end = size
  while (end !== oldSize) {
    const middle = start + splitOf(end - start)
    if (oldSize <= middle) {
      plan.push(coverOf(middle, end))
      end = middle
    } else {
      plan.push(coverOf(start, middle))
      start = middle
    }
  }
  // What the old tree is on the right: known to who has its root only if it is the whole of it.
  if (start > 0) plan.push(coverOf(start, end))
  return plan.reverse()
}

/** The proof itself. @throws whatever `read` throws. */
export function assembleProof(plan: ProofPlan, read: ReadHash): readonly Hash[] {
  return plan.map((cover) => foldCover(cover, read))
}

/** Every subtree that a plan reads. */
export function subtreesOf(plan: ProofPlan): readonly Subtree[] {
  return plan.flat()
}

/** RFC 6962 §2.1: the largest power of two that is less than `leaves`. */
function splitOf(leaves: number): number {
  return 2 ** floorLog2(leaves - 1)
}
