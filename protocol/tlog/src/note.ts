/**
 * Signed notes: C2SP signed-note. A text, an empty line, and lines of signatures by those who stand for it. What a note says
 * MUST NOT be used before a signature of a trusted key has been verified: see `checkSignatures`.
 */

import { TlogError } from './errors.ts'
import { NOTE_BYTES_MAX, NOTE_SIGNATURES_MAX } from './limits.ts'
import { decodeBase64, decodeText, encodeBase64, encodeText, hasControls } from './text.ts'
import { isKeyName } from './verifier-key.ts'

/** One line of a note; unverified. */
export interface SignatureLine {
  readonly name: string
  readonly keyId: number
  /** What stands after the id: 64 bytes of Ed25519, with a time of 8 bytes before them in cosignatures. */
  readonly signature: Uint8Array
}

export interface Note {
  /** With its last newline. */
  readonly text: string
  readonly signatures: readonly SignatureLine[]
}

const LINE_START = '— '

/** @throws TlogError `bad-note` for what is no note, or longer than its bounds. */
export function parseNote(bytes: Uint8Array): Note {
  if (bytes.length > NOTE_BYTES_MAX) throw bad('it is too long')
  const note = decodeText(bytes)
  if (note === undefined) throw bad('it is no UTF-8')
  // Control characters but the newline would let two notes look alike.
  if (hasControls(note, { allowsNewline: true })) throw bad('it has control characters')
  const split = note.lastIndexOf('\n\n')
  if (split < 0) throw bad('it has no signatures')
  const text = note.slice(0, split + 1)
  return { text, signatures: parseSignatureLines(note.slice(split + 2)) }
}

/** Lines alone, as a witness answers them. @throws TlogError `bad-note`; also if there is none. */
export function parseSignatureLines(lines: string): readonly SignatureLine[] {
  if (lines.length > NOTE_BYTES_MAX) throw bad('it is too long')
  if (!lines.endsWith('\n')) throw bad('its last line was cut off')
  const parts = lines.slice(0, -1).split('\n', NOTE_SIGNATURES_MAX + 1)
  if (parts.length > NOTE_SIGNATURES_MAX) throw bad('it has too many signatures')
  return parts.map(parseLine)
}

/** @throws TypeError on a text that is none, so that nothing is signed which cannot be read back. */
export function formatNote({ text, signatures }: Note): string {
  if (!text.endsWith('\n') || !text.isWellFormed() || hasControls(text, { allowsNewline: true })) {
    throw new TypeError('a note is lines of text')
  }
  return `${text}\n${signatures.map(formatSignatureLine).join('')}`
}

export function formatSignatureLine({ name, keyId, signature }: SignatureLine): string {
  const bytes = new Uint8Array(4 + signature.length)
  new DataView(bytes.buffer).setUint32(0, keyId)
  bytes.set(signature, 4)
  return `${LINE_START}${name} ${encodeBase64(bytes)}\n`
}

/** The bytes of a note. */
export function encodeNote(note: Note): Uint8Array {
  return encodeText(formatNote(note))
}

function parseLine(line: string): SignatureLine {
  if (!line.startsWith(LINE_START)) throw bad('a line of it is no signature')
  const [name = '', base64 = '', ...more] = line.slice(LINE_START.length).split(' ')
  const bytes = decodeBase64(base64)
  if (more.length > 0 || !isKeyName(name) || bytes === undefined || bytes.length < 5) {
    throw bad('a line of it is no signature')
  }
  return { name, keyId: new DataView(bytes.buffer, bytes.byteOffset).getUint32(0), signature: bytes.subarray(4) }
}

function bad(why: string): TlogError {
  return new TlogError('bad-note', `no signed note: ${why}`)
}
