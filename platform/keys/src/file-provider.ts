/**
 * Key-encryption keys in a file of the data folder, `kek.json`: mode 0600, 32 random bytes each. Protects backups of the
 * rest of the folder and makes dropping keys mean something; it does not protect from somebody who can read this file
 * too. For that: a passphrase, a TPM or a PKCS#11 token.
 */

import type { Timestamp } from '@holdfast/base'
import * as document from './document.ts'
import type { KeyEnvironment } from './environment.ts'
import { fileError, KeyError } from './errors.ts'
import { type KeyFolder, removeFile, replaceFile } from './folder.ts'
import { type EncryptionKey, HeldKeys, newEncryptionKey } from './held-keys.ts'
import type { HomeDescription, KeyHome, KeyHomeKind } from './home.ts'
import { formatKek, type KekForm, parseKek } from './kek-document.ts'
import { KEK_BYTES_MAX, KEY_BYTES } from './limits.ts'
import { whileReading } from './reading.ts'

export const KEK_FILE = 'kek.json'

const FORM: KekForm<EncryptionKey> = {
  format: 'holdfast-kek',
  version: 1,
  id: /^[0-9a-f]{16}$/,
  members: [],
  key: (key) => {
    document.requireNames(key, ['id', 'createdTime', 'key'])
    return {
      id: document.textOf(key.id, 'key id', /^[0-9a-f]{8}$/),
      createdTime: document.timeOf(key.createdTime, 'createdTime'),
      bytes: document.bytesOf(key.key, 'key', KEY_BYTES, KEY_BYTES),
    }
  },
}

export class FileKeyProvider implements KeyHome {
  readonly kind = 'file'
  readonly id: string
  readonly #held: HeldKeys

  private constructor(
    folder: KeyFolder,
    environment: KeyEnvironment,
    content: { readonly fileId: string; readonly keys: readonly EncryptionKey[] },
  ) {
    const { fileId, keys } = content
    this.id = `file:${fileId}`
    const file = `${folder.path}/${KEK_FILE}`
    const save = (kept: readonly EncryptionKey[], erase: boolean): Promise<void> => write(folder, fileId, kept, erase)
    this.#held = new HeldKeys({ homeId: fileId, file, folder: folder.path, ...environment, save }, keys)
  }

  /**
   * Reads `kek.json`, or makes it where there is none.
   * @param id what the file must be, or will be; any where it is not given.
   * @throws KeyError `exposed`, `damaged`, `newer`, `foreign` (it is another), `missing` (not there and `mayCreate` is
   * false), `unavailable`.
   */
  static async open(folder: KeyFolder, environment: KeyEnvironment, id?: string): Promise<FileKeyProvider> {
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
      const fileId = id?.slice('file:'.length) ?? Buffer.from(environment.random(8)).toString('hex')
      const keys = [newEncryptionKey(environment)]
      await write(folder, fileId, keys, false)
      return new FileKeyProvider(folder, environment, { fileId, keys })
    }
    const { id: fileId, keys } = parseKek(found, file, FORM)
    if (id !== undefined && id !== `file:${fileId}`) {
      throw fileError('foreign', {
        file,
        what: `it is file:${fileId}, and not ${id}`,
        remedy: 'put back the whole keys folder from one backup',
      })
    }
    return new FileKeyProvider(folder, environment, { fileId, keys })
  }

  get isRotating(): boolean {
    return this.#held.isRotating
  }

  get createdTime(): Timestamp {
    return this.#held.createdTime
  }

  async wrap(bytes: Uint8Array, context: string): Promise<Uint8Array> {
    return this.#held.wrap(bytes, context)
  }

  async unwrap(wrapped: Uint8Array, context: string): Promise<Uint8Array> {
    return this.#held.unwrap(wrapped, context)
  }

  beginRotation(): Promise<void> {
    return this.#held.beginRotation()
  }

  endRotation(): Promise<void> {
    return this.#held.endRotation()
  }

  async close(): Promise<void> {
    this.#held.close()
  }

  toJSON(): string {
    return `[key-encryption keys of ${this.id}]`
  }
}

/** The machine file as a kind of home. There is one of it a folder, so that any two wishes for it are the same. */
export function fileHomes(folder: KeyFolder, environment: KeyEnvironment): KeyHomeKind {
  return {
    // A folder that names no home does not know the file's id either.
    open: ({ id }: HomeDescription, { mayCreate }) =>
      FileKeyProvider.open(folder, { ...environment, mayCreate }, id === '' ? undefined : id),
    destroy: () => removeFile(folder, KEK_FILE),
    matches: () => true,
  }
}

async function write(folder: KeyFolder, id: string, keys: readonly EncryptionKey[], erase: boolean): Promise<void> {
  const { format, version } = FORM
  const bytes = formatKek({
    format,
    version,
    id,
    keys: keys.map((key) => ({ id: key.id, createdTime: key.createdTime, key: document.formatBytes(key.bytes) })),
  })
  try {
    await replaceFile(folder, KEK_FILE, bytes, erase)
  } catch (cause) {
    throw new KeyError('unavailable', `${folder.path}/${KEK_FILE} could not be written`, cause)
  } finally {
    bytes.fill(0)
  }
}
