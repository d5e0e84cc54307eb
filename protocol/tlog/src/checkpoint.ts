/** Checkpoints: C2SP tlog-checkpoint. The text of a note that states a log's size and root. */

import { TlogError } from './errors.ts'
import type { Hash } from './hash.ts'
import { isHash } from './hash.ts'
import { EXTENSIONS_MAX, NAME_BYTES_MAX } from './limits.ts'
import type { Note } from './note.ts'
import { parseNote } from './note.ts'
import type { CheckedSignature } from './signature.ts'
import { verifySignatures } from './signature.ts'
import { isTreeSize } from './subtree.ts'
import { decodeHash, encodeBase64, encodeText, hasControls, parseDecimal } from './text.ts'
import type { VerifierKey } from './verifier-key.ts'

export interface Checkpoint {
  /** Which log; one line, 255 bytes at most. */
  readonly origin: string
  readonly size: number
  readonly root: Hash
  /** Lines that mean nothing here, but are part of what is signed. */
  readonly extensions: readonly string[]
}

/** A checkpoint whose log has signed it. */
export interface SignedCheckpoint extends Checkpoint {
  readonly note: Note
  /** Of all keys that were known: the log's, and those of witnesses. All good. */
  readonly signatures: readonly CheckedSignature[]
}

/** Reads the text of a note, which may be signed by nobody. @throws TlogError `bad-checkpoint`. */
export function parseCheckpoint(text: string): Checkpoint {
  const [origin = '', sizeText = '', rootText = '', ...extensions] = linesOf(text)
  const size = parseDecimal(sizeText)
  const root = decodeHash(rootText)
  if (!isOrigin(origin)) throw bad('its origin is empty or too long')
  if (size === undefined) throw bad('its size is no whole number')
  if (root === undefined) throw bad('its root is no hash')
  return { origin, size, root, extensions }
}

/** @throws TypeError on what cannot be read back. */
export function formatCheckpoint({ origin, size, root, extensions }: Checkpoint): string {
  if (!isOrigin(origin) || !isTreeSize(size) || !isHash(root))
    throw new TypeError('a checkpoint has origin, size and root')
  if (!extensions.every((line) => line !== '' && !line.includes('\n'))) throw new TypeError('an extension is one line')
  return [origin, String(size), encodeBase64(root), ...extensions, ''].join('\n')
}

/**
 * Reads and verifies. Nothing is known of a checkpoint before this.
 * @param witnesses known ones; their lines are verified where there are any.
 * @throws TlogError `bad-note`, `bad-checkpoint`; `bad-signature` if a known key's is wrong; `no-known-signature` if the
 * log did not sign.
 */
export function openCheckpoint(
  bytes: Uint8Array,
  { log, witnesses = [] }: { readonly log: VerifierKey; readonly witnesses?: readonly VerifierKey[] },
): SignedCheckpoint {
  const note = parseNote(bytes)
  const signatures = verifySignatures(note, [log, ...witnesses])
  if (!signatures.some(({ key }) => key === log)) throw new TlogError('no-known-signature', 'the log did not sign this')
  return { ...parseCheckpoint(note.text), note, signatures }
}

function linesOf(text: string): readonly string[] {
  if (!text.endsWith('\n')) throw bad('its last line was cut off')
  const lines = text.slice(0, -1).split('\n', 4 + EXTENSIONS_MAX)
  if (lines.length < 3) throw bad('it has fewer than three lines')
  if (lines.length > 3 + EXTENSIONS_MAX) throw bad('it has too many extensions')
  if (lines.includes('')) throw bad('it has an empty line')
  return lines
}

function isOrigin(origin: string): boolean {
  if (origin === '' || origin.length > NAME_BYTES_MAX || !origin.isWellFormed()) return false
  return !hasControls(origin) && encodeText(origin).length <= NAME_BYTES_MAX
}

function bad(why: string): TlogError {
  return new TlogError('bad-checkpoint', `no checkpoint: ${why}`)
}
