/**
 * Keys that notes are verified with: C2SP signed-note, "Verifier keys" (vkeys). Of its signature types we know 0x01, Ed25519
 * over the text, and 0x04, Ed25519 with a time, which is how witnesses cosign (C2SP tlog-cosignature).
 */

import { createPublicKey, hash, verify } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { TlogError } from './errors.ts'
import { NAME_BYTES_MAX } from './limits.ts'
import { decodeBase64, encodeBase64, encodeText, hasControls } from './text.ts'

export type KeyKind = 'note' | 'cosignature'

const TYPE_OF: Readonly<Record<KeyKind, number>> = { note: 1, cosignature: 4 }
const KEY_BYTES = 32
const SIGNATURE_BYTES = 64
/** RFC 8410 §4: what stands before the 32 bytes in a SubjectPublicKeyInfo. */
const SPKI_PREFIX = Uint8Array.of(0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00)
const VKEY = /^([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+={0,2})$/

export class VerifierKey {
  readonly name: string
  readonly kind: KeyKind
  /** What a signature line names beside the name; tells keys apart and proves nothing. */
  readonly id: number
  readonly #bytes: Uint8Array
  readonly #key: KeyObject

  /**
   * @param publicKey 32 bytes, RFC 8032; copied.
   * @throws TlogError `bad-key` on a bad name or another length.
   */
  constructor({ name, kind, publicKey }: { name: string; kind: KeyKind; publicKey: Uint8Array }) {
    if (!isKeyName(name)) throw new TlogError('bad-key', 'a key has a name without spaces and plus signs')
    if (publicKey.length !== KEY_BYTES) throw new TlogError('bad-key', 'an Ed25519 key has 32 bytes')
    this.name = name
    this.kind = kind
    this.#bytes = Uint8Array.from(publicKey)
    this.id = keyIdOf(name, kind, this.#bytes)
    this.#key = createPublicKey({ key: Buffer.concat([SPKI_PREFIX, this.#bytes]), format: 'der', type: 'spki' })
  }

  /** @throws TlogError `bad-key` for what is no vkey of a type that we know, or whose id is not its own. */
  static parse(vkey: string): VerifierKey {
    const [, name = '', id = '', material = ''] = VKEY.exec(vkey.length > 1_024 ? '' : vkey) ?? []
    const bytes = decodeBase64(material)
    const kind = bytes === undefined ? undefined : kindOf(bytes[0])
    if (bytes === undefined || kind === undefined) throw new TlogError('bad-key', 'no key of a type that is known here')
    const key = new VerifierKey({ name, kind, publicKey: bytes.subarray(1) })
    if (formatId(key.id) !== id) throw new TlogError('bad-key', 'the id of the key is not that of its name and bytes')
    return key
  }

  /** A copy of the 32 bytes. */
  get publicKey(): Uint8Array {
    return Uint8Array.from(this.#bytes)
  }

  /** As vkey: `name+id+base64`. */
  toString(): string {
    return `${this.name}+${formatId(this.id)}+${encodeBase64(Uint8Array.of(TYPE_OF[this.kind], ...this.#bytes))}`
  }

  isSameAs(other: VerifierKey): boolean {
    return this.toString() === other.toString()
  }

  /** Whether these 64 bytes sign the message, which is not the note for each kind. */
  verify(message: Uint8Array, signature: Uint8Array): boolean {
    return signature.length === SIGNATURE_BYTES && verify(null, message, this.#key, signature)
  }
}

/** Not empty, no Unicode spaces, no plus, no control characters; 255 bytes at most. */
export function isKeyName(name: string): boolean {
  return name !== '' && !/[\s\u0085+]/u.test(name) && !hasControls(name) && name.isWellFormed() && isShort(name)
}

function isShort(name: string): boolean {
  return name.length <= NAME_BYTES_MAX && encodeText(name).length <= NAME_BYTES_MAX
}

function kindOf(type: number | undefined): KeyKind | undefined {
  if (type === TYPE_OF.note) return 'note'
  return type === TYPE_OF.cosignature ? 'cosignature' : undefined
}

function keyIdOf(name: string, kind: KeyKind, publicKey: Uint8Array): number {
  const digest = hash(
    'sha256',
    Buffer.concat([encodeText(`${name}\n`), Uint8Array.of(TYPE_OF[kind]), publicKey]),
    'buffer',
  )
  return digest.readUInt32BE(0)
}

function formatId(id: number): string {
  return id.toString(16).padStart(8, '0')
}
