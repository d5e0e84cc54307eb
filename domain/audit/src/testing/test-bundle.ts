/** A log in memory as a bundle, with hands that alter it. */

import { timestampOf } from '@holdfast/base'
import { type Note, type SignatureLine, type Subtree, formatNote, hashOverTile } from '@holdfast/tlog'
import { MemoryLog } from '@holdfast/tlog/testing'
import { commitTo, encodeBody } from '../body.ts'
import { type BundleContent, type BundleEntry, formatBundleLine, tilesBefore } from '../bundle.ts'
import { encodeLeaf } from '../leaf.ts'

interface Kept {
  readonly index: number
  readonly leaf: string
  readonly body: string
  readonly opening: Uint8Array
  readonly content?: 'shredded' | 'unreadable'
}

export interface TestBundleOptions {
  /** Sizes of the checkpoints that were kept; by default one of all entries. */
  readonly checkpoints?: readonly number[]
  /** Entries from here on are others. */
  readonly rewriteFrom?: number
  /** What was rewritten keeps the checkpoints of what was there. */
  readonly keepsCheckpoints?: boolean
  /** Of the log's key. */
  readonly seed?: number
}

export class TestBundle {
  readonly log: MemoryLog
  readonly #entries: Kept[] = []
  readonly #tiles = new Map<string, Uint8Array>()
  readonly #checkpoints = new Map<number, Note>()
  readonly #size: number

  constructor(size: number, { checkpoints, rewriteFrom, keepsCheckpoints = false, seed = 1 }: TestBundleOptions = {}) {
    this.#size = size
    this.log = new MemoryLog('hub.example/audit', seed)
    const before = new MemoryLog('hub.example/audit', seed)
    for (let index = 0; index < size; index += 1) {
      before.append(entryOf(index, '').leaf)
      const entry = entryOf(index, index >= (rewriteFrom ?? size) ? '-x' : '')
      this.#entries.push(entry)
      this.log.append(entry.leaf)
    }
    for (const at of checkpoints ?? [size]) {
      if (at <= size) this.#checkpoints.set(at, (keepsCheckpoints ? before : this.log).checkpoint(at))
    }
    for (let index = 0; index < size; index += 1) {
      for (const { level, index: at, width } of tilesBefore(index, size)) {
        const hashes = Array.from({ length: width }, (_, n) => this.#hash({ level: level * 8, index: at * 256 + n }))
        this.#tiles.set(`${level}/${at}`, Uint8Array.from(Buffer.concat(hashes)))
      }
    }
  }

  changeEntry(at: number, change: (entry: Kept) => Kept): void {
    const entry = this.#entries.find(({ index }) => index === at)
    if (entry === undefined) throw new TypeError('there is no such entry')
    this.#entries[this.#entries.indexOf(entry)] = change(entry)
  }

  changeTile(level: number, index: number, change: (hashes: Uint8Array) => Uint8Array): void {
    this.#tiles.set(`${level}/${index}`, change(this.#tiles.get(`${level}/${index}`) ?? new Uint8Array()))
  }

  removeEntries(first: number, last: number): void {
    const kept = this.#entries.filter(({ index }) => index < first || index > last)
    this.#entries.splice(0, this.#entries.length, ...kept)
  }

  swapEntries(a: number, b: number): void {
    const [left, right] = [this.#entries[a], this.#entries[b]]
    if (left === undefined || right === undefined) throw new TypeError('there is no such entry')
    this.#entries[a] = { ...right, index: a }
    this.#entries[b] = { ...left, index: b }
  }

  /** Of everything but the checkpoints. */
  truncate(size: number): void {
    this.removeEntries(size, this.#size)
  }

  cosign(sign: (note: Note) => SignatureLine): void {
    for (const [size, note] of this.#checkpoints) {
      const [own] = note.signatures
      if (own !== undefined) this.#checkpoints.set(size, { ...note, signatures: [own, sign(note)] })
    }
  }

  /** What it is made of, as a store has it. */
  parts(): { readonly entries: readonly BundleEntry[]; readonly tiles: ReadonlyMap<string, Uint8Array> } {
    return { entries: this.#entries.map(lineOf), tiles: this.#tiles }
  }

  lines(): readonly string[] {
    const lines = [formatBundleLine({ kind: 'bundle', version: 1, key: this.log.key.toString(), hasBodies: true })]
    const size = Math.max(0, ...this.#entries.map(({ index }) => index + 1))
    const entries = new Map(this.#entries.map((entry) => [entry.index, entry]))
    for (let index = 0; index <= size; index += 1) {
      const note = this.#checkpoints.get(index)
      if (note !== undefined) lines.push(formatBundleLine({ kind: 'checkpoint', note: formatNote(note) }))
      for (const tile of tilesBefore(index, size)) {
        const hashes = this.#tiles.get(`${tile.level}/${tile.index}`)?.slice(0, tile.width * 32)
        if (hashes !== undefined) lines.push(formatBundleLine({ kind: 'tile', ...tile, hashes }))
      }
      const entry = entries.get(index)
      if (entry !== undefined) lines.push(formatBundleLine(lineOf(entry)))
    }
    for (const [at, note] of this.#checkpoints) {
      if (at > size) lines.push(formatBundleLine({ kind: 'checkpoint', note: formatNote(note) }))
    }
    lines.push(formatBundleLine({ kind: 'end', entries: size }))
    return lines
  }

  #hash(subtree: Subtree): Uint8Array {
    if (subtree.level === 0) return this.log.leaf(subtree.index)
    const tile = this.#tiles.get(`${subtree.level / 8 - 1}/${subtree.index}`)
    return tile?.length === 8_192 ? hashOverTile(tile) : this.log.read(subtree)
  }
}

function lineOf({ index, leaf, body, opening, content: kind }: Kept): BundleEntry {
  const content: BundleContent = kind === undefined ? { kind: 'body', body, opening } : { kind }
  return { kind: 'entry', index, leaf, content }
}

function entryOf(index: number, more: string): Kept {
  const opening = new Uint8Array(32).fill(index % 251)
  const body = encodeBody({ subject: `device/pump-${index}${more}`, actor: 'operator/local', detail: { index } })
  const leaf = encodeLeaf({
    index,
    type: 'identity.created',
    version: 1,
    time: timestampOf(1_800_000_000_000 + index),
    commitment: commitTo(body, opening),
  })
  return { index, leaf: Buffer.from(leaf).toString(), body: Buffer.from(body).toString(), opening }
}
