/** A log in memory, for tests: keeps every leaf's hash, answers for every size it ever had. */

import {
  Frontier,
  type Hash,
  type Note,
  type ReadHash,
  type SignBytes,
  VerifierKey,
  assembleProof,
  coverOf,
  emptyRoot,
  foldCover,
  formatCheckpoint,
  leafHash,
  nodeHash,
  planConsistency,
  planInclusion,
  signText,
} from '../index.ts'
import { createPrivateKey, createPublicKey, sign } from 'node:crypto'

/** A key made from one byte, so that runs repeat; known to everybody, good for tests alone. */
export function testKey(
  name: string,
  kind: 'note' | 'cosignature',
  seed: number,
): { key: VerifierKey; sign: SignBytes } {
  const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), Buffer.alloc(32, seed)])
  const secret = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  const spki = createPublicKey(secret).export({ format: 'der', type: 'spki' })
  return {
    key: new VerifierKey({ name, kind, publicKey: spki.subarray(-32) }),
    sign: (message) => sign(null, message, secret),
  }
}

export class MemoryLog {
  readonly key: VerifierKey
  readonly #sign: SignBytes
  readonly #levels: Hash[][] = [[]]
  readonly #frontier = Frontier.empty()

  constructor(name: string, seed = 1) {
    const { key, sign: signBytes } = testKey(name, 'note', seed)
    this.key = key
    this.#sign = signBytes
  }

  get size(): number {
    return this.#frontier.size
  }

  readonly read: ReadHash = ({ level, index }) => {
    const hash = this.#levels[level]?.[index]
    if (hash === undefined) throw new RangeError('the log has no such hash')
    return hash
  }

  append(...entries: readonly string[]): this {
    for (const entry of entries) {
      let hash = leafHash(new TextEncoder().encode(entry))
      this.#frontier.append(hash)
      for (let level = 0; ; level += 1) {
        const hashes = (this.#levels[level] ??= [])
        hashes.push(hash)
        const left = hashes.at(-2)
        if (hashes.length % 2 === 1 || left === undefined) break
        hash = nodeHash(left, hash)
      }
    }
    return this
  }

  root(size = this.size): Hash {
    return size === 0 ? emptyRoot() : foldCover(coverOf(0, size), this.read)
  }

  leaf(index: number): Hash {
    return this.read({ level: 0, index })
  }

  inclusion(index: number, size = this.size): readonly Hash[] {
    return assembleProof(planInclusion(index, size), this.read)
  }

  consistency(oldSize: number, size = this.size): readonly Hash[] {
    return assembleProof(planConsistency(oldSize, size), this.read)
  }

  checkpoint(size = this.size): Note {
    const text = formatCheckpoint({ origin: this.key.name, size, root: this.root(size), extensions: [] })
    return { text, signatures: [signText(text, this.key, this.#sign)] }
  }
}
