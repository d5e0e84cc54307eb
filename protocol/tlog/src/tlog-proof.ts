/** Proofs that stand by themselves: C2SP tlog-proof. A checkpoint, an index, the path from the entry to the root. */

import { TlogError } from './errors.ts'
import type { Hash } from './hash.ts'
import { PROOF_HASHES_MAX, TLOG_PROOF_BYTES_MAX } from './limits.ts'
import type { Note } from './note.ts'
import { formatNote, parseNote } from './note.ts'
import { decodeBase64, decodeHash, decodeText, encodeBase64, encodeText, parseDecimal } from './text.ts'

export interface TlogProof {
  readonly index: number
  readonly proof: readonly Hash[]
  /** The checkpoint; unverified. */
  readonly note: Note
  /** Vouched for by nobody: we put the entry here, whose hash then proves it. */
  readonly extra?: Uint8Array
}

const HEADER = 'c2sp.org/tlog-proof@v1'

/** @throws TlogError `bad-note` for what is no proof of this form. */
export function parseTlogProof(bytes: Uint8Array): TlogProof {
  const text = bytes.length > TLOG_PROOF_BYTES_MAX ? undefined : decodeText(bytes)
  const end = text?.indexOf('\n\n') ?? -1
  if (text === undefined || end < 0) throw bad()
  const [header, ...lines] = text.slice(0, end).split('\n', PROOF_HASHES_MAX + 4)
  const extraText = lines[0]?.startsWith('extra ') === true ? lines.shift()?.slice('extra '.length) : undefined
  const extra = extraText === undefined ? undefined : decodeBase64(extraText)
  const indexText = lines.shift()
  const index = indexText?.startsWith('index ') === true ? parseDecimal(indexText.slice('index '.length)) : undefined
  if (header !== HEADER || index === undefined || (extraText !== undefined && extra === undefined)) throw bad()
  if (lines.length > PROOF_HASHES_MAX) throw bad()
  const proof = lines.map((line) => {
    const hash = decodeHash(line)
    if (hash === undefined) throw bad()
    return hash
  })
  return { index, proof, note: parseNote(encodeText(text.slice(end + 2))), ...(extra !== undefined && { extra }) }
}

export function formatTlogProof({ index, proof, note, extra }: TlogProof): string {
  const extras = extra === undefined ? [] : [`extra ${encodeBase64(extra)}`]
  return [HEADER, ...extras, `index ${index}`, ...proof.map(encodeBase64), '', formatNote(note)].join('\n')
}

function bad(): TlogError {
  return new TlogError('bad-note', 'no proof of the form c2sp.org/tlog-proof@v1')
}
