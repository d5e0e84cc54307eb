/** What fuzzing needs of this package: each target takes any bytes and throws only when a rule is broken. */

import { timestampOf } from '@holdfast/base'
import {
  type Hash,
  TlogError,
  VerifierKey,
  Witness,
  checkSignatures,
  decodeEntryBundle,
  encodeEntryBundle,
  encodeNote,
  formatAddCheckpoint,
  formatCheckpoint,
  formatNote,
  formatTilePath,
  formatTlogProof,
  openCheckpoint,
  parseAddCheckpoint,
  parseCheckpoint,
  parseNote,
  parseTilePath,
  parseTlogProof,
  verifyConsistency,
  verifyInclusion,
} from '../index.ts'
import { MemoryLog, testKey } from './memory-log.ts'

export interface FuzzTarget {
  readonly name: string
  /** Inputs to start from. */
  readonly seeds: readonly Uint8Array[]
  /** @throws anything at all when a rule is broken; refusals of the input are not thrown. */
  run(bytes: Uint8Array): void
}

const log = new MemoryLog('log.example').append('a', 'b', 'c', 'd', 'e', 'f', 'g')
const note = log.checkpoint()
const request = formatAddCheckpoint({ oldSize: 3, proof: log.consistency(3), note })
const now = timestampOf(1_800_000_000_000)

export const fuzzTargets: readonly FuzzTarget[] = [
  {
    name: 'tlog-note',
    seeds: [encodeNote(note), encodeNote(log.checkpoint(2))],
    run(bytes) {
      const read = unlessRefused(() => parseNote(bytes))
      if (read === undefined) return
      hold(formatNote(read) === text(bytes), 'a note has one text')
      // Whatever is signed by the log was signed by it before.
      const isGood = checkSignatures(read, [log.key]).some((signature) => signature.isGood)
      hold(!isGood || [note.text, log.checkpoint(2).text].includes(read.text), 'nobody signs in the name of the log')
    },
  },
  {
    name: 'tlog-checkpoint',
    seeds: [Buffer.from(note.text), Buffer.from(`${note.text}more\n`)],
    run(bytes) {
      const read = unlessRefused(() => parseCheckpoint(text(bytes)))
      if (read !== undefined) hold(formatCheckpoint(read) === text(bytes), 'a checkpoint has one text')
    },
  },
  {
    name: 'tlog-key',
    seeds: [Buffer.from(log.key.toString()), Buffer.from(testKey('w.example', 'cosignature', 2).key.toString())],
    run(bytes) {
      const read = unlessRefused(() => VerifierKey.parse(text(bytes)))
      if (read !== undefined) hold(read.toString() === text(bytes), 'a key has one text')
    },
  },
  {
    name: 'tlog-tile-path',
    seeds: ['tile/0/x001/x234/067', 'tile/2/005.p/17', 'tile/entries/x001/000.p/255'].map((path) => Buffer.from(path)),
    run(bytes) {
      const read = parseTilePath(text(bytes))
      if (read !== undefined) hold(formatTilePath(read) === text(bytes), 'a tile has one path')
    },
  },
  {
    name: 'tlog-entries',
    seeds: [encodeEntryBundle([Buffer.from('a'), Buffer.from(''), Buffer.from('ccc')])],
    run(bytes) {
      const read = unlessRefused(() => decodeEntryBundle(bytes))
      if (read !== undefined) hold(Buffer.from(encodeEntryBundle(read)).equals(bytes), 'a bundle has one form')
    },
  },
  {
    // A number of leaves, an index, and hashes: what proves something is what the log itself proves.
    name: 'tlog-proof-hashes',
    seeds: [
      proofBytes(7, 2, log.inclusion(2)),
      proofBytes(7, 3, log.consistency(3)),
      proofBytes(1, 0, []),
      proofBytes(6, 4, log.consistency(4, 6)),
    ],
    run(bytes) {
      const size = bytes[0] ?? 0
      const other = bytes[1] ?? 0
      const proof = hashesOf(bytes.subarray(2))
      const root = log.root()
      if (verifyInclusion({ leaf: log.leaf(other % 7), index: other, size, root, proof })) {
        // The size alone is vouched for by whoever signed it: paths of equal shape fit several.
        hold(other < 7 && isSame(proof, log.inclusion(other)), 'a leaf has one proof in a tree')
      }
      if (other > 7 || !verifyConsistency({ oldSize: other, oldRoot: log.root(other), size, root, proof })) return
      hold(other === 0 || isSame(proof, log.consistency(other)), 'two trees have one proof')
    },
  },
  {
    name: 'tlog-proof',
    seeds: [
      Buffer.from(formatTlogProof({ index: 2, proof: log.inclusion(2), note })),
      Buffer.from(formatTlogProof({ index: 0, proof: log.inclusion(0), note, extra: Buffer.from('a') })),
    ],
    run(bytes) {
      const read = unlessRefused(() => parseTlogProof(bytes))
      if (read !== undefined) hold(formatTlogProof(read) === text(bytes), 'a proof has one text')
    },
  },
  {
    name: 'tlog-witness-request',
    seeds: [Buffer.from(request), Buffer.from(formatAddCheckpoint({ oldSize: 0, proof: [], note: log.checkpoint(3) }))],
    run(bytes) {
      const read = unlessRefused(() => parseAddCheckpoint(bytes))
      if (read !== undefined) hold(formatAddCheckpoint(read) === text(bytes), 'a request has one text')
      const { key, sign } = testKey('witness.example', 'cosignature', 2)
      const witness = new Witness(key, sign)
      witness.addLog(log.key)
      for (const output of witness.handle({ kind: 'add-checkpoint', id: 1, body: bytes, now })) {
        if (output.kind !== 'persist') continue
        const opened = openCheckpoint(encodeNote(output.note), { log: log.key, witnesses: [key] })
        hold(Buffer.from(opened.root).equals(log.root(opened.size)), 'a witness cosigns what the log signed')
      }
    },
  },
]

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('utf8')
}

function proofBytes(size: number, other: number, proof: readonly Hash[]): Uint8Array {
  return Buffer.concat([Uint8Array.of(size, other), ...proof])
}

function hashesOf(bytes: Uint8Array): readonly Hash[] {
  return Array.from({ length: Math.ceil(bytes.length / 32) }, (_, at) => bytes.subarray(at * 32, (at + 1) * 32))
}

function isSame(left: readonly Hash[], right: readonly Hash[]): boolean {
  return Buffer.concat(left).equals(Buffer.concat(right))
}

function hold(rule: boolean, what: string): void {
  if (!rule) throw new Error(what)
}

function unlessRefused<T>(run: () => T): T | undefined {
  try {
    return run()
  } catch (error) {
    if (error instanceof TlogError) return undefined
    throw error
  }
}
