/** The log in `state.db`, as witnesses are shown it. */

import {
  encodeNote,
  type Hash,
  type Note,
  parseNote,
  type ReadHash,
  type SignatureLine,
  assembleProof,
  planConsistency,
  subtreesOf,
} from '@holdfast/tlog'
import type { Signed } from './witness-call.ts'
import type { WitnessedLog } from './witnesses.ts'
import type { AuditStore } from '@holdfast/store'

type Store = Pick<AuditStore, 'auditHead' | 'listAuditCheckpoints' | 'readAuditHashes' | 'cosignAuditCheckpoint'>

export class StoredLog implements WitnessedLog {
  readonly #store: Store
  /** Notes are read, added to and written one after the other: two witnesses may answer at once. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(store: Store) {
    this.#store = store
  }

  async latest(): Promise<Signed | undefined> {
    const { checkpoint } = await this.#store.auditHead()
    if (checkpoint === undefined) return undefined
    // Witnesses verify the log's own signature; those of others tell them nothing.
    const { text, signatures } = noteOf(checkpoint.note)
    return { size: checkpoint.size, note: { text, signatures: signatures.slice(0, 1) } }
  }

  async consistency(oldSize: number, size: number): Promise<readonly Hash[]> {
    const plan = planConsistency(oldSize, size)
    const subtrees = subtreesOf(plan)
    const hashes = subtrees.length === 0 ? [] : await this.#store.readAuditHashes(subtrees)
    const byPlace = new Map(subtrees.map((subtree, at) => [placeOf(subtree), hashes[at]]))
    return assembleProof(plan, (subtree) => {
      const hash = byPlace.get(placeOf(subtree))
      if (hash === undefined) throw new TypeError('the store gave fewer hashes than it was asked for')
      return hash
    })
  }

  keepCosignature(size: number, line: SignatureLine): Promise<void> {
    const turn = this.#turn.then(async () => {
      const [checkpoint] = await this.#store.listAuditCheckpoints({ first: size, last: size })
      // It may have been thinned out meanwhile; the next one is cosigned as well.
      if (checkpoint === undefined) return
      const { text, signatures } = noteOf(checkpoint.note)
      const others = signatures.filter(({ name, keyId }) => name !== line.name || keyId !== line.keyId)
      const note = encodeNote({ text, signatures: [...others, line] })
      await this.#store.cosignAuditCheckpoint(size, Buffer.from(note).toString('utf8'))
    })
    this.#turn = turn.catch(() => undefined)
    return turn
  }
}

function noteOf(note: string): Note {
  return parseNote(Buffer.from(note, 'utf8'))
}

function placeOf({ level, index }: Parameters<ReadHash>[0]): string {
  return `${level}/${index}`
}
