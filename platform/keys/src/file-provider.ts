/**
 * Key-encryption keys in a file of the data folder, `kek.json`: mode 0600, 32 random bytes, AES-256-GCM with the
 * context as additional data (NIST SP 800-38D). Protects backups of the rest of the folder and makes dropping keys
 * mean something; it does not protect from somebody who can read this file too. For that: a TPM or PKCS#11 provider.
 */

import { createHash } from 'node:crypto'
import type { Clock, Timestamp } from '@holdfast/base'
import { openBytes, type Random, sealBytes } from './aead.ts'
import * as document from './document.ts'
import { fileError, KeyError } from './errors.ts'
import { type KeyFolder, replaceFile } from './folder.ts'
import { KEK_BYTES_MAX, KEKS_MAX, KEY_BYTES } from './limits.ts'
import type { KeyProvider } from './provider.ts'

export const KEK_FILE = 'kek.json'
const FORMAT = 'holdfast-kek'
const VERSION = 1
/** Bytes of a key's name in front of what it wrapped. */
const KEY_ID_BYTES = 4

interface EncryptionKey {
  /** Hex of KEY_ID_BYTES; tells which key wrapped a blob while two are there. */
  readonly id: string
  readonly createdTime: Timestamp
  readonly bytes: Uint8Array
}

/** What opening keys needs from the world. */
export interface KeyEnvironment {
  readonly clock: Clock
  readonly random: Random
  /**
   * False when the data folder already holds something that keys protect: then a missing file is a loss that must be
   * told, and never an invitation to make new keys that open nothing.
   */
  readonly mayCreate: boolean
}

export class FileKeyProvider implements KeyProvider {
  readonly id: string
  readonly #folder: KeyFolder
  readonly #environment: KeyEnvironment
  readonly #fileId: string
  /** Oldest first; the last one wraps. */
  #keys: readonly EncryptionKey[]

  private constructor(
    folder: KeyFolder,
    environment: KeyEnvironment,
    content: { readonly fileId: string; readonly keys: readonly EncryptionKey[] },
  ) {
    this.#folder = folder
    this.#environment = environment
    this.#fileId = content.fileId
    this.#keys = content.keys
    this.id = `file:${content.fileId}`
  }

  /**
   * Reads `kek.json`, or makes it where there is none.
   * @throws KeyError `exposed`, `damaged`, `newer`, `missing` (not there and `mayCreate` is false), `unavailable`.
   */
  static async open(folder: KeyFolder, environment: KeyEnvironment): Promise<FileKeyProvider> {
    const file = `${folder.path}/${KEK_FILE}`
    const found = await whileReading(file, () => folder.read(KEK_FILE, KEK_BYTES_MAX))
    if (found === undefined) {
      if (!environment.mayCreate) {
        throw fileError('missing', {
          file,
          what: 'the key-encryption key is not there, and there is data that only it opens',
          remedy: 'put back kek.json from a backup',
        })
      }
      const content = { fileId: hex(environment.random(8)), keys: [newKey(environment)] }
      const provider = new FileKeyProvider(folder, environment, content)
      await provider.#write(content.keys, false)
      return provider
    }
    if ((found.mode & 0o077) !== 0 || !found.isOurs) {
      throw fileError('exposed', {
        file,
        what: `others may read the key-encryption key (mode ${found.mode.toString(8)})`,
        remedy: `run chmod 600 ${file} as its owner, then rotate the key-encryption key, for it may be known`,
      })
    }
    try {
      return new FileKeyProvider(folder, environment, parseContent(found.bytes, file))
    } finally {
      found.bytes.fill(0)
    }
  }

  /** True between the two halves of a rotation, also after a crash there: the old key is still in the file. */
  get isRotating(): boolean {
    return this.#keys.length > 1
  }

  /** When the key that wraps now was made. */
  get createdTime(): Timestamp {
    return this.#current().createdTime
  }

  async wrap(bytes: Uint8Array, context: string): Promise<Uint8Array> {
    const key = this.#current()
    const sealed = sealBytes(key.bytes, bytes, this.#associated(key, context), this.#environment.random)
    const wrapped = new Uint8Array(KEY_ID_BYTES + sealed.length)
    wrapped.set(Buffer.from(key.id, 'hex'))
    wrapped.set(sealed, KEY_ID_BYTES)
    return wrapped
  }

  async unwrap(wrapped: Uint8Array, context: string): Promise<Uint8Array> {
    const id = hex(wrapped.subarray(0, KEY_ID_BYTES))
    const key = this.#keys.find((candidate) => candidate.id === id)
    const file = `${this.#folder.path}/${KEK_FILE}`
    if (key === undefined) {
      throw fileError('damaged', {
        file,
        what: 'it does not hold the key that wrapped the ring',
        remedy: 'put back kek.json and ring.json from the same backup',
      })
    }
    const bytes = openBytes(key.bytes, wrapped.subarray(KEY_ID_BYTES), this.#associated(key, context))
    if (bytes === undefined) {
      throw fileError('damaged', {
        file: this.#folder.path,
        what: 'what this key wrapped does not verify: it was changed, or belongs to another ring',
        remedy: 'put back kek.json and ring.json from the same backup',
      })
    }
    return bytes
  }

  /**
   * First half of a rotation: a new key joins the file and wraps from now on; the old one still unwraps. Does nothing
   * where that was done already. Between the halves everything that was wrapped is wrapped anew.
   */
  async beginRotation(): Promise<void> {
    if (!this.isRotating) await this.#write([...this.#keys, newKey(this.#environment)], false)
  }

  /** Second half: the old key is destroyed. Only after nothing is wrapped by it any more. */
  async endRotation(): Promise<void> {
    if (!this.isRotating) return
    const retired = this.#keys.slice(0, -1)
    await this.#write([this.#current()], true)
    for (const key of retired) key.bytes.fill(0)
  }

  toJSON(): string {
    return `[key-encryption keys of ${this.id}]`
  }

  #current(): EncryptionKey {
    const key = this.#keys.at(-1)
    if (key === undefined) throw new TypeError('a provider holds at least one key')
    return key
  }

  #associated(key: EncryptionKey, context: string): string {
    return `holdfast kek 1|${this.#fileId}|${key.id}|${context}`
  }

  async #write(keys: readonly EncryptionKey[], erase: boolean): Promise<void> {
    const bytes = formatContent(this.#fileId, keys)
    try {
      await replaceFile(this.#folder, KEK_FILE, bytes, erase)
    } catch (cause) {
      throw new KeyError('unavailable', `${this.#folder.path}/${KEK_FILE} could not be written`, cause)
    } finally {
      bytes.fill(0)
    }
    this.#keys = keys
  }
}

/** Runs a read; what the disk says becomes a KeyError that names the file. */
export async function whileReading<T>(file: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (cause) {
    if (cause instanceof KeyError) throw cause
    const reason = cause instanceof Error ? cause.message : 'the disk refused'
    throw new KeyError('unavailable', `${file} could not be read: ${reason}`, cause)
  }
}

function newKey(environment: KeyEnvironment): EncryptionKey {
  return {
    id: hex(environment.random(KEY_ID_BYTES)),
    createdTime: environment.clock.wall(),
    bytes: new Uint8Array(environment.random(KEY_BYTES)),
  }
}

function formatContent(fileId: string, keys: readonly EncryptionKey[]): Uint8Array {
  const body = {
    format: FORMAT,
    version: VERSION,
    id: fileId,
    keys: keys.map((key) => ({ id: key.id, createdTime: key.createdTime, key: document.formatBytes(key.bytes) })),
  }
  return new TextEncoder().encode(`${JSON.stringify({ ...body, check: checkOf(body) }, undefined, 1)}\n`)
}

function parseContent(
  bytes: Uint8Array,
  file: string,
): { readonly fileId: string; readonly keys: readonly EncryptionKey[] } {
  try {
    const { check, ...body } = document.parseDocument(bytes)
    if (body.format !== FORMAT) throw new document.DocumentError('is no key-encryption key file')
    if (typeof body.version === 'number' && body.version > VERSION) {
      throw fileError('newer', {
        file,
        what: `it was written by a newer version (format ${body.version})`,
        remedy: 'run that version',
      })
    }
    document.requireNames(body, ['format', 'version', 'id', 'keys'])
    document.countOf(body.version, 'version', 1, VERSION)
    const fileId = document.textOf(body.id, 'id', /^[0-9a-f]{16}$/)
    const keys = document.arrayOf(body.keys, 'keys', KEKS_MAX).map((value) => {
      const key = document.objectOf(value, 'key')
      document.requireNames(key, ['id', 'createdTime', 'key'])
      return {
        id: document.textOf(key.id, 'key id', /^[0-9a-f]{8}$/),
        createdTime: document.timeOf(key.createdTime, 'createdTime'),
        bytes: document.bytesOf(key.key, 'key', KEY_BYTES, KEY_BYTES),
      }
    })
    if (keys.length === 0) throw new document.DocumentError('it holds no key')
    // Against a disk's errors, so that they are told as such and not as a ring that does not verify.
    if (check !== checkOf(body)) throw new document.DocumentError('its check sum does not match')
    return { fileId, keys }
  } catch (cause) {
    if (!(cause instanceof document.DocumentError)) throw cause
    throw fileError(
      'damaged',
      { file, what: `the key-encryption key file is damaged: ${cause.message}`, remedy: 'put it back from a backup' },
      cause,
    )
  }
}

function checkOf(body: object): string {
  return createHash('sha256')
    .update(`holdfast kek check|${JSON.stringify(body)}`)
    .digest('hex')
    .slice(0, 16)
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
