/**
 * Hashes of a Merkle tree: RFC 6962 §2.1, unchanged in RFC 9162 §2.1.1. Leaves and nodes are told apart by their first byte,
 * so that no leaf passes for a node (a second preimage of the root).
 */

import { hash as digest } from 'node:crypto'

/** 32 bytes of SHA-256. Whoever gets one from outside checks with `isHash`. */
export type Hash = Uint8Array

/** Length of a hash, in bytes. */
export const HASH_BYTES = 32

const LEAF = 0
const NODE = 1

/** The root of the tree without leaves: the hash of nothing. */
export function emptyRoot(): Hash {
  return digest('sha256', '', 'buffer')
}

/** `SHA-256(0x00 || data)`: what a leaf is in the tree. */
export function leafHash(data: Uint8Array): Hash {
  const bytes = new Uint8Array(1 + data.length)
  bytes[0] = LEAF
  bytes.set(data, 1)
  return digest('sha256', bytes, 'buffer')
}

/** What `nodeHash` hashes, one at a time: a new array for each node would cost more than its hash. */
const node = new Uint8Array(1 + 2 * HASH_BYTES)
node[0] = NODE

/**
 * `SHA-256(0x01 || left || right)`.
 * @throws TypeError on what is no hash: two of other lengths could spell the same bytes.
 */
export function nodeHash(left: Hash, right: Hash): Hash {
  if (!isHash(left) || !isHash(right)) throw new TypeError('a node is made of two hashes of 32 bytes')
  node.set(left, 1)
  node.set(right, 1 + HASH_BYTES)
  return digest('sha256', node, 'buffer')
}

export function isHash(bytes: Uint8Array): boolean {
  return bytes.length === HASH_BYTES
}

/** For public values: takes no care of time. */
export function isSameHash(left: Hash, right: Hash): boolean {
  if (left.length !== right.length) return false
  for (let at = 0; at < left.length; at += 1) if (left[at] !== right[at]) return false
  return true
}
