/** The folder of uploaded files. Their names are made by chance: what a device calls a blob is no path. */

import { constants } from 'node:fs'
import { mkdir, open, readdir, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { BlobStore, StagedBlob, StoredBlob } from '@holdfast/uploads'
import { shortageOfRoom } from '../disk-room.ts'
import { readBlob } from './blob-reader.ts'
import { BlobWriter } from './blob-writer.ts'
import { onDisk } from './disk-fault.ts'
import { CONTENT_KEY_BYTES } from './sealed-blob.ts'

const NAME = /^[0-9a-f]{32}$/
const NAME_BYTES = 16

export class BlobFolder implements BlobStore {
  readonly #path: string
  readonly #random: (bytes: number) => Uint8Array

  private constructor(path: string, random: (bytes: number) => Uint8Array) {
    this.#path = path
    this.#random = random
  }

  /** The folder, made where there is none, for its owner alone. */
  static async open(path: string, random: (bytes: number) => Uint8Array): Promise<BlobFolder> {
    await onDisk(() => mkdir(path, { recursive: true, mode: 0o700 }))
    return new BlobFolder(path, random)
  }

  async create(): Promise<StagedBlob> {
    const file = Buffer.from(this.#random(NAME_BYTES)).toString('hex')
    const path = join(this.#path, file)
    const flags = constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY | constants.O_NOFOLLOW
    const handle = await onDisk(() => open(path, flags, 0o600))
    return new BlobWriter({
      handle,
      file,
      contentKey: this.#random(CONTENT_KEY_BYTES),
      syncFolder: () => this.#sync(),
      remove: () => removeFile(path),
    })
  }

  read(blob: StoredBlob): AsyncIterable<Uint8Array> {
    return readBlob(this.#pathOf(blob.file), blob)
  }

  async remove(file: string): Promise<void> {
    await onDisk(() => removeFile(this.#pathOf(file)))
  }

  async keepOnly(files: ReadonlySet<string>): Promise<number> {
    const left = (await onDisk(() => readdir(this.#path))).filter((name) => NAME.test(name) && !files.has(name))
    for (const name of left) await this.remove(name)
    return left.length
  }

  shortageOfRoom(bytes: number): string | undefined {
    return shortageOfRoom(join(this.#path, 'any'), bytes)
  }

  /** @throws TypeError when the name is none of ours: a row that somebody made. */
  #pathOf(file: string): string {
    if (!NAME.test(file)) throw new TypeError('the name of a blob file has a wrong form')
    return join(this.#path, file)
  }

  async #sync(): Promise<void> {
    const folder = await open(this.#path, constants.O_RDONLY | constants.O_DIRECTORY)
    try {
      await folder.sync()
    } finally {
      await folder.close()
    }
  }
}

async function removeFile(path: string): Promise<void> {
  await unlink(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
  })
}
