/** Signing and verifying notes: C2SP signed-note ("Signatures") and tlog-cosignature ("Ed25519 signed message"). */

import type { Timestamp } from '@holdfast/base'
import { timestampOf } from '@holdfast/base'
import { TlogError } from './errors.ts'
import type { Note, SignatureLine } from './note.ts'
import { encodeText } from './text.ts'
import type { VerifierKey } from './verifier-key.ts'

/** Signs with the private half of a key, Ed25519: 64 bytes. */
export type SignBytes = (message: Uint8Array) => Uint8Array

/** A line of a key that is known, and whether it holds. */
export interface CheckedSignature {
  readonly key: VerifierKey
  readonly line: SignatureLine
  readonly isGood: boolean
  /** Of a cosignature: when the witness says it made it, whole seconds. It counts only if the line is good. */
  readonly at?: Timestamp
}

const TIME_BYTES = 8

/** Looks at the lines whose name and id are those of a known key, in their order; all others mean nothing. */
export function checkSignatures(note: Note, keys: readonly VerifierKey[]): readonly CheckedSignature[] {
  const text = encodeText(note.text)
  return note.signatures.flatMap((line) => {
    const key = keys.find(({ name, id }) => name === line.name && id === line.keyId)
    return key === undefined ? [] : [checkLine(line, key, text, note.text)]
  })
}

/**
 * The good signatures of known keys.
 * @throws TlogError `bad-signature` if a known key's does not verify; `no-known-signature` if no known key signed.
 */
export function verifySignatures(note: Note, keys: readonly VerifierKey[]): readonly CheckedSignature[] {
  const checked = checkSignatures(note, keys)
  if (checked.some(({ isGood }) => !isGood)) throw new TlogError('bad-signature', 'a signature of a known key is wrong')
  if (checked.length === 0) throw new TlogError('no-known-signature', 'no known key signed this')
  return checked
}

/** A line under a text. @throws TypeError if the key is for cosignatures, or the signer holds another. */
export function signText(text: string, key: VerifierKey, sign: SignBytes): SignatureLine {
  if (key.kind !== 'note') throw new TypeError('a key for cosignatures signs with a time')
  return lineOf(key, encodeText(text), sign, new Uint8Array())
}

/** A cosignature of a checkpoint's text. `at` is cut to whole seconds. @throws TypeError as `signText`. */
export function cosignText(
  text: string,
  key: VerifierKey,
  { sign, at }: { sign: SignBytes; at: Timestamp },
): SignatureLine {
  if (key.kind !== 'cosignature') throw new TypeError('this key does not cosign')
  const seconds = Math.floor(at / 1_000)
  const time = new Uint8Array(TIME_BYTES)
  new DataView(time.buffer).setBigUint64(0, BigInt(seconds))
  return lineOf(key, cosignedMessage(text, String(seconds)), sign, time)
}

function checkLine(line: SignatureLine, key: VerifierKey, bytes: Uint8Array, text: string): CheckedSignature {
  if (key.kind === 'note') return { key, line, isGood: key.verify(bytes, line.signature) }
  if (line.signature.length <= TIME_BYTES) return { key, line, isGood: false }
  const seconds = new DataView(line.signature.buffer, line.signature.byteOffset).getBigUint64(0)
  const milliseconds = Number(seconds) * 1_000
  const isGood =
    Number.isSafeInteger(milliseconds) &&
    key.verify(cosignedMessage(text, String(seconds)), line.signature.subarray(TIME_BYTES))
  return { key, line, isGood, ...(isGood && { at: timestampOf(milliseconds) }) }
}

function lineOf(key: VerifierKey, message: Uint8Array, sign: SignBytes, before: Uint8Array): SignatureLine {
  const made = sign(message)
  if (!key.verify(message, made)) throw new TypeError('the signer does not hold this key')
  const signature = new Uint8Array(before.length + made.length)
  signature.set(before)
  signature.set(made, before.length)
  return { name: key.name, keyId: key.id, signature }
}

function cosignedMessage(text: string, seconds: string): Uint8Array {
  return encodeText(`cosignature/v1\ntime ${seconds}\n${text}`)
}
