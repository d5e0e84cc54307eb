/** What a log asks of a witness: C2SP tlog-witness, `add-checkpoint`. */

import type { Checkpoint } from './checkpoint.ts'
import { parseCheckpoint } from './checkpoint.ts'
import { TlogError } from './errors.ts'
import type { Hash } from './hash.ts'
import { PROOF_HASHES_MAX, WITNESS_REQUEST_BYTES_MAX } from './limits.ts'
import type { Note } from './note.ts'
import { formatNote, parseNote } from './note.ts'
import { decodeHash, decodeText, encodeBase64, encodeText, parseDecimal } from './text.ts'

export interface AddCheckpoint {
  /** Size of the checkpoint that the witness saw last, as far as the log knows. */
  readonly oldSize: number
  readonly proof: readonly Hash[]
  /** Unverified. */
  readonly note: Note
}

/** @throws TlogError `bad-request`, `bad-note` or `bad-checkpoint`; all are a 400. */
export function parseAddCheckpoint(body: Uint8Array): AddCheckpoint & { readonly checkpoint: Checkpoint } {
  const text = body.length > WITNESS_REQUEST_BYTES_MAX ? undefined : decodeText(body)
  const end = text?.indexOf('\n\n') ?? -1
  if (text === undefined || end < 0) throw bad('it is no request')
  const [old = '', ...lines] = text.slice(0, end).split('\n', PROOF_HASHES_MAX + 2)
  const oldSize = old.startsWith('old ') ? parseDecimal(old.slice('old '.length)) : undefined
  if (oldSize === undefined) throw bad('it does not begin with an old size')
  if (lines.length > PROOF_HASHES_MAX) throw bad('its proof is too long')
  const proof = lines.map((line) => {
    const hash = decodeHash(line)
    if (hash === undefined) throw bad('a line of its proof is no hash')
    return hash
  })
  const note = parseNote(encodeText(text.slice(end + 2)))
  return { oldSize, proof, note, checkpoint: parseCheckpoint(note.text) }
}

/** The body of the request. */
export function formatAddCheckpoint({ oldSize, proof, note }: AddCheckpoint): string {
  return [`old ${oldSize}`, ...proof.map(encodeBase64), '', formatNote(note)].join('\n')
}

function bad(why: string): TlogError {
  return new TlogError('bad-request', why)
}
