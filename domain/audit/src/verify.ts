/**
 * Verifies a bundle line by line, trusting nothing of it but what the log's key signed. Whatever is changed, taken away or
 * moved contradicts something: a body its leaf, a leaf its place or its hash in a tile, a tile the one above, the root a
 * checkpoint that was signed; a log that was rewritten whole contradicts a checkpoint that somebody else kept.
 */

import type { Timestamp } from '@holdfast/base'
import {
  type CheckedSignature,
  type Hash,
  type Note,
  type SignedCheckpoint,
  TlogError,
  VerifierKey,
  checkSignatures,
  encodeBase64,
  isSameHash,
  leafHash,
  openCheckpoint,
  parseCheckpoint,
  parseNote,
} from '@holdfast/tlog'
import { isCommitted } from './body.ts'
import type { BundleCheckpoint, BundleEntry, BundleHeader, BundleTile } from './bundle.ts'
import { parseBundleLine } from './bundle.ts'
import { decodeLeaf, encodeLeaf, type Leaf } from './leaf.ts'
import type { Finding } from './verify-finding.ts'
import { type RootVerdict, TwoTrees } from './verify-tree.ts'

/** Findings that are kept and told; more are counted. A log that was changed throughout has one for each entry. */
export const FINDINGS_MAX = 100

/** Checkpoints from elsewhere that one verification compares with. */
export const FOREIGN_CHECKPOINTS_MAX = 1_000

/** Tiles that contradict the one above, held until it is known whether an entry explains them. */
const TILES_IN_DOUBT_MAX = 64

/** A checkpoint that somebody else kept. */
export interface ForeignCheckpoint {
  /** Whose, as findings name it, e.g. `the file march.txt`, `witness w1`. */
  readonly source: string
  /** The signed note. */
  readonly note: Uint8Array
}

export interface VerifyOptions {
  /** The log's. Without it, the bundle is believed when it says its own. */
  readonly key?: VerifierKey
  /** Of witnesses whose cosignatures count. */
  readonly witnesses?: readonly VerifierKey[]
  readonly foreign?: readonly ForeignCheckpoint[]
  /** Told of each entry whose leaf can be read, with its body if it is there and is what the leaf commits to. */
  readonly onEntry?: (leaf: Leaf, body: string | undefined) => void
}

export interface CosignedBy {
  readonly witness: string
  /** Entries that the last checkpoint had which it cosigned. */
  readonly size: number
  readonly at: Timestamp
}

export interface Verdict {
  readonly isGood: boolean
  /** Name of the log; undefined if the bundle has no beginning. */
  readonly origin: string | undefined
  /** As vkey. */
  readonly key: string | undefined
  readonly entries: number
  /** Of them, those that the last checkpoint signs for which holds. */
  readonly signedEntries: number
  /** Base64 of the root of that checkpoint. */
  readonly root: string | undefined
  readonly checkpoints: number
  readonly cosignatures: readonly CosignedBy[]
  readonly bodies: { readonly checked: number; readonly shredded: number; readonly withheld: number }
  /** By entry, the first first; those about none in particular before them. */
  readonly findings: readonly Finding[]
  /** Of all, also of those beyond `FINDINGS_MAX`. */
  readonly findingCount: number
}

/** An entry whose tile has another hash. */
interface Doubt {
  readonly leaf: Leaf
  readonly kept: Hash | undefined
  /** What is wrong with its body. */
  readonly body: Finding | undefined
}

interface Foreign {
  readonly source: string
  readonly checkpoint: SignedCheckpoint
}

export class BundleVerifier {
  readonly #options: VerifyOptions
  readonly #trees = new TwoTrees()
  readonly #findings: Finding[] = []
  #findingCount = 0
  #header: BundleHeader | undefined
  #key: VerifierKey | undefined
  #foreign: readonly Foreign[] = []
  #foreignGood = 0
  #foreignNext = 0
  /** Entries whose hash is another in their tile, until a signed root tells which was altered. */
  #doubtful: Doubt[] = []
  #doubtfulCount = 0
  readonly #doubtfulTiles: Finding[] = []
  #signed: SignedCheckpoint | undefined
  #checkpoints = 0
  #missingFrom: number | undefined
  #isOff = false
  #ahead: number | undefined
  #end: number | undefined
  readonly #cosigned = new Map<string, CosignedBy>()
  readonly #bodies = { checked: 0, shredded: 0, withheld: 0 }

  constructor(options: VerifyOptions = {}) {
    if ((options.foreign ?? []).length > FOREIGN_CHECKPOINTS_MAX) {
      throw new TypeError(`at most ${FOREIGN_CHECKPOINTS_MAX} checkpoints are compared with`)
    }
    this.#options = options
  }

  /** Entries that were read so far. */
  get entries(): number {
    return this.#trees.size
  }

  /** Takes the next line, without its newline. Empty lines say nothing. */
  push(text: string): void {
    if (text === '') return
    const line = parseBundleLine(text)
    if (line === undefined) {
      this.#find({ kind: 'malformed', reason: `a line after entry ${this.entries - 1} is no line of a bundle` })
      return
    }
    if (line.kind === 'bundle') return this.#onHeader(line)
    if (this.#header === undefined) {
      if (this.#findingCount === 0) this.#find({ kind: 'malformed', reason: 'the bundle has no beginning' })
      return
    }
    if (this.#end !== undefined) {
      this.#find({ kind: 'malformed', reason: 'something stands after the end of the bundle' })
      return
    }
    switch (line.kind) {
      case 'tile':
        return this.#onTile(line)
      case 'entry':
        return this.#onEntry(line)
      case 'checkpoint':
        return this.#onCheckpoint(line)
      case 'end':
        this.#end = line.entries
    }
  }

  /** What came of it. Nothing is pushed afterwards. */
  end(): Verdict {
    this.#settle(undefined)
    // Tiles may have been passed on after the last entry.
    const size = this.#missingFrom ?? this.entries
    if (this.#header === undefined) this.#find({ kind: 'malformed', reason: 'there is no bundle in it' })
    else if (this.#end === undefined)
      this.#find({ kind: 'malformed', reason: 'the bundle was broken off: it has no end' })
    const ahead = this.#ahead ?? 0
    if (ahead > size) {
      const reason = `a checkpoint that the log kept is signed for ${ahead} entries`
      this.#find({ kind: 'truncated', first: size, last: ahead - 1, reason })
    } else if (this.#end !== undefined && this.#end > size) {
      this.#find({ kind: 'missing', first: size, last: this.#end - 1, reason: `the log says that it has ${this.#end}` })
    }
    for (const { source, checkpoint } of this.#foreign) {
      if (checkpoint.size <= size) continue
      const reason = `the checkpoint of ${source} is signed for ${checkpoint.size} entries`
      this.#find({ kind: 'truncated', first: size, last: checkpoint.size - 1, reason })
    }
    const findings = this.#findings.toSorted((a, b) => (a.first ?? -1) - (b.first ?? -1))
    return {
      isGood: this.#findingCount === 0,
      origin: this.#key?.name,
      key: this.#key?.toString(),
      entries: size,
      signedEntries: this.#signed?.size ?? 0,
      root: this.#signed === undefined ? undefined : encodeBase64(this.#signed.root),
      checkpoints: this.#checkpoints,
      cosignatures: [...this.#cosigned.values()],
      bodies: { ...this.#bodies },
      findings,
      findingCount: this.#findingCount,
    }
  }

  #onHeader(header: BundleHeader): void {
    if (this.#header !== undefined || this.entries > 0) {
      this.#find({ kind: 'malformed', reason: 'the bundle begins twice' })
      return
    }
    this.#header = header
    let own: VerifierKey | undefined
    try {
      own = VerifierKey.parse(header.key)
    } catch (error) {
      if (!(error instanceof TlogError)) throw error
    }
    const given = this.#options.key
    if (own === undefined || (given !== undefined && !given.isSameAs(own))) {
      const expected = given === undefined ? '' : `, not ${given.toString()}`
      this.#find({ kind: 'key', reason: `the log says that its key is ${header.key.slice(0, 300)}${expected}` })
    }
    this.#key = given ?? own
    this.#foreign = this.#openForeign()
    this.#compareForeign()
  }

  #openForeign(): readonly Foreign[] {
    const log = this.#key
    if (log === undefined) return []
    const opened: Foreign[] = []
    for (const { source, note } of this.#options.foreign ?? []) {
      try {
        const checkpoint = openCheckpoint(note, { log, witnesses: this.#options.witnesses ?? [] })
        if (checkpoint.origin !== log.name) throw new TlogError('bad-checkpoint', 'it is of another log')
        this.#noteCosignatures(checkpoint.size, checkpoint.signatures)
        opened.push({ source, checkpoint })
      } catch (error) {
        if (!(error instanceof TlogError)) throw error
        this.#find({
          kind: 'signature',
          reason: `the checkpoint of ${source} is not one of this log: ${error.message}`,
        })
      }
    }
    opened.sort((a, b) => a.checkpoint.size - b.checkpoint.size)
    for (const [at, { source, checkpoint }] of opened.entries()) {
      const before = opened[at - 1]
      if (before?.checkpoint.size !== checkpoint.size || isSameHash(before.checkpoint.root, checkpoint.root)) continue
      this.#find({
        kind: 'forked',
        reason: `the log signed two histories of ${checkpoint.size} entries: one for ${before.source}, another for ${source}`,
      })
    }
    return opened
  }

  #onTile({ level, index, width, hashes }: BundleTile): void {
    const start = index * 256 ** (level + 1)
    if (level > 6 || !Number.isSafeInteger(start) || start < this.entries) {
      this.#find({ kind: 'malformed', reason: `tile ${index} of level ${level} stands at a wrong place` })
      return
    }
    this.#skipTo(start)
    const reason = this.#trees.openTile({ level, index, width }, hashes)
    if (reason === undefined) return
    this.#doubtfulTiles.push({ kind: 'tile', first: start, last: start + 256 ** (level + 1) - 1, reason })
    if (this.#doubtfulTiles.length > TILES_IN_DOUBT_MAX) this.#settleTiles()
  }

  #onEntry(entry: BundleEntry): void {
    const { index, leaf: text, content } = entry
    const expected = this.entries
    if (index < expected) {
      const reason = `it comes again, or too late: entry ${expected} is what should follow`
      this.#find({ kind: 'reordered', first: index, reason })
      return
    }
    this.#skipTo(index)
    this.#tellMissing(index)
    const bytes = Buffer.from(text, 'utf8')
    const leaf = decodeLeaf(bytes)
    const inTile = this.#trees.append(leafHash(bytes))
    if (leaf === undefined) {
      this.#find({ kind: 'altered', first: index, reason: 'its leaf is no leaf' })
    } else if (leaf.index !== index) {
      this.#find({ kind: 'reordered', first: index, reason: `what stands there says that it is entry ${leaf.index}` })
    } else {
      if (inTile === 'no-tile') this.#find({ kind: 'tile', first: index, reason: 'its tile is missing' })
      const body = this.#checkContent(leaf, content)
      // Of an entry that was altered or moved, its body says no more.
      if (inTile === 'other') this.#doubt({ leaf, kept: this.#trees.lastKept, body })
      else if (body !== undefined) this.#find(body)
      this.#options.onEntry?.(leaf, body === undefined && content.kind === 'body' ? content.body : undefined)
    }
    this.#compareForeign()
  }

  /** What is wrong with it, if anything is. */
  #checkContent(leaf: Leaf, content: BundleEntry['content']): Finding | undefined {
    const wrong = (reason: string): Finding => ({ kind: 'body', first: leaf.index, reason })
    switch (content.kind) {
      case 'shredded':
        this.#bodies.shredded += 1
        return undefined
      case 'withheld':
        this.#bodies.withheld += 1
        return this.#header?.hasBodies === true
          ? wrong('it was left out of a bundle that is said to have all')
          : undefined
      case 'unreadable':
        return wrong('what is stored does not open any more')
      case 'body':
        this.#bodies.checked += 1
        return isCommitted(leaf.commitment, Buffer.from(content.body, 'utf8'), content.opening)
          ? undefined
          : wrong('it is not the body that its leaf commits to')
    }
  }

  #onCheckpoint({ note: text }: BundleCheckpoint): void {
    const key = this.#key
    if (key === undefined) return
    this.#checkpoints += 1
    const bytes = Buffer.from(text, 'utf8')
    let checkpoint: SignedCheckpoint
    try {
      checkpoint = openCheckpoint(bytes, { log: key })
      if (checkpoint.origin !== key.name) throw new TlogError('bad-checkpoint', 'it is of another log')
    } catch (error) {
      if (!(error instanceof TlogError)) throw error
      const reason = `the checkpoint${sizeText(bytes)} that the log kept does not hold: ${error.message}`
      this.#find({ kind: 'signature', reason })
      return
    }
    const { size } = this.#trees
    if (checkpoint.size > size) this.#ahead = Math.max(this.#ahead ?? 0, checkpoint.size)
    else if (checkpoint.size < size) {
      this.#find({ kind: 'malformed', reason: `the checkpoint of ${checkpoint.size} entries stands too late` })
    } else if (this.#trees.isLost) return
    else {
      const verdict = this.#trees.compare(checkpoint.root)
      this.#settle(verdict === 'lost' ? undefined : verdict)
      if (verdict === 'neither') this.#onWrongRoot(checkpoint)
      else {
        this.#isOff = false
        this.#signed = checkpoint
        this.#checkCosignatures(checkpoint.note, checkpoint.size)
      }
    }
  }

  /** All that is kept fits together, and not to what was signed. Later checkpoints differ for the same reason. */
  #onWrongRoot({ size }: SignedCheckpoint): void {
    const first = this.#signed?.size ?? 0
    const isExplained = this.#findings.some((finding) => finding.first !== undefined && finding.first >= first)
    if (this.#isOff || isExplained) return
    this.#isOff = true
    const agreed = first === 0 ? '' : `, and of ${first} entries it is right`
    const reason = `the root over ${size} entries is not what the checkpoint of ${size} was signed for${agreed}`
    this.#find({ kind: 'rewritten', first, last: Math.max(first, size - 1), reason })
  }

  #checkCosignatures(note: Note, size: number): void {
    const checked = checkSignatures(note, this.#options.witnesses ?? [])
    for (const { key, isGood } of checked) {
      if (isGood) continue
      this.#find({ kind: 'cosignature', reason: `the cosignature of ${key.name} for ${size} entries does not hold` })
    }
    this.#noteCosignatures(size, checked)
  }

  #noteCosignatures(size: number, signatures: readonly CheckedSignature[]): void {
    for (const { key, isGood, at } of signatures) {
      if (!isGood || at === undefined) continue
      const known = this.#cosigned.get(key.name)
      if (known === undefined || known.size < size || (known.size === size && known.at < at)) {
        this.#cosigned.set(key.name, { witness: key.name, size, at })
      }
    }
  }

  /** Compares with every checkpoint from elsewhere that is of just so many entries. */
  #compareForeign(): void {
    for (; ; this.#foreignNext += 1) {
      const next = this.#foreign[this.#foreignNext]
      if (next === undefined || next.checkpoint.size > this.entries) return
      const { source, checkpoint } = next
      // Passed over with missing entries, which were found already.
      if (checkpoint.size < this.entries || this.#trees.isLost) continue
      const verdict = this.#trees.compare(checkpoint.root)
      this.#settle(verdict === 'lost' ? undefined : verdict)
      if (verdict !== 'neither') {
        this.#foreignGood = checkpoint.size
        continue
      }
      const first = this.#foreignGood
      const reason = `the checkpoint of ${source}, signed by this log for ${checkpoint.size} entries, has another root`
      this.#find({ kind: 'forked', first, last: Math.max(first, checkpoint.size - 1), reason })
    }
  }

  #skipTo(index: number): void {
    if (index <= this.entries) return
    this.#missingFrom ??= this.entries
    this.#trees.skipTo(index)
  }

  /** Entries that were passed over, once it is known which follows on them. */
  #tellMissing(index: number): void {
    const first = this.#missingFrom
    if (first === undefined) return
    this.#missingFrom = undefined
    const after = first === 0 ? 'the beginning' : `entry ${first - 1}`
    this.#find({ kind: 'missing', first, last: index - 1, reason: `entry ${index} follows on ${after}` })
  }

  #doubt(doubt: Doubt): void {
    this.#doubtfulCount += 1
    if (this.#doubtful.length < FINDINGS_MAX) this.#doubtful.push(doubt)
  }

  /** What a root tells of entries whose hash is another in their tile; `undefined`: there was none. */
  #settle(verdict: RootVerdict | undefined): void {
    this.#settleTiles()
    const doubtful = this.#doubtful
    const more = this.#doubtfulCount - doubtful.length
    this.#doubtful = []
    this.#doubtfulCount = 0
    for (const doubt of doubtful) {
      const first = doubt.leaf.index
      const origin = originOf(doubt, doubtful)
      if (origin !== undefined) {
        this.#find({ kind: 'reordered', first, reason: `what stands there is entry ${origin}` })
      } else if (verdict === 'entries') {
        this.#find({
          kind: 'tile',
          first,
          reason: 'its tile has another hash, and the signed root has that of the entry',
        })
        if (doubt.body !== undefined) this.#find(doubt.body)
      } else {
        const signed = verdict === 'tiles' ? ', which is what was signed' : ''
        this.#find({ kind: 'altered', first, reason: `its hash is not the one in its tile${signed}` })
      }
    }
    this.#findingCount += more
  }

  /** A tile that contradicts the one above it says little where an entry contradicts the tile: that is told instead. */
  #settleTiles(): void {
    for (const finding of this.#doubtfulTiles.splice(0)) {
      const { first = 0, last = 0 } = finding
      const isExplained = this.#doubtful.some(({ leaf }) => leaf.index >= first && leaf.index <= last)
      if (!isExplained) this.#find(finding)
    }
  }

  #find(finding: Finding): void {
    this.#findingCount += 1
    if (this.#findings.length < FINDINGS_MAX) this.#findings.push(finding)
  }
}

/** Where an entry was taken from: with the index of another, it has the hash that the log kept for that one. */
function originOf({ leaf, kept }: Doubt, others: readonly Doubt[]): number | undefined {
  for (const other of others) {
    const { index } = other.leaf
    if (index === leaf.index) continue
    const hash = leafHash(encodeLeaf({ ...leaf, index }))
    if ([kept, other.kept].some((one) => one !== undefined && isSameHash(one, hash))) return index
  }
  return undefined
}

function sizeText(note: Uint8Array): string {
  try {
    return ` of ${parseCheckpoint(parseNote(note).text).size} entries`
  } catch {
    return ''
  }
}
